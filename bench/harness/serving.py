"""`weft serve` on a free port of 127.0.0.1, on the target's processor, ended when its block is left."""

import select
import signal
import subprocess

from harness.programs import LIMIT, NQN, Failed, finished, pinned, target_cpu

MIB = 1 << 20


class Server:
    """One namespace. `wait`: its way to wait; `config`: lines of its configuration file; `under`: a program to run it in.
    """

    def __init__(self, settings, namespace, wait=None, config=None, under=()):
        self.settings = settings
        options = ["--threads", 1, *(["--wait", wait] if wait else [])]
        if config is None:
            options += ["--nqn", NQN, "--namespace", namespace]
        else:
            options += ["--config", self._configured(config, namespace)]
        listen = "tcp://127.0.0.1:0" + (f"?congestion={settings.congestion}" if settings.congestion else "")
        command = settings.programs.weft("serve", "--listen", listen, *options)
        self.process = subprocess.Popen(pinned(target_cpu(), [*under, *command]), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        try:
            self.url = f"{self._listening().partition('?')[0]}/{NQN}"
        except BaseException:
            self.process.kill()
            self.process.communicate()
            raise

    def _configured(self, config, namespace):
        path = self.settings.scratch / "serve.toml"
        path.write_text(f'{config}\n[[subsystem]]\nnqn = "{NQN}"\nallow_any_host = true\n'
                        f'[[subsystem.namespace]]\nbackend = "{namespace}"\n')
        return path

    def _listening(self):
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening "):
            self.process.kill()
            raise Failed(f"serve said {line!r} and {self.process.stderr.read()!r}")
        return line.split()[1]

    def fill(self, size):
        """Gives every block data of its own, so that reads read memory and writes find some."""
        finished(self.settings.programs.weft("perf", self.url, "--rw", "write", "--bs", "1M", "--depth", 4,
                                             "--ios", max(size // MIB, 1), "--span", size))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
