"""PVH guests on shadow page tables (hap=0) by the very same commands as those with nested paging: the extension does it all."""

from lablib.guest import running
from lablib.lab import Lab
from lablib.module_shell import Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import PACED

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


class ShadowCase(MoveCase):
    lab, shells = LAB, SHELLS


class Recordings(ShadowCase):
    def test_a_writer_of_two_vcpus_is_recorded_and_let_go(self):
        with running([HOST], "shadow2", PACED) as guest:
            before = guest.report()
            rolled_back = self.check_rollback(guest)
            self.assertLess(rolled_back["backed"], rolled_back["recorded"], "reads are told from writes, and are not backed up")
            self.check_whole(guest, before)

    def test_a_tool_that_is_killed_while_recording_leaves_a_domain_that_the_next_run_mends(self):
        with running([HOST], "shadow", PACED) as guest:
            before = guest.report()
            self.check_mended(guest, "Rollback")
            self.check_whole(guest, before)


class Moves(ShadowCase):
    def test_a_paced_writer_by_each_method_on_one_host(self):
        self.check_each_method("shadow", 1, PACED)

    def test_a_writer_of_two_vcpus_by_each_method_between_two_hosts(self):
        self.check_each_method("shadow2", 2, PACED)
