"""`weft serve`: what it says, whom it lets in, and how it ends."""

import contextlib
import ctypes
import json
import os
import pathlib
import resource
import shlex
import signal
import socket
import subprocess
import time
import unittest
import urllib.parse

from weft_program import LIMIT, NQN, PLUGINS, PROGRAM, Case, Server, weft


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))


def no_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))


def modest_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 500))


@contextlib.contextmanager
def stopped_thread(pid, name):
    """Stops one thread of a process, as a debugger does it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    seize, interrupt, wait_all = 0x4206, 0x4207, 0x40000000
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if task.joinpath("comm").read_text().strip() != name:
            continue
        thread = int(task.name)
        for request in (seize, interrupt):
            if libc.ptrace(request, thread, 0, 0) != 0:
                raise unittest.SkipTest(f"ptrace: {os.strerror(ctypes.get_errno())}")
        os.waitpid(thread, wait_all)
        yield
        os.waitpid(thread, wait_all)  # it ends with the process
        return
    raise AssertionError(f"no thread {name}")


def cpu_ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def wait_until_refused(url):
    """Until nobody listens any more: the first signal has been heard."""
    host, port = url.removeprefix("tcp://").split(":")
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return
    raise AssertionError(f"{url} still listens")


class Serving(Case):
    def test_says_where_it_listens_and_nothing_else_on_standard_output(self):
        server = self.served("--namespace", "ram://?size=1M", "--listen", "tcp://127.0.0.1:0", listeners=2)
        self.assertRegex(server.url, r"^tcp://127\.0\.0\.1:[1-9]\d*$")
        self.assertNotEqual(server.urls[0], server.urls[1])
        for url in server.urls:
            self.assert_ended(weft("identify", f"{url}/{NQN}"), 0)
        self.assertEqual(server.end(), (0, ""))
        self.assertIsNone(server.lines.get(timeout=LIMIT))

    def test_listens_on_ipv6_too(self):
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("this machine has no IPv6")
        server = self.served("--namespace", "ram://?size=1M", "--listen", "tcp://[::1]:0", listeners=2)
        self.assertRegex(server.urls[1], r"^tcp://\[::1\]:\d+$")
        found = weft("discover", server.urls[1], "--json").json()["entries"]
        self.assertIn(f"{server.urls[1]}/{NQN}", [e["url"] for e in found])

    def test_lists_each_disk_once(self):
        server = self.served("--namespace", "ram://?size=1M", "--namespace", "ram://?size=2M", "--listen", "tcp://127.0.0.1:0",
                             listeners=2)
        for url in (*server.urls, server.disk):
            found = weft("list", url, "--json").json()["namespaces"]
            self.assertEqual([n["nsid"] for n in found], [1, 2])
            self.assertEqual(weft("list", url).out.count(NQN), 2)

    def test_json_has_a_line_a_listener(self):
        process = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "serve", "--json", "--listen", "tcp://127.0.0.1:0"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        line = json.loads(process.stdout.readline())
        self.assertEqual(line["event"], "listening")
        process.terminate()
        process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 0)

    def test_without_a_namespace_tells_what_to_try(self):
        server = self.served()
        self.assert_ended(weft("read", server.disk, "--blocks", "1", "--output", "-"), 0)
        code, err = server.end()
        self.assertEqual(code, 0)
        for command in ("discover", "identify", "list", "write", "read", "perf"):
            self.assertRegex(err, rf"weft( --plugin-dir \S+)? {command} {server.url}")
        self.assertIn("64 MiB", err)

    def test_what_it_tells_to_try_is_one_word_for_a_shell(self):
        name = "nqn.2026-01.org.example:it's a $disk;"
        server = Server("--listen", "tcp://127.0.0.1:0", "--nqn", name, listen=False)
        self.addCleanup(server.__exit__)
        _, err = server.end()
        words = shlex.split(next(line for line in err.splitlines() if " list " in line))
        self.assertEqual(words[-1].count("/nqn."), 1)
        self.assertEqual(urllib.parse.unquote(words[-1]), f"{server.url}/{name}")

    def test_offers_discovery_alone_on_a_listener_for_it(self):
        server = self.served("--namespace", "ram://?size=1M", "--discovery", "tcp://127.0.0.1:0", listeners=2)
        entries = weft("discover", server.urls[1], "--json").json()["entries"]
        self.assertIn(server.disk, [e["url"] for e in entries])
        self.assert_ended(weft("identify", f"{server.urls[1]}/{NQN}"), 3)


class Names(Case):
    def test_of_any_form_are_served_found_and_reached(self):
        for name in ("blktests-subsystem-1", "a b/c?d", "x" * 223):
            server = self.served("--listen", "tcp://127.0.0.1:0", "--nqn", name, "--namespace", "ram://?size=1M", listen=False)
            url = f"{server.url}/{urllib.parse.quote(name, safe='')}"
            entries = weft("discover", server.url, "--json").json()["entries"]
            self.assertEqual([e["type"] for e in entries], ["this service", "subsystem"])
            self.assertEqual((entries[1]["url"], entries[1]["subnqn"]), (url, name))
            for address in (url, server.url, f"{server.url}?nqn={urllib.parse.quote(name)}"):
                ended = self.assert_ended(weft("list", address, "--json", "-o", "hostnqn=me"), 0)
                self.assertEqual([n["subnqn"] for n in ended.json()["namespaces"]], [name])
                self.assertEqual(ended.err, "")

    def test_that_are_likely_mistakes_are_warned_of_and_used(self):
        name = "nqm.2026-01.org.example:disk"
        server = self.served("--listen", "tcp://127.0.0.1:0", "--nqn", name, "--namespace", "ram://?size=1M", listen=False)
        ended = self.assert_ended(weft("list", f"{server.url}/{name}"), 0, f"the subsystem NQN '{name}' does not start with")
        self.assertEqual(ended.err.count("\n"), 1)

    def test_of_subsystems_do_not_belong_to_listeners(self):
        for url in ("tcp://127.0.0.1:0/disk", "tcp://127.0.0.1:0/nqn.2026-01.a:b", "tcp://127.0.0.1:0?nqn=disk"):
            self.assert_ended(weft("serve", "--listen", url), 2, "a listener serves all subsystems")


class OpenSockets(Case):
    def test_take_the_place_of_an_address_on_both_sides(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        port = listening.getsockname()[1]
        server = self.served("--listen", f"tcp://[fd={listening.fileno()}]", "--namespace", "ram://?size=1M", listeners=2,
                             pass_fds=[listening.fileno()])
        self.assertEqual(server.urls[1], f"tcp://127.0.0.1:{port}")
        for command, nqn in (("identify", f"/{NQN}"), ("list", f"/{NQN}"), ("discover", "")):
            with socket.create_connection(("127.0.0.1", port)) as connected:
                url = f"tcp://[fd={connected.fileno()}]{nqn}"
                self.assert_ended(weft(command, url, pass_fds=[connected.fileno()]), 0)

    def test_that_are_none_are_refused(self):
        self.assert_ended(weft("identify", f"tcp://[fd=99]/{NQN}"), 3, "descriptor 99")
        self.assert_ended(weft("read", f"tcp://[fd=99]/{NQN}", "--output", "-"), 2, "is one connection")


class Access(Case):
    def test_admits_only_hosts_on_the_list(self):
        friend = "nqn.2026-01.org.example:friend"
        server = self.served("--namespace", "ram://?size=1M", "--allow-host", friend)
        self.assert_ended(weft("identify", server.disk), 3, "stage 'Connect command'")
        self.assert_ended(weft("identify", server.disk, "-o", f"hostnqn={friend}"), 0)

    def test_shows_strangers_nothing_in_discovery(self):
        friend = "nqn.2026-01.org.example:friend"
        server = self.served("--namespace", "ram://?size=1M", "--allow-host", friend)
        seen = [e["subnqn"] for e in weft("discover", server.url, "--json").json()["entries"]]
        self.assertNotIn(NQN, seen)

    def test_takes_an_ipv4_address_in_ipv6_clothes_for_what_it_is(self):
        server = self.served("--namespace", "ram://?size=1M", "--listen", "tcp://[::ffff:127.0.0.1]:0", listeners=2)
        self.assertRegex(server.urls[1], r"^tcp://127\.0\.0\.1:\d+$")
        port = server.urls[1].rsplit(":", 1)[1]
        self.assert_ended(weft("list", f"tcp://[::ffff:127.0.0.1]:{port}/{NQN}"), 0)
        ended = weft("serve", "--listen", "tcp://[::ffff:127.0.0.1%lo]:0")
        self.assert_ended(ended, 2, "::ffff:127.0.0.1%lo is an IPv4 address, which has no scope")

    def test_lets_any_host_in_through_a_wildcard_when_told(self):
        server = self.served("--namespace", "ram://?size=1M", "--allow-any-host", "--listen", "tcp://0.0.0.0:0", listeners=2)
        port = server.urls[1].rsplit(":", 1)[1]
        entries = weft("discover", f"tcp://127.0.0.1:{port}", "--json").json()["entries"]
        self.assertIn(f"tcp://127.0.0.1:{port}/{NQN}", [e["url"] for e in entries])


class Refusing(Case):
    def test_a_port_that_is_taken(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.assert_ended(weft("serve", "--listen", server.url), 1, "Address already in use")

    def test_a_backend_that_cannot_be_opened(self):
        os.mkfifo(self.folder / "pipe")
        self.file("one.img", b"1")
        for path, why in (("none.img", "no such file"), ("", "is a folder"), ("pipe", "is a pipe"), ("one.img", "too small"),
                          ("one.img/x", "Not a directory")):
            with self.subTest(path=path):
                ended = weft("serve", "--listen", "tcp://127.0.0.1:0", "--namespace", f"file://{self.folder}/{path}")
                self.assert_ended(ended, 2, why)

    def test_a_backend_that_somebody_else_serves_is_no_wrong_usage(self):
        disk = f"file://{self.folder}/disk.img?size=1M"
        self.served("--namespace", disk)
        self.assert_ended(weft("serve", "--listen", "tcp://127.0.0.1:0", "--namespace", disk), 1, "somebody else serves")

    def test_a_backend_that_nobody_knows(self):
        ended = weft("serve", "--listen", "tcp://127.0.0.1:0", "--namespace", "rum://?size=1G")
        self.assert_ended(ended, 2, "rum")

    def test_leaves_no_file_behind_that_it_made(self):
        server = self.served("--namespace", "ram://?size=1M")
        disk = self.folder / "disk.img"
        kept = self.file("kept.img", bytes(1 << 20))
        self.assert_ended(weft("serve", "--listen", server.url, "--namespace", f"file://{disk}?size=1M", "--namespace",
                               f"file://{kept}?size=1M"), 1, "Address already in use")
        self.assertEqual((disk.exists(), kept.exists()), (False, True))

    def test_too_few_open_files_says_how_many_are_needed(self):
        ended = weft("serve", "--listen", "tcp://127.0.0.1:0", before=few_files)
        self.assert_ended(ended, 1, "the limit (RLIMIT_NOFILE) is 20")
        self.assert_ended(weft("serve", "--listen", "tcp://127.0.0.1:0", before=no_files), 1, "(RLIMIT_NOFILE) is 4")
        ended = weft("identify", f"tcp://127.0.0.1:1/{NQN}", before=few_files)
        self.assert_ended(ended, 1, "the limit (RLIMIT_NOFILE) is 20")


class FailingStorage(Case):
    def test_a_file_that_was_cut_is_said_once_and_named(self):
        disk = self.folder / "disk"
        server = self.served("--namespace", f"file://{disk}?size=1M")
        os.truncate(disk, 4096)
        for _ in range(3):
            self.assertNotEqual(weft("read", server.disk, "--lba", "100", "--blocks", "1", "--output", "-").code, 0)
        _, said = server.end()
        self.assertEqual(said.count("a read of block 100 failed: the storage ends before that block"), 1, said)
        self.assertIn(str(disk), said)

    def test_a_full_file_system_is_said_once_and_named(self):
        inside = f"mount -t tmpfs -o size=1M tmpfs {self.folder} && exec \"$@\""
        if subprocess.run(["unshare", "-rm", "sh", "-c", inside, "sh", "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespaces for this user")
        server = self.served("--namespace", f"file://{self.folder}/disk?size=8M",
                             under=["unshare", "-rm", "sh", "-c", inside, "sh"])
        for lba in (0, 4096):
            ended = weft("write", server.disk, "--lba", lba, "--input", "-", given=b"w" * (2 << 20))
            self.assert_ended(ended, 3 if ended.code == 3 else 1)
        _, said = server.end()
        self.assertEqual(said.count("failed: No space left on device"), 1, said)


class Ending(Case):
    def test_each_signal_that_asks_for_it_ends_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server = self.served("--namespace", "ram://?size=1M")
            self.assertEqual(server.end(number), (0, ""))

    def test_under_load_hosts_are_told_and_it_ends_cleanly(self):
        server = self.served("--namespace", "ram://?size=8M", "--threads", "2")
        perf = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "perf", server.disk, "--seconds", "600", "--queues", "2"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(perf.kill)
        self.assert_ended(weft("list", server.disk), 0)
        code, _ = server.end()
        self.assertEqual(code, 0)
        _, err = perf.communicate(timeout=LIMIT)
        self.assertIn(perf.returncode, (1, 3), err)

    def test_a_second_signal_ends_it_at_once(self):
        server = self.served("--namespace", "ram://?size=8M")
        perf = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "perf", server.disk, "--seconds", "600", "--bs", "128k"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(perf.wait)
        self.addCleanup(perf.kill)
        while cpu_ticks(perf.pid) < 20:  # it is at work
            self.assertIsNone(perf.poll())
        perf.send_signal(signal.SIGSTOP)  # a host that answers nothing any more: the clean end has to wait for it
        server.process.send_signal(signal.SIGTERM)
        wait_until_refused(server.url)
        started = time.monotonic()
        self.assertEqual(self.told_until_it_ends(server), 1)
        self.assertLess(time.monotonic() - started, 5)

    def told_until_it_ends(self, server):
        """Signals within 100 ms are one."""
        while True:
            server.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return server.process.wait(timeout=0.2)

    def test_two_signals_at_once_are_one(self):
        for first, second in ((signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)):
            server = self.served("--namespace", "ram://?size=1M")
            os.kill(server.process.pid, signal.SIGSTOP)  # both are there before either is heard
            os.kill(server.process.pid, first)
            os.kill(server.process.pid, second)
            self.assertEqual(server.end(signal.SIGCONT), (0, ""))

    def test_it_ends_within_ten_seconds_though_a_thread_does_not_answer(self):
        server = self.served("--namespace", "ram://?size=8M")
        with stopped_thread(server.process.pid, "weft-target"):
            started = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            said = server.process.stderr.readline().decode()
            self.assertIn("exits as it is", said)
            self.assertLess(time.monotonic() - started, 10)
        self.assertEqual(server.process.wait(timeout=LIMIT), 1)

    def test_the_limit_of_open_files_is_raised(self):
        server = self.served("--namespace", "ram://?size=1M", before=modest_files)
        limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max open files +500 +500 ")

    def test_gives_its_port_back(self):
        first = self.served("--namespace", "ram://?size=1M")
        self.assert_ended(weft("list", first.disk), 0)
        self.assertEqual(first.end()[0], 0)
        second = self.served("--namespace", "ram://?size=1M", "--listen", first.url, listeners=2)
        self.assertEqual(second.urls[1], first.url)


if __name__ == "__main__":
    unittest.main()
