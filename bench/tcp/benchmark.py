"""`weft perf` against `weft serve`, one core each, beside bare sockets that move the same bytes on the same cores."""

from contextlib import ExitStack

from harness import cost, driving, series
from harness.serving import Server
from harness.tables import Table, count, number, spread_of, verdict
from tcp.rows import KIB, SPDK, key, perf_options, rows, spdk_factor, words

OF_CEILING = 0.95
OF_CEILINGS_P99 = 1.10  # at depth 1


def measure(settings):
    with ExitStack() as stack:
        servers = {storage: stack.enter_context(Server(settings, f"{storage}://?size={settings.memory}"))
                   for storage in ("ram", "null")}
        servers["ram"].fill(settings.memory)
        measured = [dict(row) for row in rows(settings.smoke)]
        for row in measured:
            settings.say(f"how bare sockets do it best: {words(row)}")
            row["way"] = driving.best_way(settings, row)
        speeds(settings, servers, measured)
        if settings.costs:
            costs(settings, servers, measured)
    return {"rows": measured}


def speeds(settings, servers, measured):
    cases = []
    for row in measured:
        cases.append((words(row), lambda row=row: driving.perf(settings, servers[row["storage"]], perf_options(row))))
        cases.append((f"{words(row)}, bare sockets", lambda row=row: driving.ceiling(settings, row, row["way"])))
    samples = series.interleave(settings, cases)
    for row, ours, bare in zip(measured, samples[::2], samples[1::2]):
        row["weft"], row["ceiling"] = series.summaries(ours), series.summaries(bare)
        row["of_ceiling"] = series.ratios(ours, bare, "iops")
        row["p99_of_ceiling"] = series.ratios(ours, bare, "p99_us")
        row["spdk_of_ceiling"] = SPDK.get(key(row))
        row["targets"] = targets(row)


def targets(row):
    wanted = [series.judged("of bare", row["of_ceiling"], at_least=OF_CEILING)]
    if row["depth"] == 1:
        wanted.append(series.judged("p99 of bare's", row["p99_of_ceiling"], at_most=OF_CEILINGS_P99))
    if (share := row["spdk_of_ceiling"]) is not None:
        least = min(share * spdk_factor(row), OF_CEILING)
        wanted.append(series.judged(f"of bare, {spdk_factor(row):g} x SPDK,", row["of_ceiling"], at_least=round(least,
                                                                                                                3)))
    return wanted


def costs(settings, servers, measured):
    counted = measured[:1] if settings.smoke else measured
    for row in counted:
        settings.say(f"system calls: {words(row)}")
        ios = max(int(row["weft"]["iops"]["median"] * settings.seconds / 4), 1000)
        host, target = cost.syscalls(settings, servers[row["storage"]], perf_options(row), ios)
        row["syscalls"] = {"host": host, "target": target}
    if not cost.instructions_can_be_counted():
        return settings.say("no valgrind: instructions are not counted")
    for storage in sorted({row["storage"] for row in counted}):
        instructions(settings, storage, [row for row in counted if row["storage"] == storage])


def instructions(settings, storage, counted):
    with cost.Instructions(settings, storage) as counter:
        for row in counted:
            settings.say(f"instructions: {words(row)}")
            host, target = counter.per_io(perf_options(row), ios=2000 if row["bytes"] == 4 * KIB else 400)
            row["instructions"] = {"host": host, "target": target}


def tables(document):
    for storage in ("ram", "null"):
        ours = [row for row in document["rows"] if row["storage"] == storage]
        yield Table(f"{storage}://, speed", SPEED, [speed_cells(row) for row in ours])
    for storage in ("ram", "null"):
        having = [row for row in document["rows"] if row["storage"] == storage and "syscalls" in row]
        if having:
            yield Table(f"{storage}://, cost of an I/O", COST, [cost_cells(row) for row in having])


SPEED = ["I/O", "depth", "queues", "IOPS", "spread", "MiB/s", "p50 µs", "p99 µs", "p99.9 µs", "bare IOPS", "of bare",
         "p99 of bare's", "SPDK of bare", "target"]
COST = ["I/O", "depth", "queues", "CPU s per million, host", "target", "system calls, host", "target",
        "instructions, host", "target"]


def shape_cells(row):
    return [f"{row['rw']} {row['bytes'] // KIB}k", row["depth"], row["queues"]]


def speed_cells(row):
    ours = row["weft"]
    return [*shape_cells(row), count(ours["iops"]), spread_of(ours["iops"]), count(ours["mib_s"]),
            number(ours["p50_us"], ".1f"), number(ours["p99_us"], ".1f"), number(ours["p999_us"], ".1f"),
            count(row["ceiling"]["iops"]), number(row["of_ceiling"]), number(row["p99_of_ceiling"]),
            number(row["spdk_of_ceiling"]), verdict(row["targets"])]


def cost_cells(row):
    calls, instructions_ = row["syscalls"], row.get("instructions", {})
    cpu = [number(row["weft"][f"{who}_cpu_s_per_million"]) for who in ("host", "target")]
    return [*shape_cells(row), *cpu, number(calls["host"], ".3f"), number(calls["target"], ".3f"),
            count(instructions_.get("host")), count(instructions_.get("target"))]
