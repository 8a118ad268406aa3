"""Which disk a host sees: the same as long as the storage is the same, and never two that share identifiers by accident."""

import os
import shutil
import unittest

from weft_program import NQN, Case, Server, weft

UUID = "00112233-4455-6677-8899-aabbccddeeff"
OTHER = "nqn.2026-01.org.example:other"


class Disks(Case):
    def identifiers(self, server, nsid=1, nqn=NQN):
        disk = f"{server.url}/{nqn}"
        found = self.assert_ended(weft("identify", disk, "--nsid", nsid, "--json"), 0).json()
        return found["uuid"], found["nguid"], self.assert_ended(weft("identify", disk, "--json"), 0).json()["serial"]

    def seen(self, *arguments, environment=None):
        """Serves once: the identifiers of namespace 1, and what was said."""
        server = self.served(*arguments, environment=environment)
        identifiers = self.identifiers(server)
        code, said = server.end()
        self.assertEqual(code, 0, said)
        return identifiers, said

    def assert_all_differ(self, one, other):
        for a, b in zip(one, other):
            self.assertNotEqual(a, b)

    def disk(self, name="disk"):
        return self.file(name, b"\0" * 65536)

    def config(self, *subsystems):
        text = '[[listener]]\nurl = "tcp://127.0.0.1:0"\n'
        for nqn, *namespaces in subsystems:
            text += f'[[subsystem]]\nnqn = "{nqn}"\n'
            for namespace in namespaces:
                text += "[[subsystem.namespace]]\n" + namespace
        return str(self.file("weft.toml", text))


class Memory(Disks):
    def test_is_another_disk_after_each_start(self):
        for backend in ("ram://?size=1M", "null://?size=1M"):
            (first, said), (second, _) = self.seen("--namespace", backend), self.seen("--namespace", backend)
            self.assert_all_differ(first, second)
            self.assertEqual(said, "")

    def test_of_two_servers_is_two_disks(self):
        one, other = self.served("--namespace", "ram://?size=1M"), self.served("--namespace", "ram://?size=1M")
        self.assert_all_differ(self.identifiers(one), self.identifiers(other))

    def test_with_a_uuid_is_the_same_disk_and_says_that_it_comes_back_empty(self):
        arguments = ("--namespace", "ram://?size=1M", "--uuid", UUID)
        (first, said), (second, _) = self.seen(*arguments), self.seen(*arguments)
        self.assertEqual(first, second)
        self.assertEqual(first[0], UUID)
        self.assertRegex(said, r"^weft: namespace 1 of nqn\S+ \(ram 1 MiB\): .*comes back empty\n$")


class Files(Disks):
    def test_are_the_same_disk_under_any_name_and_number(self):
        path = self.disk()
        first, said = self.seen("--namespace", f"file://{path}")
        self.assertEqual(said, "")
        os.rename(path, self.folder / "renamed")
        backend = f"file://{self.folder}/renamed"
        self.assertEqual(self.seen("--namespace", backend)[0], first)
        self.assertEqual(self.seen("--namespace", backend + "?block=4096")[0], first)
        server = self.served("--namespace", "null://?size=1M", "--namespace", backend)
        self.assertEqual(self.identifiers(server, 2)[:2], first[:2])

    def test_that_are_copies_are_disks_of_their_own(self):
        path = self.disk()
        first, _ = self.seen("--namespace", f"file://{path}")
        copy = self.folder / "copy"
        shutil.copy2(path, copy)  # with its extended attributes
        second, said = self.seen("--namespace", f"file://{copy}")
        self.assert_all_differ(first, second)
        if "user.weft.uuid" in os.listxattr(path):
            self.assertIn("it is a copy of another disk", said)
        self.assertEqual(self.seen("--namespace", f"file://{copy}"), (second, ""))
        self.assertEqual(self.seen("--namespace", f"file://{path}")[0], first)

    def test_that_may_only_be_read_are_known_and_not_written(self):
        path = self.disk()
        state = {"STATE_DIRECTORY": str(self.folder / "state")}
        arguments = ("--namespace", f"file://{path}?readonly=on")
        first, said = self.seen(*arguments, environment=state)
        self.assertEqual((self.seen(*arguments, environment=state), said), ((first, ""), ""))
        self.assertEqual(os.listxattr(path), [])
        self.assertTrue((self.folder / "state" / "identity").exists())

    def test_that_nothing_knows_are_new_disks_and_say_so(self):
        path = self.disk()
        state = {"STATE_DIRECTORY": str(path / "below-a-file")}
        arguments = ("--namespace", f"file://{path}?readonly=on")
        (first, said), (second, _) = self.seen(*arguments, environment=state), self.seen(*arguments, environment=state)
        self.assert_all_differ(first, second)
        self.assertRegex(said, r"(?s)^weft: namespace 1 of .*hosts see a new disk each time it is served, unless a uuid is configured\n$")

    def test_in_two_subsystems_are_two_disks(self):
        space = f'backend = "file://{self.disk()}?readonly=on"\n'
        server = self.served("--config", self.config((NQN, space), (OTHER, space)), listen=False)
        self.assert_all_differ(self.identifiers(server), self.identifiers(server, nqn=OTHER))

    def test_with_a_uuid_are_not_marked(self):
        path = self.disk()
        self.assertEqual(self.seen("--namespace", f"file://{path}", "--uuid", UUID)[0][0], UUID)
        self.assertEqual(os.listxattr(path), [])


class Configured(Disks):
    def test_is_one_disk_behind_two_targets(self):
        same = ("--uuid", UUID, "--serial", "S1")
        one = self.served("--namespace", "ram://?size=1M", *same, "--cntlid", "100-199")
        other = self.served("--namespace", "ram://?size=1M", *same, "--cntlid", "200-299")
        self.assertEqual(self.identifiers(one), self.identifiers(other))
        self.assertEqual(self.identifiers(one)[2], "S1")
        for server, hundred in ((one, 1), (other, 2)):
            for _ in range(3):
                found = self.assert_ended(weft("identify", server.disk, "--json"), 0).json()
                self.assertEqual(found["controller id"] // 100, hundred)

    def test_twice_in_a_server_is_refused(self):
        space = 'backend = "ram://?size=1M"\n'
        for key, what in (("uuid", "UUID"), ("nguid", "NGUID")):
            one = space + f'{key} = "{UUID}"\n'
            says = f"namespace 1 of {NQN} has this {what} already: {UUID}"
            for subsystems in (((NQN, one, one),), ((NQN, one), (OTHER, one))):
                self.assert_ended(weft("serve", "--config", self.config(*subsystems)), 2, says)

    def test_as_zeroes_is_refused(self):
        zero = "00000000-0000-0000-0000-000000000000"
        for key in ("uuid", "nguid"):
            config = self.config((NQN, f'backend = "ram://?size=1M"\n{key} = "{zero}"\n'))
            self.assert_ended(weft("serve", "--config", config), 2, "of zeroes stands for none")

    def test_wrongly_is_refused(self):
        for arguments, says in [(["--cntlid", "0-5"], "--cntlid: '0-5' is not a range of controller identifiers"),
                                (["--cntlid", "5"], "--cntlid: '5' is not a range"),
                                (["--uuid", "12"], "--uuid: '12' is not a UUID"),
                                (["--uuid", UUID, "--uuid", UUID], "--uuid is given 2 times, for 1 namespace"),
                                (["--serial", "x" * 21], "at most 20 characters"),
                                (["--config", "x", "--serial", "S"], "do not go with --config")]:
            with self.subTest(arguments=arguments):
                self.assert_ended(weft("serve", "--listen", "tcp://127.0.0.1:0", *arguments), 2, says)


if __name__ == "__main__":
    unittest.main()
