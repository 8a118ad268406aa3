"""`weft transports`: what is loaded from where, and what was refused and why."""

import pathlib
import shutil
import unittest

from weft_program import PLUGINS, Case, weft


class Transports(Case):
    def test_shows_file_abi_and_options(self):
        ended = self.assert_ended(weft("transports", "--json"), 0)
        tcp = next(t for t in ended.json()["transports"] if t["name"] == "tcp")
        self.assertEqual(pathlib.Path(tcp["file"]).resolve(), pathlib.Path(PLUGINS, "libweft-tcp.so").resolve())
        self.assertRegex(tcp["abi"], r"^1\.\d+$")
        self.assertIn("hdgst", [option["key"] for option in tcp["options"]])
        for option in tcp["options"]:
            self.assertTrue(option["type"] and option["help"], option)

    def test_shows_the_defaults_of_each_role(self):
        tcp = next(t for t in weft("transports", "--json").json()["transports"] if t["name"] == "tcp")
        defaults = {o["key"]: (o["default_host"], o["default_controller"]) for o in tcp["options"]}
        self.assertEqual(defaults["hdgst"], ("off", "on"))
        self.assertEqual(defaults["ddgst"], ("off", "on"))
        self.assertEqual(defaults["nodelay"], ("on", "on"))
        self.assertRegex(weft("transports").out, r"\n  hdgst +bool +off / on +header digests")

    def test_shows_the_same_to_people(self):
        ended = self.assert_ended(weft("transports"), 0)
        self.assertIn("libweft-tcp.so", ended.out)
        self.assertIn("hdgst", ended.out)
        self.assertNotIn("looked in", ended.out)

    def test_says_why_a_file_was_refused(self):
        self.file("libweft-broken.so", "this is no library")
        ended = self.assert_ended(weft("transports", "--json", plugins=str(self.folder)), 0)
        refused = [c for c in ended.json()["candidates"] if c["file"].endswith("libweft-broken.so")]
        self.assertEqual(len(refused), 1)
        self.assertFalse(refused[0]["accepted"])
        self.assertIn("ELF", refused[0]["reason"])
        self.assertIn("refused", weft("transports", plugins=str(self.folder)).out)

    def test_says_why_a_transport_was_left_out(self):
        self.file("libweft-quux.absent", "it was left out of this build: libquux was not there\n")
        ended = self.assert_ended(weft("transports", plugins=str(self.folder)), 0)
        self.assertRegex(ended.out, r"absent .*libweft-quux\.absent: it was left out of this build: libquux was not there")
        self.assert_ended(weft("discover", "quux://127.0.0.1:4420", plugins=str(self.folder)), 3, "libquux was not there")

    def test_says_what_each_transport_lacks_on_this_machine(self):
        transports = self.assert_ended(weft("transports", "--json"), 0).json()["transports"]
        self.assertTrue(next(t for t in transports if t["name"] == "tcp")["usable"])
        for rdma in (t for t in transports if t["name"] == "rdma"):  # built, and there is a device or not
            self.assertEqual(rdma["usable"], rdma["why_not"] == "")

    def test_says_where_it_looked_when_asked_why(self):
        ended = self.assert_ended(weft("transports", "--why"), 0)
        self.assertIn(f"looked in {PLUGINS}", ended.out)
        self.assertRegex(ended.out, r"accepted .*libweft-tcp\.so")

    def test_refuses_a_folder_that_anyone_can_write_to(self):
        shutil.copy(pathlib.Path(PLUGINS, "libweft-tcp.so"), self.folder)
        self.folder.chmod(0o777)
        ended = weft("transports", "--json", plugins=str(self.folder))
        in_folder = [t for t in ended.json()["transports"] if t["file"].startswith(str(self.folder))]
        self.assertEqual(in_folder, [])

    def test_names_the_transport_that_was_meant(self):
        self.assert_ended(weft("discover", "tpc://127.0.0.1:4420"), 3, "did you mean tcp?")


if __name__ == "__main__":
    unittest.main()
