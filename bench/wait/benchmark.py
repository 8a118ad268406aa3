"""How to wait: adaptive, poll and sleep, the same on both sides, at a low, a middling and no bound of I/Os a second."""

from harness import driving, series
from harness.serving import MIB, Server
from harness.tables import Table, count, number, percent, spread_of, verdict

POLICIES = ["poll", "adaptive", "sleep"]
RATES = [100, 10_000, None]
DEPTH = 32
SIZE = 64 * MIB
BUSY_AT_10000 = 0.15  # of a processor, each side
P99_OF_POLL = 2


def measure(settings):
    """A server for each case: one that polls takes its processor from all others."""

    def one(policy, rate):
        with Server(settings, f"ram://?size={SIZE}", wait=policy) as server:
            options = {"depth": DEPTH, "wait": policy, **({"rate": rate} if rate else {})}
            return driving.perf(settings, server.fill(SIZE), options)

    cases = [(policy, rate) for rate in RATES for policy in POLICIES]
    taken = series.interleave(settings, [(f"{policy} at {rate or 'any'} IOPS", lambda case=(policy, rate): one(*case))
                                         for policy, rate in cases])
    samples = dict(zip(cases, taken))
    return {"rows": [made(policy, rate, samples) for policy, rate in cases]}


def made(policy, rate, samples):
    figures = series.summaries(samples[policy, rate])
    p99 = series.ratios(samples[policy, rate], samples["poll", rate], "p99_us")
    row = {"wait": policy, "rate": rate, "weft": figures, "p99_of_poll": p99, "targets": []}
    if (policy, rate) == ("adaptive", 10_000):
        row["targets"] = [series.judged(f"CPU of the {who}", figures[f"{who}_cpu"], at_most=BUSY_AT_10000)
                          for who in ("host", "target")]
        row["targets"].append(series.judged("p99 of poll's", p99, at_most=P99_OF_POLL))
    return row


def tables(document):
    headings = ["I/Os a second", "wait", "IOPS", "spread", "p50 µs", "p99 µs", "p99 of poll's", "CPU of host",
                "of target", "target"]
    yield Table("ways to wait, 4 KiB random reads, ram://", headings, [cells(row) for row in document["rows"]])


def cells(row):
    ours = row["weft"]
    return [f"{row['rate']:,}" if row["rate"] else "any", row["wait"], count(ours["iops"]), spread_of(ours["iops"]),
            number(ours["p50_us"], ".1f"), number(ours["p99_us"], ".1f"), number(row["p99_of_poll"]),
            percent(ours["host_cpu"]), percent(ours["target_cpu"]), verdict(row["targets"])]
