"""I/O as tshark reads it: how data moves in each way that it may, and what is counted is what was asked for."""

import unittest

from capture_case import CaptureCase, setUpModule  # noqa: F401 (unittest calls it)
from dissection import C2H_DATA, COMMAND, H2C_DATA, R2T, RESPONSE

WRITE, READ = 1, 2
IOS, SMALL, LARGE = 24, 4096, 32768


def total(pdus):
    return sum(pdu["nvme-tcp.data.length"] for pdu in pdus)


class Writes(CaptureCase):
    def test_small_ones_travel_in_their_capsules(self):
        self.captured_server()
        self.perf("randwrite", SMALL, IOS)
        seen = self.dissect()
        writes = seen.commands(WRITE, io=True)
        self.assertEqual([pdu.data_bytes for pdu in writes], [SMALL] * IOS)
        self.assertEqual([pdu["nvme.cmd.nlb"] for pdu in writes], [SMALL // 512] * IOS)
        self.assertEqual(seen.of_type(R2T, H2C_DATA), [])
        answers = seen.of_type(RESPONSE, io=True)
        self.assertEqual([pdu.status for pdu in answers if not pdu.has("nvme.fabrics.cqe")], [(0, 0)] * IOS)

    def test_large_ones_are_asked_for_by_r2t(self):
        for offered in (0, 3):
            with self.subTest(maxr2t=offered):
                self.captured_server("?maxh2cdata=8K&maxr2t=4")
                self.perf("randwrite", LARGE, IOS, options=[f"maxr2t={offered + 1}"])
                seen = self.dissect()
                self.assertEqual([pdu.data_bytes for pdu in seen.commands(WRITE, io=True)], [0] * IOS)
                self.assertEqual(sum(pdu["nvme-tcp.r2t.length"] for pdu in seen.of_type(R2T)), IOS * LARGE)
                data = seen.of_type(H2C_DATA)
                self.assertEqual(total(data), IOS * LARGE)
                self.assertEqual({pdu["nvme-tcp.data.length"] for pdu in data}, {8192})
                self.assertEqual(len([pdu for pdu in data if pdu.last]), len(seen.of_type(R2T)))
                self.taken.close()


class Reads(CaptureCase):
    def test_are_split_and_their_last_piece_is_the_answer(self):
        self.captured_server("?maxc2hdata=4K")
        self.perf("randread", LARGE, IOS)
        seen = self.dissect()
        self.assertEqual(len(seen.commands(READ, io=True)), IOS)
        data = seen.of_type(C2H_DATA, io=True)
        self.assertEqual([pdu["nvme-tcp.data.length"] for pdu in data], [4096] * (IOS * LARGE // 4096))
        self.assertEqual(len([pdu for pdu in data if pdu.last and pdu.success]), IOS)
        self.assertEqual([pdu for pdu in data if pdu.last != pdu.success], [])
        self.assertEqual(len(seen.of_type(RESPONSE, io=True)), 1)  # of Connect

    def test_with_sq_flow_control_each_has_a_response_that_moves_the_head(self):
        self.captured_server()
        self.perf("randread", SMALL, IOS, depth=1, options=["sqfc=on", "qsize=8"])
        seen = self.dissect()
        self.assertEqual([pdu for pdu in seen.of_type(C2H_DATA, io=True) if pdu.success or not pdu.last], [])
        heads = [pdu["nvme.cqe.sqhd"] for pdu in seen.of_type(RESPONSE, io=True)]
        self.assertEqual(heads, [(n) % 8 for n in range(1, IOS + 2)])


class Digests(CaptureCase):
    def test_are_where_the_two_sides_agreed_on_them_and_right(self):
        for header, data in ("off", "on"), ("on", "off"), ("on", "on"):
            with self.subTest(hdgst=header, ddgst=data):
                self.captured_server("?hdgst=on&ddgst=on&maxc2hdata=16K")
                options = [f"hdgst={header}", f"ddgst={data}"]
                for size in (SMALL, LARGE):
                    self.perf("randrw", size, IOS, options=options)
                seen = self.dissect()
                after = [pdu for pdu in seen.pdus if pdu.type >= COMMAND]
                self.assertEqual({pdu.header_digest for pdu in after}, {header == "on"})
                carrying = [pdu for pdu in after if pdu.data_bytes > 0]
                self.assertEqual({pdu.data_digest for pdu in carrying}, {data == "on"})
                self.assertEqual([pdu for pdu in after if pdu.data_digest and pdu.data_bytes == 0], [])
                self.assertEqual({pdu.type for pdu in after}, {COMMAND, RESPONSE, H2C_DATA, C2H_DATA, R2T})
                self.taken.close()

    def test_and_padding_are_counted_in_pdo_and_plen(self):
        self.captured_server("?pda=3")
        self.perf("randrw", LARGE, IOS, options=["hdgst=on", "ddgst=on", "pda=7"])
        seen = self.dissect(data_too=False)
        carrying = [pdu for pdu in seen.pdus if pdu.data_bytes > 0]
        self.assertEqual({pdu["nvme-tcp.pdo"] for pdu in carrying if pdu.to_controller}, {32, 80})
        self.assertEqual({pdu["nvme-tcp.pdo"] for pdu in carrying if not pdu.to_controller}, {32})


if __name__ == "__main__":
    unittest.main()
