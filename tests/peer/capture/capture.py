"""Packets of the loopback interface as dumpcap sees them.

Capturing needs CAP_NET_RAW. Where the process has none, it moves into a user and network namespace of its own, whose loopback
interface it may capture; where that is not permitted either, or a program is missing, the tests say so and are skipped.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

LIMIT = 60  # seconds: longer than anything here takes on a loaded machine
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def may_capture():
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except OSError:
        return False
    return True


def enter_namespace():
    """This process, alone with a loopback interface. OSError where that is not permitted."""
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name, flags = struct.unpack("16sh", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", name, flags | IFF_UP))


def prepare():
    """For setUpModule: everything that a capture needs, or a reason to skip."""
    missing = [name for name in ("dumpcap", "tshark") if not shutil.which(name)]
    if missing:
        raise unittest.SkipTest(f"{' and '.join(missing)} not found: Debian's package tshark has both")
    if may_capture():
        return
    try:
        enter_namespace()
    except OSError as error:
        raise unittest.SkipTest(f"no CAP_NET_RAW here, nor a user namespace of our own: {error}")


class Capture:
    """What passes over TCP port `port` of the loopback interface from now until end(), in the file `path`."""

    def __init__(self, path, port):
        self.path, self.port = path, port
        self.marker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.marker.bind(("127.0.0.1", 0))
        wanted = f"tcp port {port} or udp port {self.marker.getsockname()[1]}"
        self.process = subprocess.Popen(["dumpcap", "-q", "-P", "-B", "32", "-i", "lo", "-f", wanted, "-w", str(path)],
                                        stderr=subprocess.PIPE)
        said = b""
        while b"File: " not in said:  # said once packets are taken
            line = self.process.stderr.readline()
            if not line:
                raise AssertionError(f"dumpcap ended: {said.decode()}")
            said += line

    def wait_for(self, found):
        """Until `found` is true of the bytes captured so far."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            if found(self.path.read_bytes()):
                return
            time.sleep(0.02)  # between two looks at the file; what is waited for is in it
        raise AssertionError("what was waited for did not pass within the limit")

    def end(self):
        """Stops once a datagram that was sent last is in the file. No packet may have been lost."""
        mark = os.urandom(16)
        self.marker.sendto(mark, self.marker.getsockname())
        self.wait_for(lambda seen: mark in seen)
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=LIMIT)
        self.marker.close()
        if b"/0 (pcap:0" not in said:
            raise AssertionError(f"packets were lost: {said.decode()}")

    def close(self):
        """However the test ended: leaves nothing running."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.marker.close()
