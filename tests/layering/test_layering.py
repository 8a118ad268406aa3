#!/usr/bin/env python3
"""The checks of layering.py see what they are there to see, on small trees made to break each rule."""

import pathlib
import subprocess
import tempfile
import unittest

import layering


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name).resolve()

    def write(self, path, text=""):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def include(self, where, what):
        """The breaches when file `where` includes `what`, which exists."""
        if not what.startswith("weft/"):
            self.write(what)
        self.write(where, f'#include "{what}"\n')
        return list(layering.check_includes(self.root))


class Includes(Tree):
    def test_refuses_each_breach(self):
        for where, what in (
            ("plugins/a/x.cpp", "core/util/log.hpp"),
            ("plugins/a/x.cpp", "weft/host.hpp"),
            ("plugins/a/x.cpp", "plugins/b/y.hpp"),
            ("plugins/common/x.cpp", "plugins/a/y.hpp"),
            ("plugins/common/x.cpp", "core/util/log.hpp"),
            ("core/util/x.cpp", "plugins/common/list.hpp"),
            ("core/util/x.cpp", "core/wire/sqe.hpp"),
            ("core/qpair/x.cpp", "core/host/io.hpp"),
            ("core/host/x.cpp", "core/controller/server.hpp"),
            ("core/controller/x.cpp", "core/host/io.hpp"),
            ("core/controller/x.cpp", "core/backend/ram.hpp"),
            ("core/backend/x.cpp", "core/controller/server.hpp"),
            ("core/host/x.cpp", "plugins/a/pdu.hpp"),
            ("tools/weft/x.cpp", "core/util/log.hpp"),
            ("examples/x.cpp", "core/util/log.hpp"),
            ("bench/a/x.cpp", "plugins/a/pdu.hpp"),
            ("tests/conformance/x.cpp", "weft/plugin.hpp"),
            ("tests/unit/host/x.cpp", "plugins/a/pdu.hpp"),
            ("include/weft/x.hpp", "core/util/log.hpp"),
            ("include/weft/plugin.hpp", "weft/host.hpp"),
            ("include/weft/nvme/x.hpp", "weft/reactor.hpp"),
        ):
            with self.subTest(where=where, what=what):
                self.setUp()
                self.assertEqual(self.include(where, what), [f"{where}:1: may not include {what}"])

    def test_admits_what_the_layers_allow(self):
        for where, what in (
            ("plugins/a/x.cpp", "weft/plugin.hpp"),
            ("plugins/a/x.cpp", "plugins/a/pdu.hpp"),
            ("plugins/a/x.cpp", "plugins/common/list.hpp"),
            ("core/host/x.cpp", "core/qpair/host_qpair.hpp"),
            ("core/util/x.cpp", "weft/status.hpp"),
            ("tools/weft/x.cpp", "weft/host.hpp"),
            ("tests/unit/a/x.cpp", "plugins/a/pdu.hpp"),
            ("tests/support/a_model/x.cpp", "plugins/a/pdu.hpp"),
            ("tests/unit/a/x.cpp", "plugins/common/list.hpp"),
            ("tests/unit/host/x.cpp", "core/host/io.hpp"),
        ):
            with self.subTest(where=where, what=what):
                self.setUp()
                self.assertEqual(self.include(where, what), [])

    def test_follows_an_include_of_a_neighbour(self):
        self.write("core/host/io.hpp")
        self.write("core/controller/x.cpp", '#include "../host/io.hpp"\n')
        self.assertEqual(len(list(layering.check_includes(self.root))), 1)


class Names(Tree):
    def test_refuses_a_transport_in_core_even_in_a_comment(self):
        self.write("core/host/x.cpp", "// as over Tcp\n")
        self.write("core/host/CMakeLists.txt", "link(rdmacm)\n")
        self.assertEqual(len(list(layering.check_names(self.root))), 2)

    def test_admits_public_comments_but_not_public_code(self):
        self.write("include/weft/a.hpp", '// tcp://host\n/* rdma\n too */ int x;\n')
        self.assertEqual(list(layering.check_names(self.root)), [])
        self.write("include/weft/a.hpp", 'const char* k = "tcp"; // x\n')
        self.assertEqual(len(list(layering.check_names(self.root))), 1)


class Headers(Tree):
    def test_refuses_a_header_that_leans_on_another(self):
        self.write("include/weft/good.hpp", "#pragma once\n#include <vector>\ninline std::vector<int> f() { return {}; }\n")
        self.assertEqual(list(layering.check_headers(self.root, ["g++"])), [])
        self.write("include/weft/good.hpp", "#pragma once\ninline std::vector<int> f() { return {}; }\n")
        self.assertEqual(len(list(layering.check_headers(self.root, ["g++"]))), 1)

    def test_refuses_hidden_padding_in_the_c_header(self):
        self.write("include/weft/a.h", "struct a { char c; int i; };\n")
        self.assertTrue(list(layering.check_headers(self.root, ["g++"])))


class Plugins(Tree):
    def shared_object(self, text):
        self.write("x.c", text)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", self.root / "x.so", self.root / "x.c"], check=True)
        return list(layering.check_plugins([str(self.root / "x.so")]))

    def test_admits_the_one_symbol_and_refuses_more_or_none(self):
        entry = "int weft_transport_v1(void) { return 0; }\n"
        self.assertEqual(self.shared_object(entry), [])
        self.assertEqual(len(self.shared_object(entry + "int other;\n")), 1)
        self.assertEqual(len(self.shared_object("static int none; int *weft(void);")), 1)

    def test_refuses_a_symbol_of_the_core(self):
        text = "int _ZN4weft1fEv(void);\nint weft_transport_v1(void) { return _ZN4weft1fEv(); }\n"
        self.assertEqual(len(self.shared_object(text)), 1)


if __name__ == "__main__":
    unittest.main()
