"""How far apart the two processors are. A hypervisor that moves one of them to other caches changes every figure of two
programs that hand each other data: what was taken meanwhile is taken again."""

import time

from harness.programs import answered, host_cpu, target_cpu

TRIES = 6  # of a sample
PATIENCE = 20  # seconds until the processors come together again
APART = 2  # times the least distance seen


class Processors:
    def __init__(self, settings):
        self.settings = settings
        self.least = None  # nanoseconds
        self.taken_again = 0
        self.apart = 0  # samples that were kept all the same

    def together(self):
        distance = answered(self.settings.programs.ceiling("--distance"), 1)["distance_ns"]
        self.least = distance if self.least is None else min(self.least, distance)
        return distance <= APART * self.least

    def wait(self):
        until = time.monotonic() + PATIENCE
        while not self.together() and time.monotonic() < until:
            time.sleep(0.2)

    def sample(self, measure):
        """What `measure` gives, of a time when the processors were together before and after, if there is one."""
        if self.settings.smoke or host_cpu() == target_cpu():
            return measure()
        for _ in range(TRIES):
            self.wait()
            taken = measure()
            if self.together():
                return taken
            self.taken_again += 1
        self.apart += 1
        return taken

    def facts(self):
        return {"distance_ns": self.least, "taken_again": self.taken_again, "apart": self.apart}
