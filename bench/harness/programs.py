"""The programs that are measured, and where each of them runs: the target on one processor, the host on another."""

import dataclasses
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
NQN = "nqn.2026-01.org.example:bench"
LIMIT = 120  # seconds that a program may take beyond what it was told to


class Failed(Exception):
    """A program that does not do what it is measured at: the sentence is for the user."""


def target_cpu():
    return min(os.sched_getaffinity(0))


def host_cpu():
    return max(os.sched_getaffinity(0))


def pinned(cpu, command):
    return ["taskset", "-c", str(cpu), *map(str, command)]


@dataclasses.dataclass(frozen=True)
class Programs:
    """Those of a build folder."""

    build: pathlib.Path

    def weft(self, *arguments):
        return [str(self.build / "bin" / "weft"), "--plugin-dir", str(self.build / "plugins"), *map(str, arguments)]

    def ceiling(self, *arguments):
        return [str(self.build / "bench" / "ceiling" / "ceiling"), *map(str, arguments)]

    def missing(self):
        needed = [self.build / "bin" / "weft", self.build / "plugins", self.build / "bench" / "ceiling" / "ceiling"]
        return [str(path) for path in needed if not path.exists()]


def finished(command, seconds=0):
    """What a program said on standard output; Failed when it did not end well."""
    try:
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=LIMIT + seconds)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{command[0]} did not end in {LIMIT + seconds:.0f} s") from late
    if run.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {run.stderr.strip() or run.returncode}")
    return run


def answered(command, seconds=0):
    """The one JSON document that a program printed."""
    return json.loads(finished(command, seconds).stdout)
