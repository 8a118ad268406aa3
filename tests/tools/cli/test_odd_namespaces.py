"""Namespaces that cannot be shown hide no others; identifiers that are absent are not shown as zeroes."""

import unittest

from odd_controller import ZONED, OddController, descriptors, namespace, record
from weft_program import NQN, Case, weft

UUID = bytes(range(1, 17))


class OddRecords(Case):
    def test_that_would_become_part_of_a_url_are_refused_and_the_others_shown(self):
        disk = self.served("--namespace", "ram://?size=1M")
        port = disk.url.rsplit(":", 1)[1].encode()
        bad = [b"127.0.0.1/x", b"127.0.0.1?hdgst=on", b"127.0.0.1:1/nqn.2026-01.a:b", b"[fd=0]", b"a\nb", b"a b", b"\x1b[2J", b"%31"]
        service = OddController(self, "nqn.2014-08.org.nvmexpress.discovery", {},
                                [record(a, b"nqn.2026-01.a:c", port) for a in bad] + [record(b"127.0.0.1", NQN.encode(), port)] +
                                [record(b"127.0.0.1", NQN.encode(), s) for s in (b"0/x", b"http", b"99999")])
        for command in ("discover", "list"):
            with self.subTest(command=command):
                ended = self.assert_ended(weft(command, service.url), 1, "TRADDR '127.0.0.1?hdgst=on'")
                self.assertEqual(ended.err.count("cannot be one"), len(bad) + 3, ended.err)
                self.assertNotIn("\x1b", ended.err)
                self.assertEqual(ended.out.count(NQN), 1, ended.out)
                told = weft(command, service.url, "--json").json()
                self.assertEqual(len(told["errors"]), len(bad) + 3)


    def test_that_lead_nowhere_are_no_wrong_usage(self):
        service = OddController(self, "nqn.2014-08.org.nvmexpress.discovery", {}, [record(b"fe80::1", b"nqn.2026-01.a:c")])
        self.assert_ended(weft("list", service.url), 1, "fe80::1 is a link-local address")


class OddNamespaces(Case):
    def test_each_is_named_with_its_reason_and_the_others_are_listed(self):
        odd = OddController(self, NQN, {
            1: (namespace(), descriptors(UUID)),
            2: (namespace(metadata=8), descriptors()),
            3: (namespace(), descriptors(csi=ZONED)),
            4: (None, None),  # removed meanwhile
            5: (namespace(lbads=0), descriptors()),
            6: (bytes(4096), None),
            7: (None, descriptors(csi=1)),
            9: (namespace(4096, 12), descriptors(UUID[::-1])),
        })
        ended = weft("list", odd.url)
        self.assert_ended(ended, 1, "namespace 2 has metadata, which is not supported")
        self.assertEqual([line.split()[0] for line in ended.out.splitlines()], ["NSID", "1", "9"])
        for part in ("namespace 3 has the zoned command set", "namespace 4", "Invalid Namespace",
                     "namespace 5 has blocks of 2^0 bytes", "namespace 6 is not there",
                     "namespace 7 has the key value command set"):
            self.assertIn(part, ended.err)
        self.assertEqual(ended.err.count("\n"), 6, ended.err)
        told = weft("list", "--json", odd.url)
        self.assertEqual(told.code, 1)
        self.assertEqual([n["nsid"] for n in told.json()["namespaces"]], [1, 9])
        self.assertEqual(len(told.json()["errors"]), 6)

    def test_absent_identifiers_are_absent(self):
        odd = OddController(self, NQN, {1: (namespace(), descriptors()),
                                        2: (namespace(nguid=UUID, eui64=UUID[:8]), descriptors(UUID))})
        ended = self.assert_ended(weft("identify", odd.url, "--nsid", "1"), 0)
        for key in ("uuid", "nguid", "eui64"):
            self.assertRegex(ended.out, rf"(?m)^{key} +absent$")
        told = self.assert_ended(weft("identify", odd.url, "--nsid", "1", "--json"), 0).json()
        self.assertEqual([told[key] for key in ("uuid", "nguid", "eui64")], [None, None, None])
        told = self.assert_ended(weft("identify", odd.url, "--nsid", "2", "--json"), 0).json()
        self.assertEqual([told[key] for key in ("uuid", "nguid", "eui64")],
                         ["01020304-0506-0708-090a-0b0c0d0e0f10", UUID.hex(), UUID[:8].hex()])
        self.assertRegex(self.assert_ended(weft("list", odd.url), 0).out, r"(?m)^1 .* absent ")


if __name__ == "__main__":
    unittest.main()
