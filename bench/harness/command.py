"""The command line of bench/run: which benchmarks, how long, how often; where JSON goes."""

import argparse
import dataclasses
import importlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from harness import machine
from harness.distance import Processors
from harness.programs import ROOT, Failed, Programs
from harness.serving import MIB

NAMES = ["tcp", "scale", "digest", "wait", "file", "memory"]


@dataclasses.dataclass
class Settings:
    programs: Programs
    seconds: float
    repetitions: int
    congestion: str
    costs: bool
    smoke: bool
    scratch: pathlib.Path  # files of this run, gone at its end
    files: pathlib.Path  # where the benchmark of files has its file
    name: str = ""
    memory: int = 1024 * MIB  # of namespaces in memory, and of the array of the ceiling
    processors: Processors = None

    def say(self, words):
        print(f"bench/{self.name}: {words}", file=sys.stderr, flush=True)


def arguments(words):
    parser = argparse.ArgumentParser(prog="bench/run", description="Benchmarks: a table on standard output, and JSON.")
    parser.add_argument("names", nargs="+", choices=[*NAMES, "all"], metavar="NAME", help=", ".join([*NAMES, "all"]))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release",
                        help="folder of the build (build/release)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench",
                        help="folder for NAME.json (build/bench)")
    parser.add_argument("--seconds", type=float, default=2, help="of each run (2)")
    parser.add_argument("--repetitions", type=int, default=5, help="of each case, in turns with all others (5)")
    parser.add_argument("--congestion", default="", help="TCP congestion control of every connection (the machine's)")
    parser.add_argument("--files", type=pathlib.Path, help="where `file` makes its file (the folder of --out)")
    parser.add_argument("--no-costs", action="store_true", help="leave out system calls and instructions")
    parser.add_argument("--smoke", action="store_true",
                        help="once around, a tenth of a second each: does it run at all")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    return parser.parse_args(words)


def settings_of(given, scratch):
    settings = Settings(Programs(given.build.resolve()), given.seconds, given.repetitions, given.congestion,
                        not given.no_costs, given.smoke, pathlib.Path(scratch), (given.files or given.out).resolve())
    if given.smoke:
        settings.seconds, settings.repetitions, settings.memory = 0.1, 1, 64 * MIB
    if missing := settings.programs.missing():
        raise Failed(f"there is no {missing[0]}: build the release preset, or say --build")
    return settings


def benchmark(name):
    return importlib.import_module(f"{name}.benchmark")


def run(name, settings):
    """The whole document of one benchmark: what its JSON file has."""
    settings.name = name
    settings.processors = Processors(settings)
    document = {"benchmark": name, "machine": machine.description(), "when": time.strftime("%Y-%m-%d %H:%M %Z"),
                "seconds": settings.seconds, "repetitions": settings.repetitions,
                "congestion": settings.congestion or machine.read("/proc/sys/net/ipv4/tcp_congestion_control")}
    began = time.monotonic()
    document.update(benchmark(name).measure(settings))
    document["processors"] = settings.processors.facts()
    document["took_seconds"] = time.monotonic() - began
    return document


def show(document, markdown):
    for table in benchmark(document["benchmark"]).tables(document):
        print((table.markdown() if markdown else table.text()) + "\n", flush=True)


def main(words):
    given = arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="weft-bench.") as scratch:
            settings = settings_of(given, scratch)
            for name in NAMES if "all" in given.names else given.names:
                document = run(name, settings)
                (given.out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
                show(document, given.markdown)
    except (Failed, subprocess.TimeoutExpired) as failure:
        print(f"bench/run: {failure}", file=sys.stderr)
        return 1
    return 0
