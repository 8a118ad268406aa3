"""A test of a capture: a server, a capture of its port, and what tshark reads in it."""

import re

import capture
from dissection import Dissection
from weft_program import NQN, Case, weft

NAMESPACE = ("--namespace", "ram://?size=1M")


def setUpModule():
    capture.prepare()


class CaptureCase(Case):
    def captured_server(self, transport_options="", *arguments):
        """`weft serve` whose listener has those options, and the capture of its port."""
        server = self.served("--listen", f"tcp://127.0.0.1:0{transport_options}", *NAMESPACE, *arguments, listeners=2)
        url = server.urls[1].split("?")[0]
        self.disk = f"{url}/{NQN}"
        self.capture_port(int(url.rsplit(":", 1)[1]))
        return server

    def capture_port(self, port):
        self.taken = capture.Capture(self.folder / "taken.pcap", port)
        self.addCleanup(self.taken.close)

    def run_weft(self, *arguments, code=0, says="", **named):
        return self.assert_ended(weft(*arguments, **named), code, says)

    def perf(self, mode, size, ios, depth=4, options=()):
        self.run_weft("perf", self.disk, "--rw", mode, "--bs", size, "--ios", ios, "--depth", depth, "--span", "512K",
                      *(f"-o{option}" for option in options))

    def dissect(self, data_too=True, expected=None):
        """Ends the capture: what tshark says of it. It must be without a fault, but for those that match `expected`."""
        self.taken.end()
        seen = Dissection(self.taken.path, self.taken.port, data_too)
        self.assertEqual([fault for fault in seen.faults if not (expected and re.search(expected, fault))], [])
        self.assertTrue(seen.pdus)
        return seen
