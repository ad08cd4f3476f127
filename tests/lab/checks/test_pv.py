"""PV guests by the very same commands as PVH guests: recorded and let go, moved by every method, refused where they must be.

LAB_PV_MOVES: how often each guest of a series is moved (default 2).
"""
import os

from lablib.guest import running
from lablib.lab import Lab
from lablib.marks import is_marked, wait_marked
from lablib.memory import expect_memory, free_memory
from lablib.module_shell import ModuleShell, Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import PACED

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)
SERIES = int(os.environ.get("LAB_PV_MOVES", "2"))


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


class PvCase(MoveCase):
    lab, shells = LAB, SHELLS


class Recordings(PvCase):
    def check_recording(self, config, *overrides):
        with running([HOST], config, *overrides) as guest:
            before = guest.report()
            free = free_memory(HOST)
            rolled_back = self.check_rollback(guest)
            self.assertLess(rolled_back["backed"], rolled_back["recorded"], "reads are told from writes, and are not backed up")
            self.check_observed(guest)
            self.check_whole(guest, before)
            self.assertFalse(is_marked(HOST), "a mark was left")
            expect_memory(HOST, free)

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
                self.check_mended(guest, mode)
                self.check_whole(guest, before)


class Moves(PvCase):
    def test_a_paced_writer_by_each_method_on_one_host(self):
        self.check_each_method("pvwriter", 1, PACED)

    def test_a_writer_of_two_vcpus_by_each_method_on_one_host(self):
        self.check_each_method("pvwriter2", 1, PACED)

    def test_processes_that_come_and_go_by_rollback(self):
        self.check_move("pvmany2", "rollback", 1)

    def test_redis_and_writer_by_each_method_on_one_host(self):
        self.check_each_method("pvmixed2", 1)

    def test_redis_and_writer_by_each_method_between_two_hosts(self):
        self.check_each_method("pvmixed", 2)


class Series(PvCase):
    """The same guest, moved again and again by post-copy and by pre-record in turn."""

    def check(self, config, hosts, *overrides):
        self.check_series(config, hosts, SERIES, *overrides)

    def test_idle_on_one_host(self):
        self.check("pvidle", 1)

    def test_writer_of_two_vcpus_on_one_host(self):
        self.check("pvwriter2", 1, PACED)

    def test_processes_that_come_and_go_on_one_host(self):
        self.check("pvmany2", 1)

    def test_disk_and_network_on_one_host(self):
        # What its disk, a loop device, is written in a window cannot be held back, so the mode is Observe.
        HOST.run("/etc/xen/scripts/lab-devices", 120).check()
        self.check_series("devices", 1, SERIES, methods=("post-copy", "observe"))

    def test_redis_and_writer_between_two_hosts(self):
        self.check("pvmixed2", 2)

    def test_writer_between_two_hosts(self):
        self.check("pvwriter", 2, PACED)


class Refusals(PvCase):
    def test_a_second_owner(self):
        # The second shell first: it takes long to start, and the recording must still run by then.
        with ModuleShell(HOST) as second, running([HOST], "pvidle") as guest:
            busy = SHELLS[1].begin(f"Start-PreRecord -Name {guest.name} -Mode Observe -Window 60s -Epoch 1s -Confirm:$false")
            wait_marked(HOST)
            answer = second.run(f"Start-PreRecord -Name {guest.name} -Mode Observe -Window 1s -Confirm:$false -ErrorAction Stop")
            self.assertIn("DomainBusy", answer["stderr"])
            SHELLS[1].cancel(busy)
            SHELLS[1].finish(busy)
            guest.wait_progress(3)
