"""`weft perf`: its JSON, its checks of data, and how it ends."""

import json
import signal
import socket
import subprocess
import unittest

from weft_program import LIMIT, NQN, PLUGINS, PROGRAM, Case, weft


class Perf(Case):
    def perf(self, server, *arguments, code=0):
        ended = weft("perf", server.disk, "--json", *arguments)
        self.assertEqual(ended.code, code, ended.err)
        return ended.json()

    def test_json_has_what_scripts_need(self):
        server = self.served("--namespace", "ram://?size=64M")
        result = self.perf(server, "--seconds", "500ms", "--depth", 4, "--seed", 3)
        self.assertGreater(result["iops"], 0)
        self.assertGreater(result["cpu_seconds"], 0)
        self.assertEqual((result["errors"], result["depth"], result["queues"], result["seed"]), (0, 4, 1, 3))
        self.assertAlmostEqual(result["mib_s"], result["iops"] * 4096 / (1 << 20), delta=1)
        self.assertAlmostEqual((result["ended_ns"] - result["started_ns"]) / 1e9, result["seconds"], places=6)
        lat = result["lat_us"]
        self.assertLessEqual(lat["p50"], lat["p99"])
        self.assertLessEqual(lat["p99"], lat["p999"])
        self.assertLessEqual(lat["p999"], lat["max"])
        self.assertGreater(lat["mean"], 0)

    def test_processor_time_is_that_of_the_run_and_not_of_what_prepares_it(self):
        server = self.served("--namespace", "null://?size=1T")
        result = self.perf(server, "--bs", "4M", "--depth", 100, "--ios", 1)  # memory for 100 is filled, one is used
        self.assertLess(result["cpu_seconds"], 4 * result["seconds"])

    def test_every_mode_ends_after_the_ios_it_was_told(self):
        server = self.served("--namespace", "ram://?size=64M")
        for mode in ("randread", "randwrite", "read", "write", "randrw"):
            with self.subTest(mode=mode):
                self.assertEqual(self.perf(server, "--rw", mode, "--ios", 500)["ios"], 500)

    def test_verify_finds_written_data_right_in_every_mode_and_size(self):
        server = self.served("--namespace", "ram://?size=8M")
        for mode in ("randread", "randwrite", "randrw", "write", "read"):
            for size in ("512", "4k", "128k", "1M"):
                with self.subTest(mode=mode, size=size):
                    result = self.perf(server, "--rw", mode, "--bs", size, "--ios", 100, "--depth", 8, "--verify")
                    self.assertEqual((result["mismatches"], result["errors"]), (0, 0))
                    self.assertGreaterEqual(result["verified"], 1)

    def test_verify_finds_wrong_data(self):
        server = self.served("--namespace", "null://?size=8M")  # reads give zeroes, whatever was written
        ended = weft("perf", server.disk, "--rw", "randwrite", "--ios", 50, "--seed", 1, "--verify", "--json")
        self.assert_ended(ended, 1, "wrong data in LBA")
        self.assertEqual(ended.json()["mismatches"], 50)

    def test_several_queues_and_digests(self):
        server = self.served("--namespace", "ram://?size=8M", "--threads", "2")
        result = self.perf(server, "--queues", 4, "--ios", 2000, "--rw", "randrw", "--verify", "-o", "hdgst=on", "-o", "ddgst=on")
        self.assertEqual((result["queues"], result["errors"]), (4, 0))

    def test_several_associations_verify_their_data_on_the_queues_that_are_not_idle(self):
        server = self.served("--namespace", "ram://?size=8M")
        result = self.perf(server, "--associations", 3, "--queues", 4, "--idle", 5, "--depth", 2, "--ios", 2000, "--rw", "randrw", "--verify")
        self.assertEqual((result["associations"], result["queues"], result["idle"]), (3, 4, 5))
        self.assertEqual((result["ios"] >= 2000, result["errors"], result["mismatches"]), (True, 0, 0))

    def test_a_host_with_idle_queues_only_lasts_as_long_as_it_was_told(self):
        server = self.served("--namespace", "ram://?size=8M")
        result = self.perf(server, "--queues", 4, "--idle", 4, "--seconds", "200ms")
        self.assertEqual((result["ios"], result["errors"]), (0, 0))
        self.assertGreaterEqual(result["seconds"], 0.2)

    def test_queues_that_are_all_idle_can_do_no_number_of_ios(self):
        server = self.served("--namespace", "ram://?size=8M")
        self.assert_ended(weft("perf", server.disk, "--idle", 2), 2, "--idle 2 is more than the 1 queues")
        self.assert_ended(weft("perf", server.disk, "--idle", 1, "--ios", 5), 2, "leaves no queue for I/O")
        self.assert_ended(weft("perf", server.disk, "--idle", 1, "--seconds", 1, "--verify"), 2, "leaves no queue for I/O")

    def test_a_rate_spreads_the_ios_over_their_time(self):
        server = self.served("--namespace", "ram://?size=8M")
        for wait in ("adaptive", "poll", "sleep"):
            with self.subTest(wait=wait):
                result = self.perf(server, "--rate", 500, "--ios", 101, "--queues", 2, "--depth", 4, "--wait", wait)
                self.assertEqual((result["ios"], result["rate"], result["errors"]), (101, 500, 0))
                self.assertGreaterEqual(result["seconds"], 0.2)  # the last one is not due earlier

    def test_a_rate_beyond_what_the_depth_allows_is_as_fast_as_can_be(self):
        server = self.served("--namespace", "ram://?size=8M")
        result = self.perf(server, "--rate", 1_000_000_000, "--seconds", "200ms", "--depth", 2, "--rw", "randrw", "--verify")
        self.assertGreater(result["ios"], 0)
        self.assertEqual(result["errors"], 0)

    def test_every_way_to_wait(self):
        server = self.served("--namespace", "ram://?size=8M")
        for wait in ("adaptive", "poll", "sleep"):
            with self.subTest(wait=wait):
                self.assertEqual(self.perf(server, "--wait", wait, "--ios", 500)["errors"], 0)

    def test_is_readable_by_people(self):
        server = self.served("--namespace", "ram://?size=8M")
        ended = self.assert_ended(weft("perf", server.disk, "--ios", 100, "--seed", 42), 0)
        for word in ("IOPS", "MiB/s", "p99", "CPU", "seed 42", "errors      0"):
            self.assertIn(word, ended.out)

    def test_an_io_size_that_does_not_fit_is_wrong_usage(self):
        server = self.served("--namespace", "ram://?size=1M&block=4096")
        self.assert_ended(weft("perf", server.disk, "--bs", "512"), 2, "not a multiple of namespace 1's blocks")
        self.assert_ended(weft("perf", server.disk, "--bs", "2M"), 2, "more than there is room for")
        self.assert_ended(weft("perf", server.disk, "--span", "2M"), 2, "--span")

    def test_says_what_depth_there_is_room_for(self):
        server = self.served("--namespace", "ram://?size=8M")
        ended = self.assert_ended(weft("perf", server.disk, "--depth", 65535, "--ios", 100, "--json"), 0, "1023 of 65535 I/Os")
        self.assertEqual(ended.json()["depth"], 1023)

    def test_an_interrupt_ends_it_early_with_its_results(self):
        server = self.served("--namespace", "ram://?size=8M")
        process = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "perf", server.disk, "--seconds", "600", "--json"],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        while weft("list", server.disk).code != 0:  # the time it takes another host to connect is enough for this one
            pass
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LIMIT)
        if process.returncode == 0:
            self.assertIn(b'"interrupted": true', out)
        else:
            self.assertEqual(process.returncode, 1)  # it came while this host was still connecting

    def test_an_interrupt_while_it_connects_is_said(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}/{NQN}"
        process = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "perf", url, "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        silent.settimeout(LIMIT)
        peer, _ = silent.accept()
        self.addCleanup(peer.close)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, err), (1, "weft: interrupted while connecting\n"))
        self.assertEqual(json.loads(out)["error"]["text"], "interrupted while connecting")

    def test_a_target_that_goes_away_is_a_failure(self):
        server = self.served("--namespace", "ram://?size=8M")
        process = subprocess.Popen([PROGRAM, "--plugin-dir", PLUGINS, "perf", server.disk, "--seconds", "600"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        self.assert_ended(weft("list", server.disk), 0)
        server.process.kill()
        server.process.wait()
        _, err = process.communicate(timeout=LIMIT)
        self.assertIn(process.returncode, (1, 3), err)
        self.assertTrue(err.startswith(b"weft: "), err)


if __name__ == "__main__":
    unittest.main()
