"""A capture as tshark reads it: its PDUs, and what is wrong with them."""

import dataclasses
import re
import struct
import subprocess
import xml.etree.ElementTree
from collections import Counter

ICREQ, ICRESP, H2C_TERM, C2H_TERM, COMMAND, RESPONSE, H2C_DATA, C2H_DATA, R2T = 0, 1, 2, 3, 4, 5, 6, 7, 9
REASSEMBLY = {"tcp.segments", "tcp.segment_data"}
WARNING = 0x600000  # tshark's severities: below are chats and notes

# What this dissector (4.0) shows as unknown or reserved although it is neither: (field, value as shown), and why.
NOT_KNOWN_TO_TSHARK = [
    ("nvme.cmd.sgl.type", "0x05", "the transport SGL descriptor, which NVMe/TCP uses for everything out of capsule"),
    ("nvme.cmd.sgl.subtype", "0x0a", "its sub type, transport specific"),
    ("nvme.fabrics.cmd.rsvd", "0x40", "PSDT = 01b: fabrics commands have the field where others have it"),
    ("nvme.fabrics.cmd.prop_get_set.rsvd0", "00:" * 34 + "5a", "SGL1 of a command without data, as Linux's host sends it"),
    ("nvme.fabrics.cmd.prop_get_set.offset", "0x00000068", "CRTO, of NVMe 2.0"),
    ("nvme.fabrics.prop_get_set.cc.css", "0x00000006", "all I/O command sets, of NVMe 2.0"),
    ("nvme.fabrics.prop_get.ccap.rsvd2", "0x0000000000000002", "CRMS, of NVMe 2.0"),
    ("nvme.cmd.identify.ctrl.oaes.rsvd2", "0x00010000", "OAES bit 31, discovery log page changes, of NVMe 1.4"),
]
KNOWN = {(field, shown) for field, shown, _ in NOT_KNOWN_TO_TSHARK}


@dataclasses.dataclass
class Field:
    name: str
    shown: str
    words: str


class Pdu:
    """One PDU: fields by name; numbers by [name]."""

    def __init__(self, frame, stream, to_controller):
        self.frame, self.stream, self.to_controller = frame, stream, to_controller
        self.fields = []
        self.expert = []
        self.at = None  # where it begins in its frame, if one frame has it whole

    def take(self, proto):
        if self.at is None:
            self.at = int(proto.get("pos"))
        for field in proto.iter("field"):
            name = field.get("name")
            if name == "_ws.expert.severity" and int(field.get("show")) >= WARNING:
                self.expert.append(field.get("showname"))
            self.fields.append(Field(name, field.get("show") or "", field.get("showname") or ""))
        self.by_name = {field.name: field for field in reversed(self.fields)}

    def has(self, name):
        return name in self.by_name

    def __getitem__(self, name):
        return int(self.by_name[name].shown, 0)

    def get(self, name, absent=None):
        return self[name] if self.has(name) else absent

    def text(self, name):
        return self.by_name[name].shown

    def all(self, name):
        return [field.shown for field in self.fields if field.name == name]

    @property
    def type(self):
        return self["nvme-tcp.type"]

    @property
    def queue(self):
        return self["nvme-tcp.cmd.qid"]

    @property
    def cid(self):
        for name in ("nvme.cmd.cid", "nvme.fabrics.cmd.cid", "nvme.cqe.cid", "nvme-tcp.cmd.cid"):
            if self.has(name):
                return self[name]
        return None

    @property
    def opcode(self):
        return 0x7F if self.has("nvme.fabrics.cmd.opc") else self.get("nvme.cmd.opc")

    @property
    def header_digest(self):
        return self["nvme-tcp.flags.pdu.hdgst"] == 1

    @property
    def data_digest(self):
        return self["nvme-tcp.flags.pdu.ddgst"] == 1

    @property
    def last(self):
        return self["nvme-tcp.flags.pdu.data_last"] == 1

    @property
    def success(self):
        return self["nvme-tcp.flags.pdu.data_success"] == 1

    @property
    def status(self):
        """(SCT, SC) of a response."""
        return self["nvme.cqe.status.sct"], self["nvme.cqe.status.sc"]

    @property
    def data_bytes(self):
        """Bytes of data in the PDU, from PLEN and PDO."""
        offset = self["nvme-tcp.pdo"]
        return 0 if offset == 0 else self["nvme-tcp.plen"] - offset - (4 if self.data_digest else 0)

    def place_in(self, packets):
        """Where it begins in the bytes of a pcap file; None where more than one packet has it."""
        place = 24
        for _ in range(int(self.frame) - 1):
            place += 16 + struct.unpack_from("<I", packets, place + 8)[0]
        header = struct.pack("<BBBBI", self.type, self["nvme-tcp.flags"], self["nvme-tcp.hlen"], self["nvme-tcp.pdo"],
                             self["nvme-tcp.plen"])
        length = struct.unpack_from("<I", packets, place + 8)[0]
        start = place + 16 + self.at
        whole = self.at + self["nvme-tcp.plen"] <= length and packets[start:start + 8] == header
        return start if whole else None

    def __str__(self):
        return f"frame {self.frame} stream {self.stream}: " + (self.by_name["nvme-tcp.type"].words if self.has("nvme-tcp.type")
                                                               else "no PDU type")


class Dissection:
    """`data_too`: what is in the data counts as well. This dissector takes data to begin right after the header and its digest,
    so of PDUs with padding in between only the headers can be judged."""

    def __init__(self, path, port, data_too=True):
        self.pdus = []
        self.bytes = Counter()  # of TCP's payload, by (stream, to the controller)
        self.faults = []
        command = ["tshark", "-2", "-r", str(path), "-o", "nvme-tcp.check_hdgst:TRUE", "-o", "nvme-tcp.check_ddgst:TRUE",
                   "-d", f"tcp.port=={port},nvme-tcp", "-Y", f"tcp.port=={port}", "-T", "pdml"]
        run = subprocess.run(command, capture_output=True, timeout=120)
        if run.returncode != 0:
            raise AssertionError(run.stderr.decode())
        for packet in xml.etree.ElementTree.fromstring(run.stdout):
            self._packet(packet, port)
        self.faults += [f"{pdu}: {fault}" for pdu in self.pdus if data_too or pdu.data_bytes == 0 for fault in pdu_faults(pdu)]
        self._count_bytes()
        for stream in {pdu.stream for pdu in self.pdus}:
            self.faults += [f"stream {stream}: {fault}" for fault in conversation_faults(self.of_stream(stream))]

    def _packet(self, packet, port):
        frame = stream = to_controller = pdu = None
        for proto in packet:
            name = proto.get("name")
            if name == "tcp":
                shown = {field.get("name"): field.get("show") for field in proto.iter("field")}
                frame, stream = packet[0].find("field[@name='num']").get("show"), int(shown["tcp.stream"])
                to_controller = int(shown["tcp.dstport"]) == port
                if int(shown["tcp.len"]) > 0:  # relative numbers, 1 for the first byte; what was sent twice counts once
                    end = int(shown["tcp.seq"]) + int(shown["tcp.len"]) - 1
                    self.bytes[stream, to_controller] = max(end, self.bytes[stream, to_controller])
            elif name == "nvme-tcp":
                pdu = Pdu(frame, stream, to_controller)
                pdu.take(proto)
                self.pdus.append(pdu)
            elif name == "nvme" and pdu:
                pdu.take(proto)
            elif name == "fake-field-wrapper" and field_names(proto) <= REASSEMBLY:
                pass  # where a PDU that came in several segments was put together
            elif name == "fake-field-wrapper" and pdu:
                pdu.take(proto)  # fields of a PDU that this dissector hangs into the packet: those of a TermReq
            elif name not in ("geninfo", "frame", "eth", "ip"):
                self.faults.append(f"frame {frame}: {name} {field_names(proto)}")  # _ws.malformed, data, and whatever else is not a PDU

    def _count_bytes(self):
        """Every byte belongs to a PDU."""
        in_pdus = Counter()
        for pdu in self.pdus:
            in_pdus[pdu.stream, pdu.to_controller] += pdu.get("nvme-tcp.plen", 0)
        for key in self.bytes.keys() | in_pdus.keys():
            if self.bytes[key] != in_pdus[key]:
                self.faults.append(f"stream {key[0]}: {self.bytes[key]} bytes on the wire, {in_pdus[key]} in PDUs")

    def of_stream(self, stream):
        return [pdu for pdu in self.pdus if pdu.stream == stream]

    def of_type(self, *types, io=False):
        return [pdu for pdu in self.pdus if pdu.type in types and (not io or pdu.queue > 0)]

    def commands(self, opcode, io=False):
        return [pdu for pdu in self.of_type(COMMAND, io=io) if pdu.opcode == opcode]

    def fabrics(self, fctype):
        return [pdu for pdu in self.commands(0x7F) if pdu["nvme.fabrics.cmd.fctype"] == fctype]


def field_names(proto):
    return {field.get("name") for field in proto}


def is_zero(shown):
    return not shown.strip("0x:")


def pdu_faults(pdu):
    """What the dissector does not know, or knows to be wrong, of a PDU on its own."""
    yield from pdu.expert
    for field in pdu.fields:
        if (field.name, field.shown) in KNOWN:
            continue
        if field.name == "nvme-tcp.unknown_data" or re.search(r"unknown|malformed", field.words, re.IGNORECASE):
            yield f"{field.name}: {field.words}"
        elif re.search(r"(rsvd|reserved)\d*$", field.name) and not is_zero(field.shown):
            yield f"{field.name} is not zero: {field.shown}"
        elif re.search(r"reserved$", field.words, re.IGNORECASE):
            yield f"{field.name} has a value that is reserved: {field.words}"
    for name, promised in ("hdgst", pdu.header_digest), ("ddgst", pdu.data_digest):
        status = pdu.get(f"nvme-tcp.{name}.status")
        if promised and status != 1:
            yield f"the {name} is {'bad' if status == 0 else 'not there'}"
        if not promised and status is not None:
            yield f"a {name} that the flags do not have"


def conversation_faults(pdus):
    """What is wrong with the order of a connection's PDUs."""
    sent = {side: [pdu for pdu in pdus if pdu.to_controller == side] for side in (True, False)}
    for side, first in (True, ICREQ), (False, ICRESP):
        if sent[side] and sent[side][0].type not in (first, H2C_TERM, C2H_TERM):
            yield f"begins with {sent[side][0]}"
    under_way = {}
    for pdu in pdus:
        if pdu.type == COMMAND:
            if pdu.cid in under_way:
                yield f"{pdu}: CID {pdu.cid} is under way"
            under_way[pdu.cid] = Transfer()
        elif pdu.type in (RESPONSE, C2H_DATA, H2C_DATA, R2T):
            if pdu.cid not in under_way:
                yield f"{pdu}: no command has CID {pdu.cid}"
                continue
            yield from (f"{pdu}: {fault}" for fault in under_way[pdu.cid].take(pdu))
            if pdu.type == RESPONSE or (pdu.type == C2H_DATA and pdu.success):
                del under_way[pdu.cid]


class Transfer:
    """The data of one command: in order, without a gap, within what was asked for, LAST where it belongs."""

    def __init__(self):
        self.received = 0
        self.ended = False
        self.asked = {}  # TTAG -> [next offset, end]

    def take(self, pdu):
        if pdu.type == RESPONSE and self.asked:
            yield "answered before all that was asked for had come"
        if pdu.type == R2T:
            start = pdu["nvme-tcp.r2t.offset"]
            self.asked[pdu["nvme-tcp.ttag"]] = [start, start + pdu["nvme-tcp.r2t.length"]]
        if pdu.type not in (C2H_DATA, H2C_DATA):
            return
        offset, length = pdu["nvme-tcp.data.offset"], pdu["nvme-tcp.data.length"]
        if length != pdu.data_bytes:
            yield f"DATAL is {length}, the PDU has {pdu.data_bytes}"
        if pdu.type == C2H_DATA:
            if offset != self.received or self.ended:
                yield f"offset {offset} after {self.received}"
            self.received, self.ended = offset + length, pdu.last
            return
        window = self.asked.get(pdu["nvme-tcp.ttag"])
        if window is None or offset != window[0] or offset + length > window[1] or pdu.last != (offset + length == window[1]):
            yield f"{length} bytes at {offset} where {window} was asked for"
            return
        window[0] += length
        if pdu.last:
            del self.asked[pdu["nvme-tcp.ttag"]]
