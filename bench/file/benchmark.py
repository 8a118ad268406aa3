"""A file behind `weft serve`, over TCP, against fio with io_uring on the same file: past the page cache, and through it.
"""

import contextlib
import json
import os
import shutil

from harness import driving, series
from harness.programs import Failed, finished, pinned, target_cpu
from harness.serving import MIB, Server
from harness.tables import Table, count, number, percent, spread_of

ROWS = [("randread", "4k", 32), ("randwrite", "4k", 32), ("read", "128k", 8), ("write", "128k", 8)]


def measure(settings):
    if shutil.which("fio") is None:
        raise Failed("fio is missing: bench/all installs it")
    path = settings.files / "weft-bench.file"
    try:
        path.write_bytes(b"")
        os.truncate(path, settings.memory)
        ways = ["on", "off"] if past_the_cache(path) else ["off"]
        return {"rows": [row for direct in ways for row in one_way(settings, path, direct)], "o_direct": "on" in ways}
    finally:
        path.unlink(missing_ok=True)


def past_the_cache(path):
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_DIRECT))
        return True
    return False


def one_way(settings, path, direct):
    with Server(settings, f"file://{path}?size={settings.memory}&direct={direct}") as server:
        server.fill(settings.memory)
        cases = []
        for row in ROWS:
            words = f"{row[0]} {row[1]} direct={direct}"
            cases.append((words, lambda row=row: weft(settings, server, row)))
            cases.append((f"{words}, fio", lambda row=row: fio(settings, path, direct, row)))
        samples = series.interleave(settings, cases)
    return [made(direct, *row) for row in zip(ROWS, samples[::2], samples[1::2])]


def weft(settings, server, row):
    rw, size, depth = row
    return driving.perf(settings, server, {"rw": rw, "bs": size, "depth": depth})


def fio(settings, path, direct, row):
    rw, size, depth = row
    command = ["fio", "--name=bench", f"--filename={path}", "--ioengine=io_uring", f"--direct={int(direct == 'on')}",
               f"--rw={rw}", f"--bs={size}", f"--iodepth={depth}", f"--size={settings.memory}", "--time_based",
               f"--runtime={settings.seconds * 1000:.0f}ms", "--thread", "--norandommap", "--randrepeat=0",
               "--invalidate=0", "--allow_file_create=0", "--output-format=json"]
    said = finished(pinned(target_cpu(), command), settings.seconds).stdout
    job = json.loads(said[said.index("{"):])["jobs"][0]  # warnings come first
    side = job["read" if rw.endswith("read") else "write"]
    return {"iops": side["iops"], "mib_s": side["bw_bytes"] / MIB,
            "p50_us": side["clat_ns"]["percentile"]["50.000000"] / 1000,
            "p99_us": side["clat_ns"]["percentile"]["99.000000"] / 1000}


def made(direct, row, ours, theirs):
    rw, size, depth = row
    return {"direct": direct, "rw": rw, "bs": size, "depth": depth, "weft": series.summaries(ours),
            "fio": series.summaries(theirs), "ratio": series.ratios(ours, theirs, "iops")}


def tables(document):
    headings = ["file", "I/O", "depth", "weft IOPS", "spread", "MiB/s", "p99 µs", "CPU of host", "of target",
                "fio IOPS", "spread", "p99 µs", "weft / fio"]
    yield Table("file://, over TCP, beside fio on the file itself", headings, [cells(row) for row in document["rows"]])


def cells(row):
    ours, theirs = row["weft"], row["fio"]
    how = "O_DIRECT" if row["direct"] == "on" else "page cache"
    return [how, f"{row['rw']} {row['bs']}", row["depth"], count(ours["iops"]), spread_of(ours["iops"]),
            count(ours["mib_s"]), number(ours["p99_us"], ".1f"), percent(ours["host_cpu"]),
            percent(ours["target_cpu"]), count(theirs["iops"]), spread_of(theirs["iops"]),
            number(theirs["p99_us"], ".1f"), number(row["ratio"])]
