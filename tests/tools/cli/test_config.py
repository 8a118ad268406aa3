"""The TOML file: mistakes are named with their line; a good one is served. The table of all mistakes is a unit test."""

import os
import subprocess
import unittest

from weft_program import LIMIT, PROGRAM, Case, Server, weft

GOOD = """\
threads = 2
wait = "sleep"

[limits]
max_queue_size = 64

[[listener]]
url = "tcp://127.0.0.1:0"

[[listener]]
url = "tcp://127.0.0.1:0"
discovery_only = true

[[subsystem]]
nqn = "nqn.2026-01.org.example:a"
[[subsystem.namespace]]
backend = "ram://?size=8M"
nsid = 5
uuid = "00112233-4455-6677-8899-aabbccddeeff"
[[subsystem.namespace]]
backend = "null://?size=1G&block=4096"

[[subsystem]]
nqn = "nqn.2026-01.org.example:b"
allow_hosts = ["nqn.2026-01.org.example:friend"]
[[subsystem.namespace]]
backend = "ram://?size=8M"
"""


class Mistakes(Case):
    def refused(self, text, code=2):
        path = self.file("weft.toml", text)
        ended = self.assert_ended(weft("serve", "--config", path), code)
        return ended.err.replace(str(path), "weft.toml")

    def test_in_a_pipe_are_found_and_its_writer_is_waited_for_aloud(self):
        path = self.file("weft.toml", "")
        path.unlink()
        os.mkfifo(path)
        process = subprocess.Popen([PROGRAM, "serve", "--config", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        self.assertIn(f"waiting for data from the pipe '{path}'", process.stderr.readline())
        path.write_text("threads = 1000\n")
        _, said = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 2)
        self.assertIn(":1: 'threads' in the file is 1000", said)

    def test_in_the_syntax_have_a_line(self):
        self.assertRegex(self.refused("threads = 1\nwait = \n"), r"weft\.toml:2: ")

    def test_in_a_key_have_a_line_and_the_nearest_key(self):
        self.assertIn("weft.toml:2: there is no key 'thread' in the file; did you mean 'threads'?",
                      self.refused("\nthread = 1\n"))

    def test_in_a_value_have_a_line(self):
        self.assertIn("weft.toml:1: 'threads' in the file is 1000, which is not between 1 and 256", self.refused("threads = 1000\n"))

    def test_in_a_url_have_the_line_of_the_listener(self):
        text = '[[subsystem]]\nnqn = "nqn.2026-01.a:b"\n\n[[listener]]\nurl = "tcp://127.0.0.1:http"\n'
        self.assertIn("weft.toml:4: the port 'http' is not a number", self.refused(text))

    def test_in_a_backend_have_the_line_of_the_namespace(self):
        text = ('[[listener]]\nurl = "tcp://127.0.0.1:0"\n[[subsystem]]\nnqn = "nqn.2026-01.a:b"\n'
                '[[subsystem.namespace]]\nbackend = "rm://?size=1G"\n')
        self.assertRegex(self.refused(text), r"weft\.toml:5: .*rm")

    def test_of_leaving_things_out_are_named(self):
        self.assertIn("there is no subsystem", self.refused("threads = 1\n"))
        self.assertIn("there is no listener", self.refused('[[subsystem]]\nnqn = "nqn.2026-01.a:b"\n'))

    def test_of_naming_things_twice_are_named(self):
        twice = '[[listener]]\nurl = "tcp://127.0.0.1:0"\n' + '[[subsystem]]\nnqn = "nqn.2026-01.a:b"\n' * 2
        self.assertIn("weft.toml:5: there are two subsystems nqn.2026-01.a:b", self.refused(twice))

    def test_that_only_the_target_knows_have_the_line_too(self):
        listener = '[[listener]]\nurl = "tcp://127.0.0.1:0"\n'
        subsystem = listener + '[[subsystem]]\nnqn = "nqn.2026-01.a:b"\n'
        space = '[[subsystem.namespace]]\nbackend = "ram://?size=1M"\nuuid = "00112233-4455-6677-8899-aabbccddeeff"\n'
        for text, says in [(subsystem + space + space, "weft.toml:8: namespace 1 of nqn.2026-01.a:b has this UUID already"),
                           (subsystem + 'serial = "caf\\u00e9"\n', "weft.toml:3: "),
                           (subsystem + 'allow_hosts = ["a\\u0000b"]\n', "weft.toml:5: the host NQN 'a\\x00b' has a NUL in it"),
                           (listener + '[[subsystem]]\nnqn = "' + "n" * 224 + '"\n', "weft.toml:3: the subsystem NQN"),
                           (subsystem + '[[subsystem.namespace]]\nbackend = "ram://?size=0"\n', "weft.toml:5: ")]:
            with self.subTest(text=text):
                self.assertIn(says, self.refused(text))

    def test_of_a_transports_options_are_named(self):
        listener = '[[listener]]\nurl = "tcp://127.0.0.1:0"\n'
        rest = listener + '[[subsystem]]\nnqn = "nqn.2026-01.a:b"\n[[subsystem.namespace]]\nbackend = "ram://?size=1M"\n'
        for text, says in [("[transport.tcp]\nrxmen = 1\n", "weft.toml:1: there is no option 'rxmen' for tcp; did you mean 'rxmem'?"),
                           ("[transport.tcp]\nrxmem = \"much\"\n", "weft.toml:1: option 'rxmem': "),
                           ("\n[transport.tpc]\nrxmem = 1\n", "did you mean tcp?"),
                           ("[transport.tcp]\nrxmem = \"1k\"\n", "weft.toml:1: tcp: option rxmem=1024 is not a number of bytes from 1M to 1G"),
                           (listener.replace(":0", ":0?rxmem=1M"), "option rxmem is of the whole tcp transport, not of an address")]:
            with self.subTest(text=text):
                self.assertIn(says, self.refused(text + rest))

    def test_of_naming_a_folder_are_named(self):
        self.assert_ended(weft("serve", "--config", self.folder), 2, "is a folder, not a file")

    def test_of_letting_the_world_in_are_refused_with_the_line(self):
        text = '[[listener]]\nurl = "tcp://0.0.0.0:0"\n[[subsystem]]\nnqn = "nqn.2026-01.a:b"\n'
        self.assertRegex(self.refused(text), r"weft\.toml:3: .*add allow_hosts = ")


class Good(Case):
    def test_serves_what_it_says(self):
        path = self.file("weft.toml", GOOD)
        server = self.served("--config", str(path), listeners=2, listen=False)
        listed = weft("list", server.urls[0] + "/nqn.2026-01.org.example:a", "--json")
        self.assert_ended(listed, 0)
        namespaces = listed.json()["namespaces"]
        self.assertEqual([(n["nsid"], n["bytes"], n["block_size"]) for n in namespaces],
                         [(1, 1 << 30, 4096), (5, 8 << 20, 512)])
        self.assertEqual(namespaces[1]["uuid"], "00112233-4455-6677-8899-aabbccddeeff")

    def test_keeps_strangers_out_of_a_subsystem_with_a_list(self):
        path = self.file("weft.toml", GOOD)
        server = self.served("--config", str(path), listeners=2, listen=False)
        disk = server.urls[0] + "/nqn.2026-01.org.example:b"
        self.assert_ended(weft("identify", disk), 3, "stage 'Connect command'")
        self.assert_ended(weft("identify", disk, "-o", "hostnqn=nqn.2026-01.org.example:friend"), 0)

    def test_offers_discovery_alone_where_it_says_so(self):
        path = self.file("weft.toml", GOOD)
        server = self.served("--config", str(path), listeners=2, listen=False)
        found = weft("discover", server.urls[1], "--json")
        self.assert_ended(found, 0)
        names = {e["subnqn"] for e in found.json()["entries"] if e["type"] == "subsystem"}
        self.assertEqual(names, {"nqn.2026-01.org.example:a"})
        self.assert_ended(weft("identify", server.urls[1] + "/nqn.2026-01.org.example:a"), 3)

    def test_gives_a_transport_the_options_that_listeners_start_from(self):
        path = self.file("weft.toml", GOOD + '\n[transport.tcp]\nrxmem = "1M"\nhdgst = false\n')
        server = self.served("--config", str(path), listeners=2, listen=False)
        disk = server.urls[0] + "/nqn.2026-01.org.example:a"
        self.assert_ended(weft("read", disk, "--nsid", "5", "--blocks", "64", "--output", "-"), 0)

    def test_gives_way_to_the_command_line(self):
        path = self.file("weft.toml", GOOD.replace("tcp://127.0.0.1:0", "tcp://127.0.0.1:1"))
        server = self.served("--config", str(path), "--listen", "tcp://127.0.0.1:0", listen=False)
        self.assert_ended(weft("discover", server.url), 0)


if __name__ == "__main__":
    unittest.main()
