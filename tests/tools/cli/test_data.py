"""discover, identify, list, read and write against a served namespace."""

import hashlib
import os
import pty
import socket
import subprocess
import threading
import unittest

from weft_program import LIMIT, NQN, PLUGINS, PROGRAM, Case, weft

DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"


class Asking(Case):
    def test_discover_gives_the_address_that_was_reached(self):
        server = self.served("--namespace", "ram://?size=8M")
        ended = self.assert_ended(weft("discover", server.url, "--json"), 0)
        entries = [e for e in ended.json()["entries"] if e["type"] == "subsystem"]
        self.assertEqual([e["url"] for e in entries], [server.disk])
        self.assertEqual((entries[0]["transport"], entries[0]["adrfam"]), ("tcp", "ipv4"))
        self.assertIn(server.disk, weft("discover", server.url).out)

    def test_identify_describes_controller_and_namespace(self):
        server = self.served("--namespace", "ram://?size=8M&block=4096")
        controller = self.assert_ended(weft("identify", server.disk, "--json"), 0).json()
        self.assertEqual((controller["subsystem"], controller["kind"], controller["model"]), (NQN, "I/O", "Weft"))
        found = self.assert_ended(weft("identify", server.disk, "--nsid", "1", "--json"), 0).json()
        self.assertEqual((found["bytes"], found["block_size"], found["blocks"]), (8 << 20, 4096, 2048))
        self.assertIn(NQN, weft("identify", server.disk).out)

    def test_identify_without_a_subsystem_describes_discovery(self):
        server = self.served()
        found = self.assert_ended(weft("identify", server.url, "--json"), 0).json()
        self.assertEqual((found["subsystem"], found["kind"]), (DISCOVERY, "discovery"))

    def started(self, *arguments):
        run = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, *arguments], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        limit = threading.Timer(LIMIT, run.kill)  # ends a wait for words that never come
        limit.start()
        self.addCleanup(lambda: (limit.cancel(), run.kill(), run.wait(), run.stderr.close()))
        return run

    def test_a_pipe_is_waited_for_and_that_is_said(self):
        server = self.served("--namespace", "ram://?size=1M")
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        writing = self.started("write", server.disk, "--input", str(pipe))
        self.assertEqual(writing.stderr.readline().decode(), f"weft: waiting for data from the pipe '{pipe}'\n")
        pipe.write_bytes(b"x" * 700)
        self.assertEqual(writing.wait(timeout=LIMIT), 0)
        reading = self.started("read", server.disk, "--bytes", "700", "--output", str(pipe))
        self.assertEqual(reading.stderr.readline().decode(), f"weft: waiting for a reader of the pipe '{pipe}'\n")
        self.assertEqual(pipe.read_bytes(), b"x" * 700)
        self.assertEqual(reading.wait(timeout=LIMIT), 0)

    def test_a_socket_is_no_file(self):
        server = self.served("--namespace", "ram://?size=1M")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(self.folder / "socket"))
            for command in (["write", server.disk, "--input"], ["read", server.disk, "--output"]):
                self.assert_ended(weft(*command, str(self.folder / "socket")), 1, "is a socket, not a file")

    def test_list_shows_every_namespace(self):
        server = self.served("--namespace", "ram://?size=8M", "--namespace", "null://?size=1T")
        ended = self.assert_ended(weft("list", server.disk, "--json"), 0)
        self.assertEqual([(n["nsid"], n["bytes"]) for n in ended.json()["namespaces"]], [(1, 8 << 20), (2, 1 << 40)])
        self.assertIn("1 TiB", weft("list", server.disk).out)

    def test_list_without_a_subsystem_asks_discovery_first(self):
        server = self.served("--namespace", "ram://?size=8M")
        ended = self.assert_ended(weft("list", server.url, "--json"), 0)
        self.assertEqual([n["subnqn"] for n in ended.json()["namespaces"]], [NQN])

    def test_list_over_discovery_takes_the_options_of_the_url_along(self):
        friend = "nqn.2026-01.org.example:friend"
        server = self.served("--namespace", "ram://?size=8M", "--allow-host", friend)
        for arguments in ([server.url + f"?hostnqn={friend}"], [server.url + "?hostnqn=nqn.2026-01.a:b", "-o", f"hostnqn={friend}"]):
            ended = self.assert_ended(weft("list", *arguments, "--json"), 0)
            self.assertEqual([n["subnqn"] for n in ended.json()["namespaces"]], [NQN])

    def test_list_over_discovery_keeps_the_options_of_the_transport(self):
        server = self.served("--namespace", "ram://?size=8M")
        ended = self.assert_ended(weft("list", server.url, "--transport-option", "rxmem=2M", "--json"), 0)
        self.assertEqual([n["subnqn"] for n in ended.json()["namespaces"]], [NQN])
        self.assert_ended(weft("list", server.url, "--transport-option", "rxmem=1K"), 2, "rxmem=1024 is not a number of bytes")

    def test_list_over_discovery_shows_what_can_be_listed(self):
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("this machine has no IPv6")
        server = self.served("--namespace", "ram://?size=8M", "--listen", "tcp://[::1]:0", listeners=2)
        from_here = ["-o", "host_traddr=127.0.0.1"]  # from where the other listener cannot be reached
        ended = self.assert_ended(weft("list", server.url, "--json", *from_here), 3, "[::1]")
        self.assertEqual([n["url"] for n in ended.json()["namespaces"]], [server.disk])
        self.assertEqual(len(ended.json()["errors"]), 1)
        self.assertIn("8 MiB", self.assert_ended(weft("list", server.url, *from_here), 3, "[::1]").out)

    def test_json_may_be_asked_for_before_the_command(self):
        server = self.served("--namespace", "ram://?size=8M")
        self.assertEqual(len(self.assert_ended(weft("--json", "list", server.disk), 0).json()["namespaces"]), 1)

    def test_discover_of_a_subsystem_says_that_it_is_none(self):
        server = self.served("--namespace", "ram://?size=8M")
        self.assert_ended(weft("discover", server.disk), 1, "leave it out of the address")

    def test_identify_of_discovery_names_no_commands_for_data(self):
        server = self.served("--namespace", "ram://?size=8M")
        self.assertEqual(self.assert_ended(weft("identify", server.url, "--json"), 0).json()["commands"], "none for I/O")

    def test_a_host_that_is_refused_is_told_who_it_is(self):
        server = self.served("--namespace", "ram://?size=8M", "--allow-host", "nqn.2026-01.org.example:friend")
        self.assert_ended(weft("list", server.disk, "-o", "hostnqn=nqn.2026-01.org.example:me"), 3, "this host is nqn.2026-01.org.example:me")

    def test_a_namespace_that_is_not_there_is_a_failure(self):
        server = self.served()
        self.assert_ended(weft("identify", server.disk, "--nsid", "9"), 1, "namespace 9")


class Terminal(Case):
    """What somebody sees who looks."""

    def seen(self, *arguments):
        terminal, other = pty.openpty()
        self.addCleanup(os.close, terminal)
        run = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, *arguments], stderr=other, stdout=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL)
        os.close(other)
        text = b""
        while True:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # the program has ended, and the terminal's other end with it
                break
            if not part:
                break
            text += part
        self.assertEqual(run.wait(timeout=60), 0, text)
        return text.decode()

    def test_shows_a_progress_bar_on_long_work(self):
        server = self.served("--namespace", "null://?size=4G")
        text = self.seen("read", server.disk, "--output", "/dev/null")
        self.assertRegex(text, r"reading \[#*\.*\] +\d+ %")
        self.assertRegex(self.seen("perf", server.disk, "--seconds", "700ms"), r"randread \[#*\.*\] +\d+ % +\d+ IOPS")

    def test_shows_none_to_scripts(self):
        server = self.served("--namespace", "null://?size=4G")
        self.assertNotIn("[", self.seen("perf", server.disk, "--seconds", "700ms", "--json"))


class Moving(Case):
    def test_a_file_comes_back_the_same(self):
        server = self.served("--namespace", "ram://?size=256M")
        with open(PROGRAM, "rb") as program:
            data = program.read()[: 64 << 20]
        source = self.file("source", data)
        for options in ([], ["-o", "hdgst=on", "-o", "ddgst=on"]):
            with self.subTest(options=options):
                written = weft("write", server.disk, "--input", source, "--json", *options)
                self.assertEqual(self.assert_ended(written, 0).json()["bytes"], len(data))
                back = self.folder / "back"
                self.assert_ended(weft("read", server.disk, "--bytes", len(data), "--output", back, *options), 0)
                self.assertEqual(hashlib.sha256(back.read_bytes()).digest(), hashlib.sha256(data).digest())

    def test_standard_streams_take_the_place_of_files(self):
        server = self.served("--namespace", "ram://?size=8M")
        data = os.urandom(10_000)
        self.assert_ended(weft("write", server.disk, "--lba", 3, "--input", "-", given=data), 0)
        ended = self.assert_ended(weft("read", server.disk, "--lba", 3, "--blocks", 20, "--output", "-"), 0)
        self.assertEqual(ended.bytes, data + bytes(20 * 512 - len(data)))
        self.assertIn("read 10 KiB", ended.err)

    def test_read_without_a_length_goes_to_the_end(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.assertEqual(len(weft("read", server.disk, "--lba", 2047, "--output", "-").bytes), 512)

    def test_file_backend_keeps_what_was_written(self):
        disk = self.file("disk.img", bytes(8 << 20))
        server = self.served("--namespace", f"file://{disk}")
        data = os.urandom(1 << 20)
        self.assert_ended(weft("write", server.disk, "--input", "-", given=data), 0)
        self.assertEqual(disk.read_bytes()[: 1 << 20], data)

    def test_more_than_there_is_room_for_is_refused_before_anything_is_written(self):
        server = self.served("--namespace", "ram://?size=1M")
        source = self.file("source", bytes([1]) * (1 << 20))
        self.assert_ended(weft("write", server.disk, "--lba", 1, "--input", source), 1, "has room for 1048064")
        self.assertEqual(weft("read", server.disk, "--output", "-").bytes, bytes(1 << 20))

    def test_a_stream_that_is_too_long_fails_and_says_how_much_was_written(self):
        server = self.served("--namespace", "ram://?size=8M")
        self.assert_ended(weft("write", server.disk, "--input", "-", given=bytes(9 << 20)), 1, "8388608 bytes were written")

    def test_a_target_that_is_lost_is_named(self):
        server = self.served("--namespace", "ram://?size=64M")
        process = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "write", server.disk, "--input", "-"],
                                   stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        process.stdin.write(bytes(8 << 20))  # more than a pipe holds: it has been connected
        process.stdin.flush()
        server.process.kill()
        server.process.wait()
        _, err = process.communicate(bytes(16 << 20), timeout=LIMIT)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn(f"at {server.url}".encode(), err)

    def test_numbers_are_decimal_or_hexadecimal(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.assert_ended(weft("read", server.disk, "--lba", "010", "--blocks", "1", "--output", "-"), 0, "from LBA 10 ")
        self.assert_ended(weft("read", server.disk, "--lba", "0x7ff", "--output", "-"), 0, "1 block from LBA 2047 ")

    def test_ranges_beyond_the_end_are_usage_errors(self):
        server = self.served("--namespace", "ram://?size=1M")
        for arguments, says in [(["--lba", 2048], "lies beyond namespace 1"),
                                (["--lba", 2047, "--blocks", 2], "runs over the end"),
                                (["--bytes", "2M"], "runs over the end"),
                                (["--blocks", 2 ** 63], "runs over the end")]:
            with self.subTest(arguments=arguments):
                self.assert_ended(weft("read", server.disk, "--output", "-", *arguments), 2, says)

    def test_a_file_that_cannot_be_opened_is_a_failure(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.assert_ended(weft("write", server.disk, "--input", self.folder / "none"), 1, "No such file")
        self.assert_ended(weft("write", server.disk, "--input", self.folder), 1, "is a folder")
        self.assert_ended(weft("read", server.disk, "--output", self.folder / "no/where"), 1, "No such file")

    def test_a_full_disk_is_a_failure(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.assert_ended(weft("read", server.disk, "--output", "/dev/full"), 1, "No space left")

    def test_a_failed_connect_leaves_the_output_file_alone(self):
        kept = self.file("kept", "precious")
        self.assert_ended(weft("read", f"tcp://127.0.0.1:1/{NQN}", "--output", kept), 3)
        self.assertEqual(kept.read_text(), "precious")


if __name__ == "__main__":
    unittest.main()
