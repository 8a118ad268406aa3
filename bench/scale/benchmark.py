"""Many connections: I/O on all of them, on one of them, and how deep one can be."""

from harness import driving, series
from harness.serving import Server
from harness.tables import Table, count, number, spread_of, verdict

COUNTS = [1, 4, 16, 64, 256, 1024]
TOTAL_DEPTH = 1024
IDLE_BESIDE = [0, 255, 1023]
QUEUES_OF_ONE = 128  # that a controller grants a host
REFERENCE = 4  # connections: what many are compared with
BARE_WAY = ("copy", "direct")  # of the ceiling, the same in all rows: what it loses with connections is what counts here
FOR_CEILING = {"bytes": 4096, "storage": "ram"}
LIMITS = "[limits]\nmax_queue_size = 2048\n"  # room for 1,024 I/Os on one queue


def spread_over(connections):
    """Associations and queues of each."""
    associations = -(-connections // QUEUES_OF_ONE)
    return {"associations": associations, "queues": connections // associations}


def rows():
    made = []
    for rw in ("randread", "randwrite"):
        for connections in COUNTS:
            made.append({"kind": "connections", "rw": rw, "connections": connections, "depth": TOTAL_DEPTH, "idle": 0,
                         **FOR_CEILING, "queues": connections})
        for depth in COUNTS:
            made.append({"kind": "depth", "rw": rw, "connections": 1, "depth": depth, "idle": 0})
    for depth in (1, 32):
        for idle in IDLE_BESIDE:
            made.append({"kind": "idle", "rw": "randread", "connections": 1 + idle, "depth": depth, "idle": idle})
    return made


def options(row):
    busy = row["connections"] - row["idle"]
    return {"rw": row["rw"], "bs": "4k", "depth": row["depth"] // busy, "idle": row["idle"],
            **spread_over(row["connections"])}


def words(row):
    return f"{row['rw']} on {row['connections']} connections, {row['idle']} of them idle, depth {row['depth']}"


def measure(settings):
    measured = rows()
    bare = [row for row in measured if row["kind"] == "connections"]
    cases = [(words(row), lambda row=row: one(settings, row)) for row in measured]
    cases += [(f"{words(row)}, bare sockets", lambda row=row: driving.ceiling(settings, row, BARE_WAY)) for row in bare]
    samples = series.interleave(settings, cases)
    for row, taken in zip(bare, samples[len(measured):]):
        row["ceiling"] = series.summaries(taken)
    for row, taken in zip(measured, samples):
        row["weft"] = series.summaries(taken)
        beside = samples[reference(measured, row)]
        row["iops_ratio"] = series.ratios(taken, beside, "iops")
        row["p99_ratio"] = series.ratios(taken, beside, "p99_us")
        row["targets"] = targets(row)
    return {"rows": measured}


def one(settings, row):
    """A target for each case: memory is that of this many connections and not of those before."""
    with Server(settings, f"ram://?size={settings.memory}", config=LIMITS) as server:
        return driving.perf(settings, server.fill(settings.memory), options(row))


def reference(measured, row):
    """Which row it is compared with: 4 connections, one of depth 1, or nobody idle beside."""
    same = [other for other in measured if (other["kind"], other["rw"]) == (row["kind"], row["rw"])]
    if row["kind"] == "connections":
        return measured.index(next(other for other in same if other["connections"] == REFERENCE))
    if row["kind"] == "depth":
        return measured.index(same[0])
    return measured.index(next(other for other in same if other["idle"] == 0 and other["depth"] == row["depth"]))


def targets(row):
    if row["kind"] != "connections" or row["connections"] != 1024:
        return []
    return [series.judged("of 4 connections", row["iops_ratio"], at_least=0.85),
            series.judged("p99 of 4 connections'", row["p99_ratio"], at_most=2)]


TITLES = {"connections": f"I/O on all connections, total depth {TOTAL_DEPTH}, beside {REFERENCE} connections",
          "depth": "depth of one connection, beside depth 1",
          "idle": "I/O on one connection with idle ones, beside none"}
HEADINGS = ["I/O", "connections", "idle", "depth", "IOPS", "spread", "p99 µs", "IOPS ratio", "p99 ratio", "bare IOPS",
            "CPU s per million, host", "target", "resident MiB, host", "target", "target met"]


def tables(document):
    for kind, title in TITLES.items():
        yield Table(title, HEADINGS, [cells(row) for row in document["rows"] if row["kind"] == kind])


def cells(row):
    ours = row["weft"]
    cpu = [number(ours[f"{who}_cpu_s_per_million"]) for who in ("host", "target")]
    memory = [mib(ours[f"{who}_rss"]) for who in ("host", "target")]
    return [f"{row['rw']} 4k", row["connections"], row["idle"], row["depth"], count(ours["iops"]),
            spread_of(ours["iops"]), number(ours["p99_us"], ".1f"), number(row["iops_ratio"]), number(row["p99_ratio"]),
            count(row["ceiling"]["iops"] if "ceiling" in row else None), *cpu, *memory, verdict(row["targets"])]


def mib(figure):
    return "-" if figure is None else f"{figure['median'] / (1 << 20):,.0f}"
