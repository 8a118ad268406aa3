"""What a connection of depth 128 costs in resident memory, idle and busy; how often idle processes run."""

from harness import driving, process, series
from harness.serving import Server
from harness.tables import Table, kib, number, spread_of, verdict

FEW, MANY = (1, 1), (8, 128)  # associations, and queues of each
CONNECTIONS = 1024
DEPTH = 128
BUSY_DEPTH = 4  # I/Os under way on each busy connection
BLOCK = 4096
MOST = 64 * 1024  # bytes an idle connection
NAMESPACE = "null://?size=1G"  # no memory of its own


def measure(settings):
    cases = [("idle", False), ("busy", True)]
    samples = series.interleave(settings, [(f"{words} connections", lambda busy=busy: cost_of_one(settings, busy))
                                           for words, busy in cases])
    rows = [{"connections": words, **series.summaries(taken)} for (words, _), taken in zip(cases, samples)]
    for row in rows:
        row["targets"] = targets(row)
    return {"rows": rows}


def cost_of_one(settings, busy):
    """The difference of many connections and one, in fresh processes."""
    few, many = (resident(settings, *size, busy) for size in (FEW, MANY))
    found = {f"{who}_bytes": each(few[who], many[who]) for who in ("host", "target")}
    if busy and found["host_bytes"] is not None:
        found["host_bytes"] -= BUSY_DEPTH * BLOCK  # the caller's own data
    found.update({f"{who}_switches": many[f"{who}_switches"] for who in ("host", "target")})
    return found


def each(few, many):
    return None if few is None or many is None else (many - few) / (CONNECTIONS - 1)


def resident(settings, associations, queues, busy):
    # No keep-alive: an idle process then has no reason at all to run.
    options = {"associations": associations, "queues": queues, "o": [f"qsize={DEPTH}", "kato=0"], "depth": BUSY_DEPTH,
               "rw": "randrw", **({} if busy else {"idle": associations * queues})}
    with Server(settings, NAMESPACE) as server:
        return driving.watched(settings, server, options, COUNTERS)


COUNTERS = {"rss": process.resident_bytes, "switches": process.context_switches}


def targets(row):
    if row["connections"] != "idle":
        return []
    memory = [series.judged(f"bytes of the {who}", row[f"{who}_bytes"], at_most=MOST) for who in ("host", "target")]
    return memory + [series.judged(f"switches of the {who}", row[f"{who}_switches"], at_most=0)
                     for who in ("host", "target")]


def tables(document):
    headings = ["connections", "KiB each, host", "spread", "KiB each, target", "spread", "switches a second, host",
                "target", "target met"]
    yield Table(f"{CONNECTIONS} connections of depth {DEPTH}", headings, [cells(row) for row in document["rows"]])


def cells(row):
    memory = [cell for who in ("host", "target") for cell in (kib(row[f"{who}_bytes"]), spread_of(row[f"{who}_bytes"]))]
    switches = [number(row[f"{who}_switches"], ".1f") if row["connections"] == "idle" else "-"
                for who in ("host", "target")]
    return [row["connections"], *memory, *switches, verdict(row["targets"])]
