"""Who holds a guest, on real Xen: names that are taken, suspensions that come late, guests that change while they move, tools that die."""
import time

from lablib.custody_case import RECORDED, HoldingCase
from lablib.guest import Guest, arriving, destroy_all, names_of_arrivals, running
from lablib.lab import Lab
from lablib.marks import notes, wait_marked
from lablib.module_shell import ModuleShell, Shells
from lablib.move_case import require_module
from lablib.moves import METHODS, PACED, SLOWLY, move
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


class CustodyCase(HoldingCase):
    lab, shells = LAB, SHELLS


class Names(CustodyCase):
    def test_of_two_arrivals_of_a_name_the_second_is_refused_and_the_first_keeps_its_own_domain(self):
        with running([HOST], "writer", PACED) as guest:
            before = guest.report()
            first = self.begin_move(guest, SLOWLY)
            moved = arriving(HOST, guest.config, guest.name)
            moved.wait_report(lambda report: report.beat > before.beat, "a beat at the destination", 600)
            HOST.run(["xl", "rename", guest.name, "left"], 120).check()
            with ModuleShell(HOST) as other:
                try:
                    twin = Guest(HOST, "idle", guest.name).create()
                    twin.wait_ready()
                    answer = other.run(f"Invoke-PreRecordMigration -Name {twin.name} -Destination localhost:7000 {METHODS['post-copy']} -Confirm:$false -ErrorAction Stop")
                    self.assertNotEqual(answer["exitCode"], 0)
                    self.assertIn("DomainExists", answer["stderr"])
                    twin.wait_progress(3)
                    self.assertEqual(names_of_arrivals(HOST, guest.name), [moved.name])
                    # A name that is taken while its guest moves is a race that remains.
                    print(f"\n{self.shell.finish(first, 900)}", end="", flush=True)
                    self.check_whole(moved, before)
                finally:
                    destroy_all(HOST, "left")
                twin.destroy()
                HOST.run(["xl", "rename", moved.name, guest.name], 120).check()
                # The receiver's end is when it learns that the guest has its name.
                self.shell.check("Get-MigrationReceiver | Stop-MigrationReceiver -Force -Confirm:$false")
                self.check_whole(guest, before)
                self.check_runs_on(guest)

    def test_a_name_that_is_taken_there_is_refused_before_the_guest_stands_still(self):
        self.require_hosts(2)
        way = open_way(self.shells[1], self.shells[2])
        with running([HOST], "writer", PACED) as guest, running([LAB.host(2)], "idle", name="writer") as other:
            number = self.shell.begin(f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {METHODS['post-copy']} -Confirm:$false -ErrorAction Stop")
            self.check_refused(number, "DomainExists", guest.name)
            self.check_runs_on(guest)
            other.wait_progress(2)


class Suspensions(CustodyCase):
    def test_a_request_that_is_given_up_is_never_answered_later(self):
        with running([HOST], "writer", PACED) as guest:
            number = self.begin_move(guest, f"{RECORDED} -SuspendTimeout 2s")
            arriving(HOST, guest.config, guest.name)
            wait_marked(HOST)
            # The guest is paused before it can take the request, and unpaused after the request was withdrawn.
            HOST.run(["xl", "pause", guest.name], 60).check()
            said = self.check_refused(number, "SuspendTimeout")
            self.assertNotIn("has taken the request", said)
            self.assertEqual(guest.read("control/shutdown"), "")
            HOST.run(["xl", "unpause", guest.name], 60).check()
            self.check_runs_on(guest)

    def test_a_suspension_that_comes_late_is_undone(self):
        with running([HOST], "writer", PACED) as guest:
            domid = HOST.run(["xl", "domid", guest.name]).check().stdout.strip()
            node = f"/local/domain/{domid}/control/shutdown"
            # Between taking the request and suspending, a kernel freezes its processes: that is when the guest is paused.
            catcher = HOST.start(
                f"until [ \"$(xenstore-read {node} 2>/dev/null)\" = suspend ]; do :; done; "
                f"while [ \"$(xenstore-read {node})\" = suspend ]; do :; done; xl pause {domid}; echo caught")
            number = self.shell.begin(
                f"Start-PreRecord -Name {guest.name} -Mode Rollback -SuspendTimeout 1s -Window 1s -Confirm:$false -ErrorAction Stop")
            self.check_refused(number, "SuspendTimeout", "has taken the request")
            catcher.wait(60)
            # A guest that had suspended before the pause took effect is awake by now.
            print(f"\n{'held on its way' if notes(HOST) else 'woken already'}", end="", flush=True)
            HOST.run(["xl", "unpause", domid], 60).check()
            self.check_runs_on(guest)


class Changes(CustodyCase):
    """What is done to a guest between the preparation and the handover of its move is refused by name, and it runs on."""

    def check_changed(self, config, change, *words, overrides=(PACED,), error_id="DomainChanged"):
        with running([HOST], config, *overrides) as guest:
            number = self.begin_move(guest, RECORDED)
            arriving(HOST, guest.config, guest.name)
            wait_marked(HOST)
            HOST.run(change.format(name=guest.name), 120).check()
            self.check_refused(number, error_id, *words)
            self.check_runs_on(guest)

    def test_a_vcpu_that_is_unplugged(self):
        self.check_changed("writer2", "xl vcpu-set {name} 1", "vcpu-set")

    def test_memory_that_is_set(self):
        self.check_changed("writer", "xl mem-set {name} 120", "pages were announced")

    def test_a_device_that_is_attached(self):
        HOST.run("/etc/xen/scripts/lab-devices", 120).check()
        self.check_changed("writer", "xl network-attach {name} script=/etc/xen/scripts/lab-vif", "network card", "attached")


class Balloons(CustodyCase):
    def test_a_guest_whose_balloon_has_not_come_to_its_target_moves_with_the_memory_it_has(self):
        for config in ("writer", "pvwriter"):
            with self.subTest(config), running([HOST], config, PACED) as guest:
                HOST.run(["xl", "mem-set", guest.name, "40"], 120).check()
                held = self.settled_memory(guest)
                self.assertGreater(held, 42, "the balloon came to its target, so nothing is shown")
                before = guest.report()
                _, moved = move(open_way(self.shell), guest, METHODS["post-copy"])
                print(f"\n{config}: {held} MiB before, {moved.memory()} after", end="", flush=True)
                self.assertLessEqual(abs(moved.memory() - held), 4)
                self.check_whole(moved, before)

    @staticmethod
    def settled_memory(guest):
        held = guest.memory()
        while True:
            guest.wait_progress(4)
            if guest.memory() == held:
                return held
            held = guest.memory()


class KilledTools(CustodyCase):
    def test_a_held_rollback_whose_tool_is_killed_is_woken_by_the_next(self):
        with running([HOST], "writer", PACED) as guest:
            with ModuleShell(HOST) as killed:
                killed.check(f"$p = Start-PreRecord -Name {guest.name} -Mode Rollback -Window 1s -Epoch 250ms -Confirm:$false -ErrorAction Stop", 600)
                self.assertIn("p", guest.listed()[4])
            self.check_observed(guest)
            self.check_runs_on(guest)

    def test_written_pages_are_not_tracked_any_more_after_a_killed_pre_copy(self):
        for config in ("writer", "pvwriter", "hvm"):
            with self.subTest(config), running([HOST], config, PACED) as guest:
                with ModuleShell(HOST) as killed:
                    killed.begin(f"Invoke-PreRecordMigration -Name {guest.name} -Destination {open_way(self.shell).address} {METHODS['pre-copy']} -BandwidthLimit 1MB/s -Confirm:$false")
                    arriving(HOST, guest.config, guest.name)
                    self.wait_tracked(guest)
                    killed.kill()
                self.check_observed(guest)
                self.assertFalse(self.is_tracked(guest))
                self.shell.check("Get-MigrationReceiver | Stop-MigrationReceiver -Force -Confirm:$false")
                before = guest.report()
                _, moved = move(open_way(self.shell), guest, METHODS["pre-copy"])
                self.check_whole(moved, before)

    def wait_tracked(self, guest, timeout=600):
        deadline = time.monotonic() + timeout
        while not self.is_tracked(guest):
            self.assertLess(time.monotonic(), deadline, "the guest's written pages are not tracked")
            time.sleep(0.2)

    @staticmethod
    def is_tracked(guest):
        """Whether Xen has the guest in log-dirty mode, by what its debug key tells of each domain."""
        domid = guest.listed()[1]
        HOST.run(["xl", "dmesg", "-c"], 60).check()
        HOST.run(["xl", "debug-keys", "q"], 60).check()
        told = HOST.run(["xl", "dmesg"], 60).check().stdout
        of_domain = told.split(f"General information for domain {domid}:")[1].split("General information")[0]
        return "log_dirty" in of_domain

    def test_what_was_being_prepared_is_taken_down_by_the_next_arrival(self):
        with running([HOST], "writer", PACED) as guest:
            with ModuleShell(HOST) as killed:
                self.shell.check("Get-MigrationReceiver | Stop-MigrationReceiver -Confirm:$false")
                way = open_way(killed)
                number = self.shell.begin(f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {RECORDED} -Confirm:$false -ErrorAction Stop")
                arriving(HOST, guest.config, guest.name)
                wait_marked(HOST)
                killed.kill()
            self.assertNotEqual(self.shell.finish(number, 600)["exitCode"], 0)
            guest.wait_progress(3, 600)
            before = guest.report()
            _, moved = move(open_way(self.shell), guest, METHODS["post-copy"])
            self.check_whole(moved, before)
            self.check_runs_on(moved)
