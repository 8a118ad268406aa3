"""A thousand runs of the program, several at a time, against one server: each is served, and the server is left as it was."""

import concurrent.futures
import os
import pathlib
import time
import unittest

from weft_program import Case, weft

RUNS = 1000
AT_ONCE = 4
PATIENCE = 20  # seconds for the server to see that all have gone
BLOCK = 512

# Far fewer controllers than there are runs: none may stay behind.
CONFIG = """\
[limits]
max_controllers = 16
[[listener]]
url = "tcp://127.0.0.1:0"
[[subsystem]]
nqn = "nqn.2026-01.org.example:busy"
[[subsystem.namespace]]
backend = "ram://?size=1M"
"""


def block_of(number):
    return f"{number:<{BLOCK}}".encode()


def held(pid):
    """Descriptors and threads of a process, and how many of the descriptors are sockets."""
    sockets = descriptors = 0
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        descriptors += 1
        try:
            sockets += os.readlink(entry).startswith("socket:")
        except FileNotFoundError:
            pass
    return {"sockets": sockets, "descriptors": descriptors, "threads": len(os.listdir(f"/proc/{pid}/task"))}


class AThousandRuns(Case):
    def setUp(self):
        super().setUp()
        self.server = self.served("--config", str(self.file("weft.toml", CONFIG)), listen=False)
        self.disk = self.server.url + "/nqn.2026-01.org.example:busy"

    def comes_to(self, key, expected):
        deadline = time.monotonic() + PATIENCE
        while held(self.server.process.pid)[key] != expected and time.monotonic() < deadline:
            os.sched_yield()
        self.assertEqual(held(self.server.process.pid)[key], expected)

    def visit(self, number):
        """What went wrong, or None. Runs take turns with the digests; one in five writes a block of its own."""
        disk = f"{self.disk}?hdgst={'on' if number & 1 else 'off'}&ddgst={'on' if number & 2 else 'off'}"
        if number % 5 == 0:
            ended = weft("write", disk, "--lba", number, "--input", self.file(f"block{number}", block_of(number)))
        else:
            ended = weft("identify", disk)
        return None if ended.code == 0 else f"run {number}: {ended.code}: {ended.err}"

    def test_leave_the_server_as_it_was_and_their_data(self):
        idle = held(self.server.process.pid)
        self.assertIsNone(self.visit(0))  # what is made once is made
        self.comes_to("sockets", idle["sockets"])
        before = held(self.server.process.pid)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            wrong = [sentence for sentence in pool.map(self.visit, range(RUNS)) if sentence]
        self.assertEqual(wrong, [])
        for key, expected in before.items():
            self.comes_to(key, expected)
        found = self.assert_ended(weft("read", self.disk, "--blocks", RUNS, "--output", "-"), 0).bytes
        for number in range(0, RUNS, 5):
            self.assertEqual(found[number * BLOCK:][:BLOCK], block_of(number))


if __name__ == "__main__":
    unittest.main()
