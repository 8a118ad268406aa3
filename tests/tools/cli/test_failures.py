"""A connect that fails says in one line at which stage, to whom, and why; exit code 3."""

import socket
import threading
import unittest

from weft_program import NQN, Case, closed_port, weft


class Failures(Case):
    def failed(self, url, stage, *says, options=()):
        ended = weft("identify", url, *options)
        self.assert_ended(ended, 3, f"stage '{stage}'")
        self.assertEqual(ended.err.count("\n"), 1, ended.err)
        for part in says:
            self.assertIn(part, ended.err)
        return ended

    def peer(self, behave):
        """A peer that is no NVMe controller; `behave` gets its connection."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def serve():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                behave(connection)

        threading.Thread(target=serve, daemon=True).start()
        return f"tcp://127.0.0.1:{server.getsockname()[1]}/{NQN}"

    def test_of_a_name_that_nobody_knows(self):
        self.failed(f"tcp://no-such-host.invalid:4420/{NQN}", "resolve", "no-such-host.invalid")

    def test_of_a_port_where_nobody_listens(self):
        held = closed_port()
        self.addCleanup(held.close)
        port = held.getsockname()[1]
        self.failed(f"tcp://127.0.0.1:{port}/{NQN}", "connect", f"127.0.0.1:{port}", "Connection refused")

    def test_of_a_peer_that_hangs_up(self):
        self.failed(self.peer(lambda c: c.recv(1)), "icreq")

    def test_of_a_peer_that_speaks_something_else(self):
        self.failed(self.peer(lambda c: (c.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 8), c.recv(1024))), "icreq")

    def test_of_a_peer_that_says_nothing(self):
        def listen_only(connection):
            while connection.recv(4096):
                pass

        self.failed(self.peer(listen_only), "icreq", options=("-o", "timeout=300ms"))

    def test_of_a_subsystem_that_is_not_there(self):
        server = self.served("--namespace", "ram://?size=1M")
        self.failed(f"{server.url}/nqn.2026-01.org.example:other", "Connect command", "nqn.2026-01.org.example:other")

    def test_with_json_names_the_stage_too(self):
        held = closed_port()
        self.addCleanup(held.close)
        ended = weft("identify", f"tcp://127.0.0.1:{held.getsockname()[1]}/{NQN}", "--json")
        self.assertEqual(ended.code, 3)
        error = ended.json()["error"]
        self.assertEqual(error["stage"], "connect")
        self.assertGreater(error["code"], 0)


if __name__ == "__main__":
    unittest.main()
