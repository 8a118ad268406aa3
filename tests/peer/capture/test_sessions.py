"""Discovery, keep-alive and errors as tshark reads them."""

import socket
import struct
import subprocess
import threading
import unittest

from capture_case import CaptureCase, setUpModule  # noqa: F401 (unittest calls it)
from dissection import C2H_DATA, C2H_TERM, COMMAND, H2C_DATA, H2C_TERM, ICREQ, ICRESP, RESPONSE
from weft_program import LIMIT, NQN, PLUGINS, PROGRAM

CONNECT = 1
LOG_PAGE, IDENTIFY, KEEP_ALIVE = 0x02, 0x06, 0x18
DISCOVERY_LOG = 0x70
FIELD_INVALID = 1  # FES


def pdu_header(pdu_type, hlen, plen, flags=0, pdo=0):
    return struct.pack("<BBBBI", pdu_type, flags, hlen, pdo, plen)


def capsule(opcode, cid, fctype=0, data=0, wanted=0, rest=b""):
    """A CapsuleCmd: with `data` bytes to follow in the capsule, or `wanted` bytes by way of the transport."""
    sgl = struct.pack("<QI3xB", 0, data, 0x01) if data else struct.pack("<QI3xB", 0, wanted, 0x5A)
    sqe = struct.pack("<BBHI16x", opcode, 0x40, cid, fctype) + sgl + rest.ljust(24, b"\0")
    return pdu_header(COMMAND, 72, 72 + data, pdo=72 if data else 0) + sqe


def connect_data():
    host = "nqn.2026-01.org.example:host"
    return bytes(range(16)) + struct.pack("<H", 0xFFFF) + bytes(238) + NQN.encode().ljust(256, b"\0") + \
        host.encode().ljust(256, b"\0") + bytes(256)


class Discovery(CaptureCase):
    def test_is_a_log_page_whose_entries_name_what_is_served(self):
        server = self.captured_server()
        self.run_weft("discover", self.disk.rsplit("/", 1)[0])
        # The dissector of this version is older than "the current discovery subsystem".
        seen = self.dissect(expected=r"SUBTYPE\): Unknown \(0x03\)")
        self.assertEqual([pdu["nvme.fabrics.cmd.connect.qid"] for pdu in seen.fabrics(CONNECT)], [0])
        asked = seen.commands(LOG_PAGE)
        self.assertEqual({pdu["nvme.cmd.get_logpage.dword10.id"] for pdu in asked}, {DISCOVERY_LOG})
        page = "nvme.cmd.get_logpage.identify."
        data = seen.of_type(C2H_DATA)
        counts = {pdu[page + "numrec"] for pdu in data if pdu.has(page + "numrec")}
        self.assertEqual(counts, {3})  # the service's own, and a record for each listener
        (records,) = [pdu for pdu in data if pdu.has(page + "rcrd.subnqn")]
        self.assertEqual(records.data_bytes, 3 * 1024)
        # Of several records in one piece this dissector shows the first two.
        self.assertEqual(records.all(page + "rcrd.subnqn"), ["nqn.2014-08.org.nvmexpress.discovery", NQN])
        self.assertIn("tcp://127.0.0.1:" + records.text(page + "rcrd.trsvcid").strip(), [u.split("?")[0] for u in server.urls])


class KeepAlive(CaptureCase):
    def test_keeps_an_idle_association_and_is_answered(self):
        self.captured_server()
        writing = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "write", self.disk, "--input", "-", "-okato=400ms"],
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(writing.wait)
        self.addCleanup(writing.kill)
        keep_alive = pdu_header(COMMAND, 72, 72) + bytes([KEEP_ALIVE])
        self.taken.wait_for(lambda packets: packets.count(keep_alive) >= 6)
        writing.communicate(b"x" * 512, timeout=LIMIT)
        self.assertEqual(writing.returncode, 0)
        seen = self.dissect()
        self.assertEqual([pdu["nvme.fabrics.cmd.connect.kato"] for pdu in seen.fabrics(CONNECT)], [400, 0])
        sent = seen.commands(KEEP_ALIVE)
        self.assertGreaterEqual(len(sent), 6)
        for pdu in sent:
            answers = [a for a in seen.of_type(RESPONSE) if a.queue == 0 and a.cid == pdu.cid]
            self.assertIn((0, 0), [answer.status for answer in answers])


class Errors(CaptureCase):
    def raw_host(self):
        """A connection to the target, past ICReq and ICResp."""
        host = socket.create_connection(("127.0.0.1", self.taken.port), timeout=LIMIT)
        host.sendall(pdu_header(ICREQ, 128, 128) + bytes(120))
        self.assertEqual(len(host.recv(128, socket.MSG_WAITALL)), 128)
        return host

    def test_of_commands_are_statuses(self):
        self.captured_server()
        with self.raw_host() as host:
            host.sendall(capsule(0x7F, 1, fctype=CONNECT, data=1024, rest=struct.pack("<HHHBBI", 0, 0, 31, 0, 0, 0)))
            host.sendall(connect_data())
            self.assertEqual(len(host.recv(24, socket.MSG_WAITALL)), 24)
            host.sendall(capsule(IDENTIFY, 2, rest=struct.pack("<I", 1), wanted=4096))  # before CC.EN
            self.assertEqual(len(host.recv(24, socket.MSG_WAITALL)), 24)
        seen = self.dissect()
        answers = seen.of_type(RESPONSE)
        self.assertEqual([(pdu.cid, pdu.status) for pdu in answers], [(1, (0, 0)), (2, (0, 0x0C))])
        self.assertEqual(seen.of_type(C2H_DATA, C2H_TERM, H2C_TERM), [])

    def test_of_connecting_name_the_field(self):
        self.captured_server()
        self.run_weft("identify", self.disk.replace(NQN, "nqn.2026-01.org.example:none"), code=3, says="the subsystem NQN")
        seen = self.dissect()
        (answer,) = seen.of_type(RESPONSE)
        self.assertEqual(answer.status, (1, 0x82))

    def test_of_a_host_end_the_connection_with_c2h_term_req(self):
        self.captured_server()
        with self.raw_host() as host:
            sequence = struct.pack("<HHIII", 7, 9, 0, 512, 0)  # CCCID 7, TTAG 9: nobody asked
            host.sendall(pdu_header(H2C_DATA, 24, 24 + 512, pdo=24, flags=4) + sequence + bytes(512))
            self.assertEqual(len(host.recv(24 + 24, socket.MSG_WAITALL)), 24 + 24)  # and what the TermReq repeats
        seen = self.dissect(expected=r"no command has CID 7|H2CData .* nvme-tcp.unknown_data")
        (term,) = seen.of_type(C2H_TERM)
        self.assertEqual(term["nvme-tcp.c2htermreq.fes"], FIELD_INVALID)
        self.assertEqual(term["nvme-tcp.c2htermreq.phfo"], 10)  # TTAG
        self.assertTrue(term.has("nvme-tcp.c2htermreq.data"))

    def test_of_a_controller_end_the_connection_with_h2c_term_req(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        port = listening.getsockname()[1]
        self.capture_port(port)

        def answer_wrongly():
            with listening.accept()[0] as controller:
                controller.recv(128, socket.MSG_WAITALL)
                controller.sendall(pdu_header(ICRESP, 128, 128) + struct.pack("<HBBI", 0, 0, 0, 2048) + bytes(112))
                controller.recv(24 + 128, socket.MSG_WAITALL)  # the TermReq repeats what was wrong

        answering = threading.Thread(target=answer_wrongly, daemon=True)
        answering.start()
        self.run_weft("identify", f"tcp://127.0.0.1:{port}/{NQN}", code=3, says="2048")
        answering.join(LIMIT)
        seen = self.dissect()
        self.assertEqual([pdu.type for pdu in seen.pdus], [ICREQ, ICRESP, H2C_TERM])
        self.assertEqual(seen.pdus[2]["nvme-tcp.h2ctermreq.fes"], FIELD_INVALID)
        self.assertEqual(seen.pdus[2]["nvme-tcp.h2ctermreq.phfo"], 12)  # MAXH2CDATA


if __name__ == "__main__":
    unittest.main()
