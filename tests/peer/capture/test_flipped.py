"""A capture with one flipped bit fails: whatever else these tests find in order, they would have found out of order."""

import unittest

from capture_case import CaptureCase, setUpModule  # noqa: F401 (unittest calls it)
from dissection import C2H_DATA, COMMAND, H2C_DATA, R2T, RESPONSE, Dissection

BIT = 0x10


class Flipped(CaptureCase):
    def flipped(self, pdu, at):
        """The faults of the same capture, but for one bit of the byte at `at` of a PDU (from its end where negative)."""
        packets = bytearray(self.taken.path.read_bytes())
        packets[pdu.place_in(packets) + at % pdu["nvme-tcp.plen"]] ^= BIT
        return Dissection(self.file("flipped.pcap", bytes(packets)), self.taken.port).faults

    def whole(self, pdus):
        """Those that one packet has from end to end: which are they in the file?"""
        packets = self.taken.path.read_bytes()
        return [pdu for pdu in pdus if pdu.place_in(packets)]

    def test_with_digests_wherever_it_is(self):
        self.captured_server("?maxh2cdata=8K")
        for size in (4096, 16384):
            self.perf("randrw", size, 8, options=["hdgst=on", "ddgst=on", "queues=1"])
        seen = self.dissect()
        for kind in (COMMAND, RESPONSE, H2C_DATA, C2H_DATA, R2T):
            pdu = max(self.whole(seen.of_type(kind, io=True)), key=lambda each: each.data_bytes)
            places = {"a header": 9, "a header digest": pdu["nvme-tcp.hlen"] + 1}
            if pdu.data_bytes:
                places |= {"data": pdu["nvme-tcp.pdo"] + 100, "a data digest": -1}
            for place, at in places.items():
                with self.subTest(pdu=str(pdu), place=place):
                    faults = self.flipped(pdu, at)
                    digest = "ddgst" if "data" in place else "hdgst"
                    self.assertTrue([f for f in faults if f.startswith(str(pdu)) and f"{digest} is bad" in f], faults)

    def test_without_digests_where_the_length_or_the_order_breaks(self):
        self.captured_server("?maxc2hdata=4K")
        self.perf("randread", 16384, 4)
        seen = self.dissect()
        data = self.whole(seen.of_type(C2H_DATA, io=True))[1]
        for place, at in {"PLEN": 5, "CCCID": 8, "DATAO": 18, "DATAL": 17}.items():
            with self.subTest(place=place):
                self.assertNotEqual(self.flipped(data, at), [])


if __name__ == "__main__":
    unittest.main()
