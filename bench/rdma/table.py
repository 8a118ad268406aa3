#!/usr/bin/env python3
"""table.py MEASURED JSON: a table of the medians of what `measure` wrote, and of their ratios; all of it into JSON."""
import collections
import json
import statistics
import sys

PAIRS = ["weft-weft", "kernel-kernel", "kernel-weft", "weft-kernel", "perftest"]


def read(path):
    rows = collections.defaultdict(lambda: collections.defaultdict(list))
    with open(path) as file:
        for line in file:
            _, mode, size, depth, who, rate = line.rstrip("\n").split("\t")
            if float(rate or 0) > 0:
                rows[mode, size, int(depth)][who].append(float(rate))
    return rows


def ratio(medians, one, other):
    return medians[one] / medians[other] if medians.get(one) and medians.get(other) else None


def summary(rows):
    for (mode, size, depth), by_whom in rows.items():
        medians = {who: statistics.median(rates) for who, rates in by_whom.items()}
        yield {
            "rw": mode,
            "bs": size,
            "depth": depth,
            "iops": medians,
            "all": dict(by_whom),
            "weft_to_kernel": ratio(medians, "weft-weft", "kernel-kernel"),
            "weft_to_perftest": ratio(medians, "weft-weft", "perftest"),
        }


def shown(value, form):
    return format(value, form) if value is not None else "-"


def main():
    lines = list(summary(read(sys.argv[1])))
    with open(sys.argv[2], "w") as file:
        json.dump({"what": "I/Os a second, host-target; perftest: messages of that size", "rows": lines}, file, indent=1)
    headings = ["rw", "bs", "depth", *PAIRS, "weft/kernel", "weft/perftest"]
    print("| " + " | ".join(headings) + " |\n|" + "---|" * len(headings))
    for line in lines:
        rates = [shown(line["iops"].get(who), ".0f") for who in PAIRS]
        ratios = [shown(line["weft_to_kernel"], ".2f"), shown(line["weft_to_perftest"], ".2f")]
        print("| " + " | ".join([line["rw"], line["bs"], str(line["depth"]), *rates, *ratios]) + " |")
    missing = [line for line in lines if set(line["iops"]) != set(PAIRS)]
    if missing or not lines:
        print(f"bench/rdma: figures are missing: {len(missing)} of {len(lines)} rows are not whole.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
