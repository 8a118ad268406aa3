"""`weft perf` against a server, and the same I/O by bare sockets: each gives one sample, a flat dict of numbers."""

import json
import subprocess

from harness.process import Watch
from harness.programs import LIMIT, Failed, answered, host_cpu, pinned


def perf_command(settings, server, options, under=()):
    """`options`: those of `weft perf`, by their names without the dashes; a list for one that is repeated. `under`: a
    program to run it in."""
    words = []
    for key, value in options.items():
        name = f"-{key}" if len(key) == 1 else f"--{key}"
        for each in value if isinstance(value, list) else [value]:
            words += [name, each]
    if settings.congestion:
        words += ["-o", f"congestion={settings.congestion}"]
    return pinned(host_cpu(), [*under, *settings.programs.weft("perf", server.url, "--json", *words)])


def perf(settings, server, options):
    """One run of settings.seconds, as a sample."""
    return sample(*run(settings, server, options))


def run(settings, server, options, **counters):
    """What `weft perf` said, and a Watch over it and the server."""
    command = perf_command(settings, server, {"seconds": f"{settings.seconds * 1000:.0f}ms", **options})
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with Watch({"host": process.pid, "target": server.pid}, **counters) as watch:
        try:
            out, err = process.communicate(timeout=LIMIT + settings.seconds)
        except BaseException:  # it takes too long, or somebody ends the benchmark
            process.kill()
            process.communicate()
            raise
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}: {err.strip()}")
    return json.loads(out), watch


def watched(settings, server, options, counters):
    """Of a run's second half: the most of what is resident, and context switches a second, both sides."""
    result, watch = run(settings, server, options, counters=tuple(counters.items()))
    ended = result["ended_ns"]
    begun = (result["started_ns"] + ended) // 2
    found = {who: watch.most(who, "rss", begun, ended) for who in watch.pids}
    for who in watch.pids:
        found[f"{who}_switches"] = watch.rate(who, "switches", begun, ended)
    return found


def sample(result, watch):
    during = (result["started_ns"], result["ended_ns"])
    flat = speed(result)
    for who in ("host", "target"):
        share = watch.share(who, *during)
        flat[f"{who}_cpu"] = share
        flat[f"{who}_cpu_s_per_million"] = share / result["iops"] * 1e6 if share is not None and result["iops"] else None
        flat[f"{who}_rss"] = watch.most(who, "rss", *during)
    return flat


def speed(result):
    """What `weft perf` and `ceiling` both say."""
    latency = result["lat_us"]
    return {"iops": result["iops"], "mib_s": result["mib_s"], "mean_us": latency["mean"], "p50_us": latency["p50"],
            "p99_us": latency["p99"], "p999_us": latency["p999"]}


# How bare sockets may move the payload: (send, receive). The best of them, row by row, is the ceiling.
CEILING_WAYS = [("copy", "copy"), ("copy", "direct"), ("gather", "copy"), ("gather", "direct")]


def ceiling(settings, row, way, seconds=None):
    seconds = seconds or settings.seconds
    send, receive = way
    command = settings.programs.ceiling(
        "--rw", "write" if row["rw"].endswith("write") else "read", "--bs", row["bytes"], "--depth", row["depth"],
        "--connections", row["queues"], "--seconds", max(seconds, 0.1), "--send", send, "--receive", receive,
        "--order", "random" if row["rw"].startswith("rand") else "sequential",
        "--array", settings.memory if row["storage"] == "ram" else 0)
    return speed(answered([*command, *(["--congestion", settings.congestion] if settings.congestion else [])], seconds))


def best_way(settings, row):
    """Which way is the fastest for a row, each tried twice, in turns."""
    if settings.smoke:
        return CEILING_WAYS[0]
    tried = {way: 0 for way in CEILING_WAYS}
    for _ in range(2):
        for way in CEILING_WAYS:
            taken = settings.processors.sample(lambda way=way: ceiling(settings, row, way, settings.seconds / 4))
            tried[way] = max(tried[way], taken["iops"])
    return max(tried, key=tried.get)
