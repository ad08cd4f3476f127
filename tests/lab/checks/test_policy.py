"""What a real host lets in: what a real toolstack says of guests is judged by a policy, and a toolstack gets what that lets in.

Between two hosts: a host knows the domains that are its own to the letter, and does not judge them.
"""
from contextlib import contextmanager

from lablib.guest import running
from lablib.lab import Lab
from lablib.marks import is_marked
from lablib.module_shell import Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import METHODS, PACED, move
from lablib.ways import open_way

LAB = Lab.attach()
HOST, THERE = LAB.host(1), LAB.host(2)
SHELLS = Shells(LAB)
POLICY = "/etc/prerecord/policy.json"
REFUSALS = """
@{{ refusals = @((Test-Migration {name} -Destination {destination} -Window 200ms).Incompatibilities |
    Where-Object ErrorId -EQ RefusedByPolicy | ForEach-Object {{ "$($_.Message)|$($_.Remedy)" }}) }} | ConvertTo-Json -Compress
"""


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


@contextmanager
def policy(text):
    """Another policy than the lab's, for a while."""
    THERE.run(f"cp {POLICY} /tmp/policy.kept && cat > {POLICY}", stdin=text.encode()).check()
    try:
        yield
    finally:
        THERE.run(f"cp /tmp/policy.kept {POLICY}").check()


class Policy(MoveCase):
    lab, shells = LAB, SHELLS

    def setUp(self):
        self.require_hosts(2)

    def refusals(self, way, guest):
        """What Test-Migration says that the destination's policy refuses."""
        return way.source.values(REFUSALS.format(name=guest.name, destination=way.address))["refusals"]

    def check_admitted(self, config, *overrides):
        way = open_way(SHELLS[1], SHELLS[2])
        with running([HOST, THERE], config, *overrides) as guest:
            self.assertEqual(self.refusals(way, guest), [])

    def test_what_the_policy_does_not_name_is_shown_and_refused_and_the_guest_runs_on(self):
        way = open_way(SHELLS[1], SHELLS[2])
        with running([HOST, THERE], "writer", PACED) as guest:
            before = guest.report()
            with policy('{ "kinds": ["pvh"], "ramdisks": ["/lab/*"] }'):
                refused = self.refusals(way, guest)
                self.assertEqual(len(refused), 1, refused)
                self.assertIn('b_info.kernel: "/lab/vmlinux" is not let in', refused[0])
                self.assertIn('"kernels": ["/lab/vmlinux"]', refused[0])
                answer = SHELLS[1].run(
                    f"Invoke-PreRecordMigration {guest.name} -Destination {way.address} {METHODS['post-copy']} -Confirm:$false -ErrorAction Stop")
                self.assertIn("RefusedByPolicy", answer["stderr"])
                self.assertFalse(is_marked(HOST), "a mark was left")
                self.check_whole(guest, before)
            self.assertEqual(self.refusals(way, guest), [])
            _, moved = move(way, guest, METHODS["post-copy"])
            self.check_whole(moved, before)

    def test_a_policy_that_others_may_write_lets_nothing_in(self):
        way = open_way(SHELLS[1], SHELLS[2])
        with running([HOST, THERE], "idle") as guest:
            THERE.run(f"chmod o+w {POLICY}").check()
            try:
                answer = SHELLS[1].run(
                    f"Invoke-PreRecordMigration {guest.name} -Destination {way.address} {METHODS['post-copy']} -Confirm:$false -ErrorAction Stop")
                self.assertIn("FileNotTrusted", answer["stderr"])
            finally:
                THERE.run(f"chmod o-w {POLICY}").check()

    def test_a_guest_with_a_disk_and_a_network_card_is_let_in_by_the_rules_for_them(self):
        HOST.run("/etc/xen/scripts/lab-devices").check()
        self.check_admitted("devices")

    def test_an_HVM_guest_is_let_in(self):
        self.check_admitted("hvm", PACED)

    def test_a_PV_guest_is_let_in(self):
        self.check_admitted("pvwriter2")
