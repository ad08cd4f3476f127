"""A guest that reboots, shuts down or crashes by itself while it moves, on real Xen: in each phase its move ends and says so, and nothing
is left of the move."""
from lablib.custody_case import RECORDED, HoldingCase
from lablib.guest import arriving, destroy_all, names_of_arrivals, running
from lablib.lab import Lab
from lablib.marks import is_marked, notes, wait_marked
from lablib.module_shell import Shells
from lablib.move_case import require_module
from lablib.moves import METHODS, PACED, SLOWLY
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)
# A kernel crashes on request only where its command line allows it.
OBEDIENT = f'{PACED[:-1]} sysrq_always_enabled"'
# By what the guest does: the command that has it do that, and words of the error.
ENDS = {
    "reboots": ("xl reboot {name}", ("reboot",)),
    "shuts down": ("xl shutdown {name}", ("shut down",)),
    "crashes": ("xl sysrq {name} c", ("crashed",)),
}
PHASES = {
    "recorded": RECORDED,
    "in pre-copy's rounds": f"{METHODS['pre-copy']} -BandwidthLimit 2MB/s",
}


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


class Ends(HoldingCase):
    lab, shells = LAB, SHELLS

    def check_ends_before_the_commit(self, end):
        command, words = ENDS[end]
        for phase, options in PHASES.items():
            with self.subTest(f"{end} while {phase}"), running([HOST], "writer", OBEDIENT) as guest:
                number = self.begin_move(guest, options)
                arriving(HOST, guest.config, guest.name)
                wait_marked(HOST)
                guest.wait_progress(1, 600)
                HOST.run(command.format(name=guest.name), 120).check()
                self.check_refused(number, "DomainState" if end == "crashes" else "Domain", *words)
                self.assertEqual(names_of_arrivals(HOST, guest.name), [])
                self.assertEqual(notes(HOST), "", "a note was left")
                if end == "reboots":
                    self.check_moves_on(guest)

    def check_moves_on(self, guest):
        """Started anew, it can be moved."""
        guest.wait_ready(600)
        before = guest.report()
        self.shell.finish(self.begin_move(guest, METHODS["post-copy"]), 900)
        self.check_whole(guest, before)

    def test_a_guest_that_reboots_before_the_commit(self):
        self.check_ends_before_the_commit("reboots")

    def test_a_guest_that_shuts_down_before_the_commit(self):
        self.check_ends_before_the_commit("shuts down")

    def test_a_guest_that_crashes_before_the_commit(self):
        self.check_ends_before_the_commit("crashes")

    def test_a_guest_that_ends_after_the_commit_ends_its_move_and_the_rest_is_given_up(self):
        for end, (command, _) in ENDS.items():
            with self.subTest(end), running([HOST], "writer", OBEDIENT) as guest:
                before = guest.report()
                number = self.begin_move(guest, SLOWLY)
                moved = arriving(HOST, guest.config, guest.name)
                moved.wait_report(lambda report: report.beat > before.beat, "a beat at the destination", 600)
                HOST.run(command.format(name=moved.name), 120).check()
                answer = self.shell.finish(number, 900)
                print(f"\n{end}: {answer['exitCode']} {answer['stderr'].strip()}\n{HOST.run('xl list', 120).stdout}", end="", flush=True)
                # Whatever became of the guest, the source must stand still, because the guest has run elsewhere.
                state = guest.listed()[4] if guest.exists() else "gone"
                self.assertTrue(state == "gone" or {"p", "s"} & set(state), f"the source is {state}")
                if answer["exitCode"]:
                    why = self.shell.check('"$((Get-MigrationReceiver).Incoming[-1].Error)"').strip()
                    print(f"the destination: {why}", end="", flush=True)
                    self.assertTrue(why, "the destination does not say why")
                    self.shell.check(f"Stop-Migration {guest.name} -Force -Confirm:$false -ErrorAction Stop")
                destroy_all(HOST, guest.name)
                self.shell.check("Get-MigrationReceiver | Stop-MigrationReceiver -Force -Confirm:$false")
                open_way(self.shell)
                self.assertFalse(is_marked(HOST), "a mark was left")
