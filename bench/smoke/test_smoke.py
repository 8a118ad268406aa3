"""bench/run NAME --smoke: it runs, and its JSON, its text and its Markdown are whole. Not how fast anything is.

$WEFT_BENCH_BUILD is the build folder; the benchmark is the name of a test: test_tcp and so on."""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import command, page
from harness.programs import ROOT
from tcp.rows import rows as tcp_rows


class Smoke(unittest.TestCase):
    def ran(self, name, rows):
        with tempfile.TemporaryDirectory(prefix="weft-bench.") as folder:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                code = command.main([name, "--smoke", "--build", os.environ["WEFT_BENCH_BUILD"], "--out", folder])
            self.assertEqual(code, 0)
            document = json.loads((pathlib.Path(folder) / f"{name}.json").read_text())
        self.assertEqual(len(document["rows"]), rows if document.get("o_direct", True) else rows // 2)
        self.assertGreater(document["machine"]["processors"], 0)
        tables = list(command.benchmark(name).tables(document))
        self.assertEqual("\n\n".join(table.text() for table in tables) + "\n\n", said.getvalue())
        for table in tables:
            self.assert_whole(table)
        put = page.put((ROOT / "docs" / "performance.md").read_text(), name, page.figures(document))
        self.assertIn(tables[0].markdown(), put)
        return document

    def assert_whole(self, table):
        self.assertTrue(table.rows)
        for row in table.rows:
            self.assertEqual(len(row), len(table.headings))
        self.assertEqual({line.count("|") for line in table.markdown().splitlines()[2:]}, {len(table.headings) + 1})

    def assert_measured(self, document, ours, theirs=None):
        """What we are compared with may have done nothing: it does not wait for a processor that others have."""
        for row in document["rows"]:
            for who in ours:
                self.assertGreater(row[who]["iops"]["median"], 0, row)
            if theirs:
                self.assertGreaterEqual(row[theirs]["iops"]["median"], 0, row)

    def test_tcp(self):
        document = self.ran("tcp", len(tcp_rows(smoke=True)))
        self.assert_measured(document, ["weft"], "ceiling")
        row = document["rows"][0]
        self.assertIn("instructions", row, "valgrind is missing: bench/all installs it")
        for cost in [*row["syscalls"].values(), *row["instructions"].values()]:
            self.assertTrue(cost is None or cost > 0, row)  # None: system calls may not be counted by everybody

    def test_scale(self):
        self.assert_measured(self.ran("scale", 30), ["weft"])

    def test_digest(self):
        self.assert_measured(self.ran("digest", 4), ["off", "on"])

    def test_wait(self):
        self.assert_measured(self.ran("wait", 9), ["weft"])

    def test_file(self):
        document = self.ran("file", 8)
        self.assert_measured(document, ["weft"], "fio")

    def test_memory(self):
        for row in self.ran("memory", 2)["rows"]:
            self.assertGreater(row["target_bytes"]["median"], 0)


if __name__ == "__main__":
    unittest.main()
