"""The program under test: run to its end, or served until a test is over. WEFT_PROGRAM and WEFT_PLUGINS say where it is."""

import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

PROGRAM = os.environ["WEFT_PROGRAM"]
PLUGINS = os.environ["WEFT_PLUGINS"]
NQN = "nqn.2026-01.org.example:test"
# Where `serve` keeps what it knows files by that it cannot mark: not in the folders of whoever runs the tests.
STATE = tempfile.TemporaryDirectory(prefix="weft-state.")
os.environ["STATE_DIRECTORY"] = STATE.name
LIMIT = 60  # seconds: longer than anything here takes on a loaded machine


class Ended:
    """What a run of the program left behind."""

    def __init__(self, code, out, err):
        self.code = code
        self.bytes = out
        self.raw_err = err
        self.out = out.decode(errors="replace")
        self.err = err.decode(errors="replace")

    def json(self):
        return json.loads(self.bytes)


def weft(*arguments, given=b"", plugins=PLUGINS, before=None, environment=None, pass_fds=()):
    command = [PROGRAM] + (["--plugin-dir", plugins] if plugins else []) + [str(a) for a in arguments]
    run = subprocess.run(command, input=given, capture_output=True, timeout=LIMIT, preexec_fn=before, pass_fds=pass_fds,
                         env={**os.environ, **(environment or {})})
    return Ended(run.returncode, run.stdout, run.stderr)


class Server:
    """`weft serve` with a port of its own, ended by leaving the `with` block."""

    def __init__(self, *arguments, listeners=1, listen=True, pass_fds=(), before=None, environment=None,
                 under=()):
        fixed = ["--listen", "tcp://127.0.0.1:0", "--nqn", NQN] if listen else []
        self.process = subprocess.Popen([*under, PROGRAM, "--plugin-dir", PLUGINS, "serve", *fixed, *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds,
                                        preexec_fn=before, env={**os.environ, **(environment or {})})
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.urls = [self._listening() for _ in range(listeners)]
        self.url = self.urls[0]
        self.disk = f"{self.url}/{NQN}"

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode().rstrip("\n"))
        self.lines.put(None)

    def _listening(self):
        line = self.lines.get(timeout=LIMIT)
        if line is None or not line.startswith("listening "):
            self.process.kill()
            raise AssertionError(f"serve said {line!r} and {self.process.stderr.read().decode()}")
        return line.removeprefix("listening ")

    def end(self, number=signal.SIGTERM):
        """Sends a signal; the exit code and what was said on standard error meanwhile."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=LIMIT)
        return code, self.process.stderr.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stderr.close()
            self.reader.join(timeout=LIMIT)
            self.process.stdout.close()


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="weft-cli.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def served(self, *arguments, **named):
        server = Server(*arguments, **named)
        self.addCleanup(server.__exit__)
        return server

    def assert_ended(self, ended, code, says=""):
        self.assertEqual(ended.code, code, ended.err + ended.out)
        self.assertIn(says, ended.err)
        if code != 0:
            self.assertTrue(ended.err.startswith("weft: "), ended.err)
        return ended


def closed_port():
    """A port of 127.0.0.1 on which nobody listens (bound without listen, so that nobody takes it meanwhile)."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held
