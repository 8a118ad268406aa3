"""Standard input, output and error that are closed, full or gone: a sentence and an exit code, never an abort."""

import os
import resource
import signal
import subprocess
import time
import unittest

from weft_program import LIMIT, NQN, PLUGINS, PROGRAM, Case, weft

NOWHERE = f"tcp://127.0.0.1:1/{NQN}"


def closing(*descriptors):
    def close():
        for fd in descriptors:
            os.close(fd)
    return close


def full(fd):
    """Writes to the descriptor fail."""
    def replace():
        os.dup2(os.open("/dev/full", os.O_WRONLY), fd)
    return replace


class FullPipe:
    """Standard error that takes nothing more until somebody reads it."""

    def __init__(self, case):
        self.reader, self.writer = os.pipe()
        case.addCleanup(os.close, self.reader)
        os.set_blocking(self.writer, False)
        try:
            while True:
                os.write(self.writer, b"." * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(self.writer, True)  # for the program as well: it has the same pipe

    def before(self):
        os.dup2(self.writer, 2)

    def read(self):
        return os.read(self.reader, 1 << 20).decode().lstrip(".")


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


class StandardError(Case):
    def test_that_cannot_be_written_leaves_the_exit_code(self):
        for before in (closing(2), full(2)):
            with self.subTest(before=before):
                self.assertEqual(weft("list", NOWHERE, before=before).code, 3)
                self.assertEqual(weft("foo", before=before).code, 2)
                self.assertEqual(weft("perf", NOWHERE, "--bs", "big", before=before).code, 2)

    def test_that_cannot_be_written_does_not_end_a_target_with_something_to_say(self):
        server = self.served("--namespace", "ram://?size=1M", before=full(2))
        self.lose_a_host(server)
        self.assert_ended(weft("list", server.disk), 0)
        self.assertEqual(server.end()[0], 0)

    def test_whose_reader_left_does_not_end_a_target_with_something_to_say(self):
        server = self.served("--namespace", "ram://?size=1M")
        server.process.stderr.close()
        self.lose_a_host(server)
        self.assert_ended(weft("list", server.disk), 0)
        server.process.terminate()
        self.assertEqual(server.process.wait(timeout=LIMIT), 0)

    def test_that_nobody_reads_loses_notices_and_stops_nothing(self):
        pipe = FullPipe(self)
        server = self.served(before=pipe.before)  # with commands to try, which are lost first
        self.addCleanup(os.close, pipe.writer)
        for _ in range(2):
            self.lose_a_host(server)
            self.assert_ended(weft("list", server.disk), 0)
        self.assertEqual(pipe.read(), "")
        self.lose_a_host(server)
        self.assertRegex(pipe.read(), r"^weft: 3 notices were lost\nweft: controller \d+ of host nqn\S+ at 127\.0\.0\.1:\d+: nothing came")
        self.assertEqual(server.process.poll(), None)
        server.process.terminate()
        self.assertEqual(server.process.wait(timeout=LIMIT), 0)

    def lose_a_host(self, server):
        """A host that says nothing any more until its keep-alive has expired: the target has a notice about it."""
        before = self.sockets(server.process.pid)
        host = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "perf", server.disk, "--seconds", "600", "-o", "kato=1s",
                                 "-o", "timeout=1s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(host.wait)
        self.addCleanup(host.kill)
        self.wait_until(lambda: len(self.sockets(host.pid)) >= 2)  # an admin queue and one for I/O
        host.send_signal(signal.SIGSTOP)
        self.wait_until(lambda: self.sockets(server.process.pid) <= before)

    def wait_until(self, true):
        deadline = time.monotonic() + LIMIT
        while not true():
            self.assertLess(time.monotonic(), deadline)

    @staticmethod
    def sockets(pid):
        folder = f"/proc/{pid}/fd"
        inodes = set()
        for fd in os.listdir(folder):
            try:
                target = os.readlink(f"{folder}/{fd}")
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
        return inodes


class StandardOutput(Case):
    def test_that_cannot_be_written_is_a_failure(self):
        server = self.served("--namespace", "ram://?size=1M")
        output = self.folder / "output"
        commands = (["discover", server.url], ["identify", server.disk], ["list", server.disk], ["transports"],
                    ["list", server.disk, "--json"], ["transports", "--json"], ["--help"], ["perf", "--help"], ["--version"],
                    ["read", server.disk, "--output", output], ["perf", server.disk, "--ios", 10],
                    ["perf", server.disk, "--ios", 10, "--json"])
        for before, says in ((full(1), "No space left"), (closing(1), "it is closed")):
            for command in commands:
                with self.subTest(command=command, says=says):
                    self.assert_ended(weft(*command, before=before), 1, f"cannot write to standard output: {says}")

    def test_that_a_target_cannot_write_its_port_to_ends_it(self):
        for before, says in ((full(1), "No space left"), (closing(1), "it is closed")):
            self.assert_ended(weft("serve", "--listen", "tcp://127.0.0.1:0", before=before), 1, says)

    def test_that_is_closed_does_not_get_data_into_another_file(self):
        server = self.served("--namespace", "ram://?size=1M")
        ended = weft("read", server.disk, "--output", "-", before=closing(0, 1))
        self.assert_ended(ended, 1, "cannot write to standard output: it is closed")


class StandardInput(Case):
    def test_that_is_closed_is_not_written_to_the_namespace(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.assert_ended(weft("write", server.disk, "--input", "-", before=closing(0)), 1, "cannot read standard input: it is closed")
        self.assertEqual(weft("read", server.disk, "--output", "-").bytes, bytes(1 << 20))

    def test_that_is_closed_is_no_hindrance_where_it_is_not_needed(self):
        server = self.served("--namespace", "ram://?size=1M", before=closing(0))
        self.assert_ended(weft("list", server.disk, before=closing(0)), 0)


class Limits(Case):
    def test_of_a_files_size_are_a_sentence(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.assert_ended(weft("read", server.disk, "--output", self.folder / "o", before=small_files), 1, "File too large")

    def test_of_a_files_size_leave_no_new_file_of_a_backend(self):
        disk = self.folder / "disk.img"
        ended = weft("serve", "--listen", "tcp://127.0.0.1:0", "--namespace", f"file://{disk}?size=1M", before=small_files)
        self.assert_ended(ended, 1, "File too large")
        self.assertFalse(disk.exists())


if __name__ == "__main__":
    unittest.main()
