"""What the kernel knows of a process, and a thread that looks at it while something is measured."""

import os
import threading
import time


def cpu_seconds(pid):
    """User and system time of all its threads so far, to the nanosecond: the clock that clock_getcpuclockid() names."""
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def context_switches(pid):
    """How often its threads gave the processor up or lost it."""
    count = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as file:
            count += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return count


class Watch:
    """Looks at processes until it is left. What it saw between two times of CLOCK_MONOTONIC can then be asked for."""

    EVERY = 0.02  # seconds: often enough for runs of a tenth of a second, and not felt by what is measured

    def __init__(self, pids, counters=(("cpu", cpu_seconds), ("rss", resident_bytes))):
        self.pids = pids
        self.counters = counters
        self.seen = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.over.is_set():
            try:
                self.seen.append((time.monotonic_ns(), self._look()))
            except (OSError, ValueError, IndexError):
                pass  # it has ended, or not begun
            self.over.wait(self.EVERY)

    def _look(self):
        return {(who, name): read(pid) for who, pid in self.pids.items() for name, read in self.counters}

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def within(self, started_ns, ended_ns):
        """The looks between two times; all that there are where these are too few to say anything."""
        inside = [look for look in self.seen if started_ns <= look[0] <= ended_ns]
        return inside if len(inside) >= 2 else self.seen

    def share(self, who, started_ns, ended_ns):
        """Of one processor."""
        return self.rate(who, "cpu", started_ns, ended_ns)

    def rate(self, who, counter, started_ns, ended_ns):
        """How much of a counter came in a second; None where there were too few looks."""
        looks = self.within(started_ns, ended_ns)
        if len(looks) < 2:
            return None
        (first, before), (last, after) = looks[0], looks[-1]
        return (after[who, counter] - before[who, counter]) / ((last - first) / 1e9)

    def most(self, who, counter, started_ns, ended_ns):
        looks = self.within(started_ns, ended_ns)
        return max(look[who, counter] for _, look in looks) if looks else None
