"""PV guests by the very same commands as PVH guests: recorded and let go, moved by every method, refused where they must be."""
import time
import unittest

from lab_guest import Guest, running
from module_shell import ModuleShell, Shells
from moves import METHODS, move, open_way
from prerecord_lab import Lab
from test_recordings import RECORD

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)
WAYS = {**METHODS, "pre-copy": "-Method PreCopy"}
PACED = 'extra="console=hvc0 quiet mitigations=off lab.workload=writer lab.mib=32 lab.rate=1000"'


def setUpModule():
    global LAB_HOSTS
    LAB_HOSTS = 2 if LAB.host(2).run("true").code == 0 else 1
    if HOST.run("[ -e /share/prerecord.tar ]").code != 0:
        raise unittest.SkipTest("the module is not published into the lab's share: tests/lab/publish")


def tearDownModule():
    SHELLS.end()


def free_memory():
    return int(HOST.run("xl info | sed -n 's/^free_memory *: //p'").check().stdout)


class Test(unittest.TestCase):
    def check_whole(self, guest, before):
        after = guest.wait_report(
            lambda r: r.beat > before.beat + 10 and (r.checks > before.checks or r.workload in ("idle", "many")), "ten more beats")
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload in ("redis", "mixed"):
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))


class Recordings(Test):
    def check_recording(self, config, *overrides):
        with running([HOST], config, *overrides) as guest:
            before = guest.report()
            free = free_memory()
            rolled_back = SHELLS[1].values(RECORD.format(name=guest.name, mode="Rollback"))
            print(f"\n{config}: {rolled_back}")
            self.assertGreater(rolled_back["changed"], 0, "nothing changed, so nothing was proved")
            self.assertGreaterEqual(rolled_back["backed"], rolled_back["changed"])
            self.assertLess(rolled_back["backed"], rolled_back["recorded"], "reads are told from writes, and are not backed up")
            self.assertIs(rolled_back["proved"], True)
            observed = SHELLS[1].values(RECORD.format(name=guest.name, mode="Observe"))
            self.assertGreater(observed["recorded"], 0)
            self.check_whole(guest, before)
            self.assertEqual(HOST.run("xenstore-list /prerecord/source").stdout.strip(), "", "a marker was left")
            self.assertGreaterEqual(free_memory(), free, "the extension kept memory")

    def test_a_paced_writer(self):
        self.check_recording("pvwriter", PACED)

    def test_a_writer_of_two_vcpus(self):
        self.check_recording("pvwriter2", PACED)

    def test_processes_that_come_and_go(self):
        self.check_recording("pvmany2")

    def test_a_backup_limit_is_an_error_and_the_domain_runs_on(self):
        with running([HOST], "pvwriter") as guest:
            before = guest.report()
            answer = SHELLS[1].run(
                f"Start-PreRecord -Name {guest.name} -Mode Rollback -Window 20s -Epoch 1s -BackupLimit 2MB -Confirm:$false -ErrorAction Stop")
            self.assertIn("BackupStoreFull", answer["stderr"])
            self.check_whole(guest, before)

    def test_a_tool_that_is_killed_while_recording_leaves_a_domain_that_the_next_run_mends(self):
        for mode in ("Observe", "Rollback"):
            with self.subTest(mode), running([HOST], "pvwriter", PACED) as guest:
                before = guest.report()
                killed = ModuleShell(HOST)
                killed.begin(f"Start-PreRecord -Name {guest.name} -Mode {mode} -Window 60s -Epoch 500ms -Confirm:$false")
                guest.wait_progress(3)
                killed.kill()
                self.assertGreater(SHELLS[1].values(RECORD.format(name=guest.name, mode="Observe"))["recorded"], 0)
                self.check_whole(guest, before)


class Moves(Test):
    def check_move(self, config, method, hosts, *overrides):
        if hosts > LAB_HOSTS:
            self.skipTest("the lab has one host")
        way = open_way(*(SHELLS[number] for number in range(1, hosts + 1)))
        with running([LAB.host(number) for number in range(1, hosts + 1)], config, *overrides) as guest:
            before = guest.report()
            numbers, moved = move(way, guest, WAYS[method])
            print(f"\n{config} by {method}, {hosts} host(s): {numbers}")
            self.check_whole(moved, before)
            self.assertGreater(numbers["tables"], 0)
            if method == "rollback":
                self.assertIs(numbers["proved"], True)
                self.assertGreater(numbers["backed"], 0)
            if hosts == 2:
                self.assertFalse(guest.exists())

    def test_a_paced_writer_by_each_method_on_one_host(self):
        for method in WAYS:
            with self.subTest(method):
                self.check_move("pvwriter", method, 1, PACED)

    def test_a_writer_of_two_vcpus_by_each_method_on_one_host(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("pvwriter2", method, 1, PACED)

    def test_processes_that_come_and_go_by_rollback(self):
        self.check_move("pvmany2", "rollback", 1)

    def test_redis_and_writer_by_each_method_on_one_host(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("pvmixed2", method, 1)

    def test_redis_and_writer_by_each_method_between_two_hosts(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("pvmixed", method, 2)


class Refusals(Test):
    def test_a_second_owner(self):
        with running([HOST], "pvidle") as guest:
            busy = SHELLS[1].begin(f"Start-PreRecord -Name {guest.name} -Mode Observe -Window 8s -Epoch 1s -Confirm:$false | Stop-PreRecord -Confirm:$false")
            while HOST.run("xenstore-list /prerecord/source").stdout.strip() == "":
                time.sleep(0.2)
            with ModuleShell(HOST) as second:
                answer = second.run(f"Start-PreRecord -Name {guest.name} -Mode Observe -Window 1s -Confirm:$false -ErrorAction Stop")
            self.assertIn("DomainBusy", answer["stderr"])
            self.assertEqual(SHELLS[1].finish(busy)["exitCode"], 0)
            Guest(HOST, "pvidle").wait_progress(3)


if __name__ == "__main__":
    unittest.main()
