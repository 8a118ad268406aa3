"""A controller over TCP whose namespaces are as a test says: just enough of NVMe for `weft list` and `weft identify`."""

import socket
import struct
import threading

CAP = 127 | 1 << 16 | 2 << 24 | 1 << 37  # MQES, CQR, TO, CSS: NVM
PAGE = 4096
ZONED = 2


def namespace(blocks=2048, lbads=9, metadata=0, nguid=b"", eui64=b""):
    """Identify CNS 00h."""
    page = bytearray(PAGE)
    struct.pack_into("<QQQ", page, 0, blocks, blocks, blocks)
    page[104:120] = nguid.ljust(16, b"\0")
    page[120:128] = eui64.ljust(8, b"\0")
    struct.pack_into("<HBB", page, 128, metadata, lbads, 0)
    return bytes(page)


def descriptors(uuid=b"", csi=None):
    """Identify CNS 03h."""
    out = bytes([3, 16, 0, 0]) + uuid if uuid else b""
    if csi is not None:
        out += bytes([4, 1, 0, 0, csi])
    return out.ljust(PAGE, b"\0")


def record(traddr, subnqn, trsvcid=b"4420"):
    """Of a discovery log: a subsystem over TCP and IPv4."""
    return (struct.pack("<BBBBHHH", 3, 1, 2, 0, 1, 0xFFFF, 32).ljust(32, b"\0") + trsvcid.ljust(32, b"\0") +
            bytes(192) + subnqn.ljust(256, b"\0") + traddr.ljust(256, b"\0")).ljust(1024, b"\0")


class OddController:
    """`spaces`: NSID -> (CNS 00h or None: Invalid Namespace, CNS 03h). `records`: it is a discovery service that has these."""

    def __init__(self, case, nqn, spaces, records=None):
        self.nqn, self.spaces, self.records = nqn, spaces, records
        self.listener = socket.create_server(("127.0.0.1", 0))
        case.addCleanup(self.listener.close)
        self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}/{nqn}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection):
        with connection, connection.makefile("rb") as incoming:
            csts = 0
            while len(header := incoming.read(8)) == 8:
                kind, _, _, _, length = struct.unpack("<BBBBI", header)
                body = incoming.read(length - 8)
                if kind == 0:  # ICReq
                    connection.sendall(struct.pack("<BBBBIHBBI", 1, 0, 128, 0, 128, 0, 0, 0, 131072).ljust(128, b"\0"))
                    continue
                if kind != 4:
                    return
                opcode, fctype = body[0], body[4]
                cid, = struct.unpack_from("<H", body, 2)
                nsid, = struct.unpack_from("<I", body, 4)
                cdw10, cdw11 = struct.unpack_from("<II", body, 40)
                data, result, status = b"", 0, 0
                if opcode == 0x7F and fctype == 1:
                    result = 1
                elif opcode == 0x7F and fctype == 4:
                    result = {0: CAP, 8: 0x20000, 0x14: 0, 0x1C: csts}.get(cdw11, 0)
                elif opcode == 0x7F and fctype == 0:
                    value, = struct.unpack_from("<Q", body, 48)
                    csts = value & 1 | (0x8 if value & 0xC000 else 0)  # ready; shutdown complete
                elif opcode == 0x06:
                    data, status = self._identify(cdw10 & 0xFF, nsid)
                elif opcode == 0x02 and self.records is not None:
                    log = struct.pack("<QQH", 1, len(self.records), 0).ljust(1024, b"\0") + b"".join(self.records)
                    offset, = struct.unpack_from("<Q", body, 48)
                    length = 4 * ((cdw10 >> 16 | (cdw11 & 0xFFFF) << 16) + 1)
                    data = log[offset:offset + length].ljust(length, b"\0")
                elif opcode == 0x0C:
                    continue  # an event request: never answered
                if data:
                    connection.sendall(struct.pack("<BBBBIHHIII", 7, 4, 24, 24, 24 + len(data), cid, 0, 0, len(data), 0) + data)
                connection.sendall(struct.pack("<BBBBIQHHHH", 5, 0, 24, 0, 24, result, 1, 0, cid, status << 1))

    def _identify(self, cns, nsid):
        if cns == 1:
            page = bytearray(PAGE)
            struct.pack_into("<H", page, 78, 1)  # CNTLID
            page[111] = 1 if self.records is None else 2  # CNTRLTYPE: I/O, discovery
            page[261] = 4  # LPA: log pages have offsets
            page[512], page[513] = 0x66, 0x44
            struct.pack_into("<I", page, 536, 1)  # SGLS
            page[768:768 + len(self.nqn)] = self.nqn.encode()
            struct.pack_into("<II", page, 1792, 4, 1)  # IOCCSZ, IORCSZ
            return bytes(page), 0
        if cns == 2:
            return b"".join(struct.pack("<I", n) for n in sorted(self.spaces) if n > nsid).ljust(PAGE, b"\0"), 0
        told, named = self.spaces[nsid]
        page = told if cns == 0 else named
        return (page, 0) if page is not None else (b"", 0x000B)  # Invalid Namespace or Format
