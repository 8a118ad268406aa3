"""Wrong command lines: exit code 2 and one line that says what is wrong; help that shows an example."""

import unittest

from weft_program import PLUGINS, Case, weft

SUBCOMMANDS = ["serve", "discover", "identify", "list", "read", "write", "perf", "transports"]
DISK = "tcp://127.0.0.1:1/nqn.2026-01.org.example:x"


class Help(Case):
    def test_of_each_subcommand_shows_an_example(self):
        for name in SUBCOMMANDS:
            ended = weft(name, "--help")
            self.assertEqual(ended.code, 0, name)
            self.assertIn("Example:\n  weft", ended.out, name)

    def test_lists_every_subcommand_and_the_exit_codes(self):
        ended = weft("--help")
        self.assertEqual(ended.code, 0)
        for name in SUBCOMMANDS:
            self.assertIn(f"\n  {name} ", ended.out)
        self.assertIn("0 done, 1 the operation failed, 2 wrong usage, 3 could not connect", ended.out)

    def test_every_subcommand_that_prints_results_takes_json(self):
        for name in SUBCOMMANDS:
            self.assertIn("--json", weft(name, "--help").out, name)

    def test_version_is_printed(self):
        ended = weft("--version")
        self.assertEqual(ended.code, 0)
        self.assertRegex(ended.out, r"^weft \d+\.\d+\.\d+\n$")


class Usage(Case):
    TABLE = [
        ([], "which subcommand?"),
        (["prf"], "there is no subcommand 'prf'; did you mean 'perf'?"),
        (["perf"], "url is required"),
        (["perf", DISK, "--deepth", "3"], "there is no option --deepth; did you mean '--depth'?"),
        (["perf", DISK, "--depth", "0"], "--depth"),
        (["perf", DISK, "--depth", "many"], "--depth"),
        (["perf", DISK, "--rw", "sideways"], "--rw"),
        (["perf", DISK, "--seed", "-1"], "--seed: '-1' is not a whole number"),
        (["perf", DISK, "--ios", "-5"], "--ios: '-5' is not a whole number"),
        (["perf", DISK, "--seconds", ""], "the value of --seconds is empty"),
        (["perf", DISK, "--wait", ""], "the value of --wait is empty"),
        (["perf", DISK, "--span", ""], "the value of --span is empty"),
        (["write", DISK, "--input", "-", "--lba", ""], "--lba: '' is not a whole number"),
        (["write", DISK, "--input", "-", "--lba", "-1"], "--lba: '-1' is not a whole number"),
        (["write", DISK, "--input", "-", "--lba", "0xg"], "--lba: '0xg' is not a whole number"),
        (["write", DISK, "--input", "-", "--lba", str(2 ** 64)], "--lba: '18446744073709551616' is not between 0 and"),
        (["write", DISK, "--input", "-", "--lba", "0x1ffffffffffffffff"], "is not between 0 and"),
        (["read", DISK, "--output", "-", "--bytes", ""], "the value of --bytes is empty"),
        (["read", DISK, "--output", "-", "--blocks", "0"], "--blocks: '0' is not between 1 and 18446744073709551615"),
        (["read", DISK, "--output", "a", "--output", "b"], "--output is given more than once"),
        (["list", DISK + "?pda=32"], "not a number from 0 to 31"),
        (["list", DISK + "?dscp=64"], "not a number from 0 to 63"),
        (["list", DISK + "?hostid=00000000-0000-0000-0000-000000000000"], "hostid"),
        (["list", "tcp:///"], "the host is missing: write"),
        (["--json", "lst"], "there is no subcommand 'lst'; did you mean 'list'?"),
        (["serve", "--nqn", ""], "the value of --nqn is empty"),
        (["serve", "--config", ""], "the value of --config is empty"),
        (["serve", "--listen", "tcp://127.0.0.1:0", "--allow-host", "h" * 224], "--allow-host: the host NQN has 224 bytes"),
        (["serve", "--listen", "tcp://127.0.0.1:0", "--nqn", "n" * 224], "the subsystem NQN has 224 bytes"),
        (["serve", "--listen", "tcp://127.0.0.1:0?pda=32"], "--listen: option pda=32 is not"),
        (["serve", "--listen", "tcp://127.0.0.1:0", "--namespace", "ram://"], "--namespace: ram://: no size"),
        (["serve", "--listen", "tcp://127.0.0.1:0", "--namespace", "ram://?size=0"], "a size of 0 bytes"),
        (["serve", "--listen", "tcp://127.0.0.1:0", "--namespace", "ram://?foo=1"], "'foo' is no option"),
        (["perf", DISK, "--bs", "big"], "--bs: 'big' is not a size"),
        (["perf", DISK, "--bs", "0"], "--bs 0 is not between"),
        (["perf", DISK, "--seconds", "soon"], "--seconds: 'soon' is not a duration"),
        (["perf", DISK, "--seconds", "0"], "needs --ios"),
        (["perf", DISK, "--wait", "spin"], "--wait: 'spin' is no way to wait"),
        (["perf", DISK, "--span", "x"], "--span: 'x' is not a size"),
        (["read", DISK], "--output is required"),
        (["read", DISK, "--output", "-", "--blocks", "1", "--bytes", "1"], "--blocks"),
        (["write", DISK], "--input is required"),
        (["identify", DISK, "--nsid", "0"], "--nsid"),
        (["identify", DISK, "-o", "hdgst"], "--option takes KEY=VALUE"),
        (["identify", DISK, "-o", "rxmem=1M"], "option rxmem is of the whole tcp transport"),
        (["identify", DISK, "--transport-option", "rxmem"], "--transport-option takes KEY=VALUE"),
        (["identify", DISK, "--transport-option", "rxmen=1M"], "rxmem"),
        (["identify", DISK, "--transport-option", "rxmem=some"], "rxmem"),
        (["identify", DISK, "-o", "hdgst=maybe"], "'maybe' is neither on nor off"),
        (["identify", DISK, "-o", "kato=yes"], "'yes' is not a duration"),
        (["identify", DISK + "?hdgst=on&hdr-digest=off"], "options hdgst=on and hdr_digest=off contradict each other"),
        (["identify", DISK + "?hdr-digest=on", "-o", "hdr_digest=off", "-o", "pda=32"], "pda=32 is not"),
        (["identify", "transport=tcp,traddr=h,nqn=n,congestion"], "congestion=on is not the name"),
        (["identify", DISK + "?hdgts=on"], "did you mean 'hdgst'?"),
        (["identify", DISK + "?queue=4"], "did you mean 'queues'?"),
        (["identify", "127.0.0.1:4420"], "does not say over which transport"),
        (["identify", "tcp://127.0.0.1:99999"], "larger than 65535"),
        (["identify", "trace+" + DISK], "there is no filter 'trace'"),
        (["read", "tcp://127.0.0.1:1", "--output", "-"], "the address names no subsystem"),
        (["perf", "tcp://127.0.0.1:1"], "the address names no subsystem"),
        (["serve", "--wait", "spin"], "--wait: 'spin' is no way to wait"),
        (["serve", "--threads", "0"], "--threads"),
        (["serve", "--allow-any-host", "--allow-host", "nqn.x"], "--allow"),
        (["serve", "--config", "/nowhere/weft.toml"], "cannot open '/nowhere/weft.toml'"),
        (["serve", "--config", "x", "--nqn", "nqn.x"], "do not go with --config"),
        (["serve", "--listen", "tcp://127.0.0.1:x"], "--listen: the port 'x' is not a number"),
        (["serve", "--listen", DISK], "a listener serves all subsystems"),
        (["serve", "--listen", "tcp://127.0.0.1:0?kato=5s"], "'kato' has no meaning for this end"),
        (["serve", "--listen", "tcp://0.0.0.0:0"], "add --allow-host NQN or --allow-any-host"),
        (["serve", "--listen", "tcp://[::]:0"], "add --allow-host NQN or --allow-any-host"),
        (["serve", "--listen", "tcp://[::ffff:0.0.0.0]:0"], "add --allow-host NQN or --allow-any-host"),
        (["serve", "--listen", "tcp://127.0.0.1:0", "--namespace", "ram"], "--namespace: 'ram' is not a backend"),
        (["serve", "--listen", "tcp://127.0.0.1:0", "--nqn", "n" * 300], "--nqn: "),
    ]

    def test_that_is_wrong_ends_with_2_and_says_why(self):
        for arguments, says in self.TABLE:
            with self.subTest(arguments=arguments):
                ended = self.assert_ended(weft(*arguments), 2, says)
                self.assertEqual(ended.out.startswith("{"), "--json" in arguments)

    def test_an_option_that_may_be_repeated_takes_one_value_at_a_time(self):
        ended = weft("identify", "-o", "timeout=1s", "--plugin-dir", PLUGINS, "tcp://127.0.0.1:http")
        self.assert_ended(ended, 2, "the port 'http' is not a number")

    def test_with_json_puts_the_failure_on_standard_output_too(self):
        ended = self.assert_ended(weft("perf", DISK, "--bs", "big", "--json"), 2)
        self.assertIn("'big' is not a size", ended.json()["error"]["text"])


if __name__ == "__main__":
    unittest.main()
