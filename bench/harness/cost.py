"""What an I/O costs each side in system calls and instructions: separate short runs, because counting slows them.

Both are differences of two runs that differ in nothing but their number of I/Os: connecting and starting drop out.
"""

import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack

from harness import machine
from harness.driving import perf_command
from harness.programs import LIMIT, Failed, finished
from harness.serving import MIB, Server

FEW = 100
PERF_STAT = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter"]


def per_io(settings, server, options, ios, counted, under=()):
    """`counted(command)`: what host and target did while the command ran."""
    few, many = (counted(perf_command(settings, server, {**options, "ios": n}, under)) for n in (FEW, FEW + ios))
    return [(b - a) / ios for a, b in zip(few, many)]


def syscalls(settings, server, options, ios):
    count = by_perf if perf_counts() else by_strace if strace_may_attach() else None
    if count is None:
        return None, None
    return per_io(settings, server, options, ios, lambda command: count(settings, server, command))


# perf hardly slows what it counts, but needs rights and a kernel that lets it.
def perf_counts():
    if shutil.which("perf") is None:
        return False
    tried = subprocess.run([*PERF_STAT, "true"], capture_output=True, text=True)
    return total_of_perf(tried.stderr) is not None


def strace_may_attach():
    return shutil.which("strace") is not None and (
        os.geteuid() == 0 or machine.read("/proc/sys/kernel/yama/ptrace_scope", "0") == "0")


def total_of_perf(said):
    found = re.search(r"^(\d+),.*raw_syscalls:sys_enter", said, re.MULTILINE)
    return int(found[1]) if found else None


def by_perf(settings, server, command):
    ours, theirs = (settings.scratch / f"{who}.syscalls" for who in ("host", "target"))
    finished([*PERF_STAT, "-o", theirs, "-p", server.pid, "--", *PERF_STAT, "-o", ours, "--", *command])
    return [total_of_perf(path.read_text()) or 0 for path in (ours, theirs)]


def by_strace(settings, server, command):
    ours, theirs = (settings.scratch / f"{who}.syscalls" for who in ("host", "target"))
    watching = subprocess.Popen(["strace", "-f", "-c", "-o", str(theirs), "-p", str(server.pid)],
                                stderr=subprocess.PIPE, text=True)
    watching.stderr.readline()  # it is attached
    try:
        finished(["strace", "-f", "-c", "-o", ours, *command])
    finally:
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=LIMIT)
    return [total_of_strace(path.read_text()) for path in (ours, theirs)]


def total_of_strace(said):
    found = re.search(r"^100\.00\s+\S+\s+\S+\s+(\d+)", said, re.MULTILINE)
    if not found:
        raise Failed(f"strace said no total: {said!r}")
    return int(found[1])


CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


class Instructions:
    """Of the row's I/Os, under callgrind. Both sides sleep when idle: instructions of waiting are not counted. The side
    that is not counted runs at full speed, so that the other one always has a whole queue before it."""

    SIZE = 64 * MIB

    def __init__(self, settings, storage):
        self.settings = settings
        self.namespace = f"{storage}://?size={self.SIZE}"

    def __enter__(self):
        with ExitStack() as stack:
            self.plain = stack.enter_context(Server(self.settings, self.namespace, wait="sleep"))
            self.counted = stack.enter_context(Server(self.settings, self.namespace, wait="sleep", under=CALLGRIND))
            for server in (self.plain, self.counted):
                server.fill(self.SIZE)
            self.ends = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.ends.close()

    def per_io(self, options, ios):
        options = {**options, "wait": "sleep"}
        (host,) = per_io(self.settings, self.plain, options, ios, self.of_host, under=CALLGRIND)
        (target,) = per_io(self.settings, self.counted, options, ios, self.of_target)
        return host, target

    def of_host(self, command):
        said = finished(command).stderr
        return [int(re.search(r"Collected : (\d+)", said)[1])]

    def of_target(self, command):
        before = self.so_far()
        finished(command)
        return [self.so_far() - before]

    def so_far(self):
        said = finished(["callgrind_control", "-e", self.counted.pid]).stdout
        threads = re.findall(r"^\s*Th \d+\s+([\d,]+)", said, re.MULTILINE)
        return sum(int(count.replace(",", "")) for count in threads)


def instructions_can_be_counted():
    return shutil.which("valgrind") is not None and shutil.which("callgrind_control") is not None
