"""What guests with a network card and a disk do in a window that is rolled back: nobody outside sees any of it, and nothing of it is lost where they run on.

The guests `mapped`, `mappedpvh` and `mappedhvm` write their disk and read it back, each chunk with the number of its write, and talk to an echo server in dom0: a write
that was rolled back and is there all the same, one that is missing, and a byte of the connection that is, are errors of theirs.

LAB_OUTPUT_MOVES: how often each guest of a series is moved (default 4).
"""
import os
import time

from lablib.guest import running
from lablib.lab import Lab
from lablib.module_shell import ModuleShell, Shells
from lablib.move_case import require_module
from lablib.moves import OUTPUT_LIMITS, move
from lablib.output_case import ROLLBACK, OutputCase
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)
SERIES = int(os.environ.get("LAB_OUTPUT_MOVES", "4"))
GUESTS = ("mapped", "mappedpvh")


def setUpModule():
    require_module(LAB)
    HOST.run("/etc/xen/scripts/lab-devices", 120).check()


def tearDownModule():
    SHELLS.end()


class Outputs(OutputCase):
    lab, shells = LAB, SHELLS

    def device_of(self, guest):
        return "lab-disk"

    def content_of(self, guest):
        return HOST.run("sync; sha256sum < /tmp/mapped.img", 120).check().stdout

    def test_nothing_of_a_window_gets_out_and_all_of_it_is_there_when_it_is_given_up(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], config) as guest:
                self.check_given_up(guest)

    def test_what_a_recording_holds_goes_out_when_it_is_let_go(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], config) as guest:
                before = guest.report()
                said = SHELLS[1].values(f"""
                    $p = Start-PreRecord -Name {guest.name} -Mode Rollback -Window 2s -Epoch 500ms {OUTPUT_LIMITS} -Confirm:$false -ErrorAction Stop
                    @{{ proved = [bool] $p.RollbackProof.IsProved; backed = $p.BackedUpPages }} | ConvertTo-Json -Compress""", 900)
                self.assertIs(said["proved"], True)
                held = self.outside(guest)
                time.sleep(2)
                self.assertEqual(self.outside(guest), held)
                SHELLS[1].check(f"Stop-PreRecord {guest.name} -Confirm:$false", 600)
                self.check_whole(guest, before)
                self.check_nothing_left()

    def test_the_next_tool_mends_what_a_killed_one_held_back(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], config) as guest:
                self.check_mended(guest)

    def test_a_domain_that_is_destroyed_by_hand_leaves_nothing_once_any_other_is_looked_at(self):
        with running([HOST], "idle") as other:
            with running([HOST], "mapped") as guest:
                killed = ModuleShell(HOST)
                killed.begin(self.window(guest))
                self.check_held(guest)
                killed.kill()
            self.check_observed(other)
            self.check_nothing_left()

    def test_the_destination_does_the_window_again(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], config) as guest:
                for number in range(SERIES):
                    before = guest.report()
                    measured, guest = move(open_way(SHELLS[1]), guest, ROLLBACK)
                    print(f"\n{config}, move {number + 1}: {measured}", end="", flush=True)
                    self.assertIs(measured["proved"], True)
                    self.check_whole(guest, before)
                    self.check_nothing_left()
                report = guest.report()
                last = guest.wait_report(lambda r: r.uptime > report.uptime + 60, "a minute more")
                self.assertEqual(last.errors, 0, guest.read("data/lab-error"))

    def test_an_hvm_guest_has_its_emulated_twins_held_back_too(self):
        SHELLS[1].check("[Environment]::SetEnvironmentVariable('PRERECORD_HVM_DEVICES', 'try')")
        with running([HOST], "mappedhvm") as guest:
            self.check_given_up(guest)
            before = guest.report()
            measured, guest = move(open_way(SHELLS[1]), guest, ROLLBACK)
            print(f"\n{guest.config}: {measured}", end="", flush=True)
            self.assertIs(measured["proved"], True)
            self.check_whole(guest, before)
            self.check_nothing_left()

    def test_a_disk_that_is_no_device_of_device_mapper_is_refused_by_name(self):
        with running([HOST], "devices") as guest:
            before = guest.report()
            answer = SHELLS[1].run(f"Start-PreRecord -Name {guest.name} -Mode Rollback -Window 1s -Confirm:$false -ErrorAction Stop")
            self.assertIn("OutputNotIsolable", answer["stderr"])
            self.assertIn("vbd 51712", answer["stderr"])
            self.assertIn("script=block-prerecord", answer["stderr"])
            self.check_whole(guest, before)
            self.check_nothing_left()
