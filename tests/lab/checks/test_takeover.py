"""A tool is killed after its guest has left, at the source, at the destination or at both: another one takes the migration over, and the guest
loses nothing. The receiver's service does so unasked.

For each way to record and to serve: by the hypervisor's extension with nested paging, with shadow page tables and for PV guests, and by Xen's
paging ring; for HVM guests with an emulator beside them.
"""
from lablib.guest import arriving, running
from lablib.lab import Lab
from lablib.marks import kept_files, notes, wait_marked, wait_noted, wait_nothing_noted
from lablib.memory import expect_memory, free_memory
from lablib.module_shell import ModuleShell, Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import METHODS, PACED
from lablib.service import Service
from lablib.ways import PORT, open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS, RING = Shells(LAB), Shells(LAB, paging="ring")
SLOW = "-BandwidthLimit 1MB/s"


def setUpModule():
    require_module(LAB)


class TakeOverCase(MoveCase):
    lab = LAB

    @classmethod
    def tearDownClass(cls):
        # The next class' shell listens where this one does.
        cls.shells.end()

    def check_taken_over(self, config, method):
        """One host is both ends: the receiver's shell lives, the source's is killed, and a third takes over."""
        free = free_memory(HOST)
        receiver = self.shells[1]
        with self.subTest(f"{config}, {method}"), running([HOST], config, PACED) as guest:
            before = guest.report()
            way = open_way(receiver)
            domid = HOST.run(["xl", "domid", guest.name]).check().stdout.strip()
            with ModuleShell(HOST, paging=receiver.paging) as killed:
                killed.begin(f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {METHODS[method]} {SLOW} -Confirm:$false -ErrorAction Stop")
                moved = arriving(HOST, guest.config, guest.name)
                moved.wait_report(lambda report: report.beat > before.beat, "a beat at the destination", 600)
                if method == "rollback":
                    # What changed in the window is in files that outlive the tool.
                    wait_noted(HOST, domid, " Rollback ")
                    self.assertIn("originals-", HOST.run("ls /run/prerecord").stdout)
                killed.end_alone()
            with ModuleShell(HOST, paging=receiver.paging) as successor:
                refused = successor.run(f"Start-PreRecord -Name {guest.name} -Mode Observe -Window 1s -Confirm:$false -ErrorAction Stop")
                self.assertIn("Resume-Migration", refused["stderr"])
                result = successor.values(
                    f"$r = Resume-Migration {guest.name} -TakeOver -Destination {way.address} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop\n"
                    "@{ pushed = $r.PagesPushed; demanded = $r.PagesDemanded; method = \"$($r.Method)\" } | ConvertTo-Json -Compress", 900)
            print(f"\n{config}, {method}: {result}", end="", flush=True)
            self.assertGreater(result["pushed"] + result["demanded"], 0)
            self.check_whole(guest, before)
            self.check_nothing_kept()
        expect_memory(HOST, free)

    def move_until_it_runs(self, source, guest, address, method, before):
        """Begins a move, and returns when the guest runs at the destination, with pages missing."""
        source.check(f"$null = Start-Migration -Name {guest.name} -Destination {address} {METHODS[method]} {SLOW} -Confirm:$false -ErrorAction Stop", 600)
        moved = arriving(HOST, guest.config, guest.name)
        moved.wait_report(lambda report: report.beat > before.beat, "a beat at the destination", 600)

    def check_nothing_kept(self):
        self.assertEqual(notes(HOST), "", "a note was left")
        self.assertEqual(kept_files(HOST), set(), "a file was left")

    def check_received_by_another(self, config, method, both=False):
        """One host is both ends: the receiver's shell is killed, or both are, and others go on. Killed ones must not listen for the next."""
        free = free_memory(HOST)
        self.shells.end()
        with self.subTest(f"{config}, {method}, {'both' if both else 'the destination'} killed"), running([HOST], config, PACED) as guest:
            before = guest.report()
            with ModuleShell(HOST, paging=self.paging) as source:
                with ModuleShell(HOST, paging=self.paging) as killed:
                    way = open_way(killed)
                    self.move_until_it_runs(source, guest, way.address, method, before)
                    if both:
                        source.end_alone()
                    killed.end_alone()
                with ModuleShell(HOST, paging=self.paging) as next_receiver, ModuleShell(HOST, paging=self.paging) as next_source:
                    way = open_way(next_receiver)
                    if both:
                        shell, how = next_source, f"-TakeOver -Destination {way.address}"
                    else:
                        shell, how = source, ""
                        source.run(f"Wait-Migration {guest.name}", 600)
                    result = shell.values(
                        f"$r = Resume-Migration {guest.name} {how} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop\n"
                        "@{ pushed = $r.PagesPushed; demanded = $r.PagesDemanded; method = \"$($r.Method)\" } | ConvertTo-Json -Compress", 900)
                    print(f"\n{config}, {method}: {result}", end="", flush=True)
                    self.check_whole(guest, before)
                    self.check_nothing_kept()
        expect_memory(HOST, free)


class ByExtension(TakeOverCase):
    shells, paging = SHELLS, ""

    def test_post_copy(self):
        self.check_taken_over("writer2", "post-copy")
        self.check_taken_over("shadow", "post-copy")
        self.check_taken_over("pvwriter2", "post-copy")

    def test_post_copy_with_an_emulator(self):
        self.check_taken_over("hvm", "post-copy")

    def test_pre_record_in_observe(self):
        self.check_taken_over("writer2", "observe")
        self.check_taken_over("pvwriter", "observe")

    def test_pre_record_in_rollback(self):
        self.check_taken_over("writer2", "rollback")
        self.check_taken_over("shadow", "rollback")
        self.check_taken_over("pvwriter", "rollback")

    def test_the_destination_killed(self):
        self.check_received_by_another("writer2", "post-copy")
        self.check_received_by_another("shadow", "observe")
        self.check_received_by_another("pvwriter2", "post-copy")

    def test_both_killed(self):
        self.check_received_by_another("writer2", "post-copy", both=True)
        self.check_received_by_another("pvwriter", "post-copy", both=True)


class ByRing(TakeOverCase):
    shells, paging = RING, "ring"

    def test_post_copy(self):
        self.check_taken_over("writer", "post-copy")

    def test_the_destination_killed(self):
        self.check_received_by_another("writer", "post-copy")

    def test_both_killed(self):
        self.check_received_by_another("writer", "post-copy", both=True)

    def test_pre_record_in_observe(self):
        self.check_taken_over("writer", "observe")

    def test_pre_record_in_rollback(self):
        self.check_taken_over("writer", "rollback")


class ByService(TakeOverCase):
    """Nobody asks for anything: the service of the host finds what was left behind."""

    shells = SHELLS

    def check_unasked(self, config, method, both=False):
        """The source's tool is killed after the guest has left to the service; or the service, too, which is started again."""
        free = free_memory(HOST)
        with (self.subTest(f"{config}, {method}, {'both' if both else 'the source'} killed"), Service(HOST) as service,
              running([HOST], config, PACED) as guest):
            before = guest.report()
            with ModuleShell(HOST) as source:
                self.move_until_it_runs(source, guest, f"localhost:{PORT}", method, before)
                if both:
                    service.kill()
                source.end_alone()
            wait_nothing_noted(HOST, 900)
            self.assertIn("goes on here", service.said)
            self.check_whole(guest, before)
            self.check_nothing_kept()
        expect_memory(HOST, free)

    def test_a_source_that_was_killed(self):
        self.check_unasked("writer2", "post-copy")
        self.check_unasked("pvwriter", "rollback")

    def test_both_that_were_killed(self):
        self.check_unasked("writer2", "post-copy", both=True)

    def test_a_guest_that_was_held_runs_on(self):
        with Service(HOST) as service, running([HOST], "writer", PACED) as guest:
            with ModuleShell(HOST) as killed:
                killed.check(f"$null = Start-PreRecord -Name {guest.name} -Mode Rollback -Window 1s -HoldTime 1h -Confirm:$false -ErrorAction Stop", 600)
                wait_marked(HOST)
                held = guest.report()
                killed.end_alone()
            guest.wait_report(lambda report: report.beat > held.beat + 3, "beats of the guest that was held", 600)
            wait_nothing_noted(HOST)
            self.assertIn("is mended, and it runs", service.said)
            self.assertEqual(guest.report().errors, 0, guest.read("data/lab-error"))
