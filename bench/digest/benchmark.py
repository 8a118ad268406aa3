"""Both digests on against off, on the same server."""

from harness import driving, series
from harness.serving import Server
from harness.tables import Table, count, number, spread_of, verdict

DIGESTS = {"off": [], "on": ["hdgst=on", "ddgst=on"]}
ROWS = [("randread", "4k", 32, 0.85), ("randwrite", "4k", 32, 0.85),
        ("read", "128k", 8, 0.90), ("write", "128k", 8, 0.90)]


def measure(settings):
    with Server(settings, f"ram://?size={settings.memory}") as server:
        server.fill(settings.memory)

        def one(rw, size, depth, digests):
            return driving.perf(settings, server, {"rw": rw, "bs": size, "depth": depth, "o": DIGESTS[digests]})

        cases = [(f"{rw} {size} digests {digests}", lambda case=(rw, size, depth, digests): one(*case))
                 for rw, size, depth, _ in ROWS for digests in DIGESTS]
        samples = series.interleave(settings, cases)
    return {"rows": [made(row, off, on) for row, off, on in zip(ROWS, samples[::2], samples[1::2])]}


def made(row, off, on):
    rw, size, depth, least = row
    ratio = series.ratios(on, off, "iops")
    return {"rw": rw, "bs": size, "depth": depth, "off": series.summaries(off), "on": series.summaries(on),
            "ratio": ratio, "targets": [series.judged("of digests off", ratio, at_least=least)]}


def tables(document):
    headings = ["I/O", "depth", "off IOPS", "spread", "on IOPS", "spread", "on / off", "p99 µs off", "p99 µs on",
                "target"]
    yield Table("header and data digests, ram://", headings, [cells(row) for row in document["rows"]])


def cells(row):
    off, on = row["off"], row["on"]
    return [f"{row['rw']} {row['bs']}", row["depth"], count(off["iops"]), spread_of(off["iops"]), count(on["iops"]),
            spread_of(on["iops"]), number(row["ratio"]), number(off["p99_us"], ".1f"), number(on["p99_us"], ".1f"),
            verdict(row["targets"])]
