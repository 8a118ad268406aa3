"""Nothing of what others wrote reaches a terminal or a log as it is: file names, plugins, files, the environment, arguments."""

import os
import pathlib
import shutil
import unittest

from weft_program import Case, weft

VARIANTS = pathlib.Path(os.environ["WEFT_TEST_VARIANTS"])

# A line feed and more of a line, ESC, CSI as one character and as one byte, a bidi override, a byte that is no UTF-8.
EVIL = b"a\nweft: b\x1b[2J\xc2\x9b31m\x9bc\xe2\x80\xae\xffd"
EVIL_TEXT = "a\nweft: b\x1b[2J\x9b31m\u202ed"
ESCAPED_TEXT = r"a\x0aweft: b\x1b[2J\xc2\x9b31m\xe2\x80\xaed"


class Escapes(Case):
    def harmless(self, ended, lines=None):
        """Every byte of both outputs may be shown by a terminal."""
        for data in (ended.bytes, ended.raw_err):
            text = data.decode()  # strictly
            for line in text.split("\n"):
                self.assertTrue(all(c.isprintable() for c in line), repr(line))
            self.assertFalse([line for line in text.split("\n")[1:] if line.startswith("weft: b")], text)
        if lines is not None:
            self.assertEqual(ended.err.count("\n"), lines, ended.err)
        return ended

    def evil_path(self, name=EVIL, content=b"no library"):
        path = os.path.join(os.fsencode(self.folder), name)
        pathlib.Path(os.fsdecode(path)).write_bytes(content)
        return os.fsdecode(path)

    def test_names_of_plugin_files(self):
        self.evil_path(b"libweft-" + EVIL + b".so")
        self.evil_path(b"libweft-" + EVIL + b".absent", EVIL)
        ended = self.harmless(weft("transports", "--why", plugins=str(self.folder)))
        self.assertIn(r"libweft-a\x0aweft: b\x1b[2J", ended.out)
        self.harmless(weft("transports", "--json", plugins=str(self.folder)))
        self.harmless(weft("list", "evil://127.0.0.1", plugins=str(self.folder)), 1)

    def test_names_of_folders(self):
        folder = os.path.join(os.fsencode(self.folder), EVIL)
        os.mkdir(folder)
        named = os.fsdecode(folder)
        self.harmless(weft("transports", "--why", plugins=named))
        self.harmless(weft("transports", "--why", environment={"WEFT_PLUGIN_PATH": named}))
        self.harmless(weft("list", "evil://127.0.0.1", plugins=named), 1)
        self.harmless(weft("serve", "--namespace", "file://" + named), 1)

    def test_words_of_a_plugin(self):
        shutil.copy(VARIANTS / "evil_words" / "libweft-variant.so", self.folder)
        ended = self.harmless(weft("transports", plugins=str(self.folder)))
        self.assertIn(r"option\x0aweft: b\x1b[2J", ended.out)
        self.assertIn("variant", self.harmless(weft("transports", "--json", plugins=str(self.folder))).out)

    def test_arguments(self):
        evil = os.fsdecode(EVIL)
        url = "tcp://127.0.0.1:1/nqn.2026-01.org.example:x"
        for arguments in ([evil], ["--" + evil], ["list", evil], ["list", url, "-o", f"{evil}=1"], ["list", url, evil],
                          ["list", f"tcp://{evil}/"], ["list", f"tcp://127.0.0.1:1/nqn.2026-01.org.example:{evil}"],
                          ["list", f"transport=tcp,traddr=[fd=2QQ{evil}"], ["serve", "--listen", evil],
                          ["serve", "--nqn", evil * 30], ["serve", "--namespace", evil], ["serve", "--config", evil],
                          ["serve", "--namespace", f"ram://?size={evil}"], ["perf", url, "--rw", evil],
                          ["write", url, "--input", evil], ["read", url, "--bytes", evil, "--output", evil]):
            for json in ([], ["--json"]):
                ended = self.harmless(weft(*arguments, *json))
                self.assertNotEqual(ended.code, 0, arguments)

    def test_values_of_a_file(self):
        quoted = "".join(f"\\u{ord(c):04x}" for c in EVIL_TEXT)
        for text in (f'[[listener]]\nurl = "{quoted}"\n', f'"{quoted}" = 1\n', f'[limits]\n"{quoted}" = 1\n',
                     f'[transport."{quoted}"]\nx = 1\n', f'[transport.tcp]\n"{quoted}" = "1"\n',
                     f'[[subsystem]]\nnqn = "{quoted}"\n', "nqn = " + EVIL_TEXT,
                     f'[[subsystem]]\nnqn = "nqn.2026-01.org.example:x"\n[[subsystem.namespace]]\nbackend = "{quoted}"\n'):
            path = self.evil_path(EVIL + b".toml", text.encode())
            ended = self.harmless(weft("serve", "--config", path))
            self.assertEqual(ended.code, 2, text)
        path = self.file("bytes.toml", b'x = "' + EVIL + b'"\n')
        self.harmless(weft("serve", "--config", path))

    def test_shows_what_it_escapes(self):
        ended = self.harmless(weft("serve", "--config", self.folder / EVIL_TEXT), 1)
        self.assertIn(ESCAPED_TEXT, ended.err)


if __name__ == "__main__":
    unittest.main()
