"""What dies while the module works on it: domains and tools. The host lives, says so, and has its memory back.

This is tried for each way to record and to serve: by the hypervisor's extension with nested paging, with shadow page tables and for PV
guests, and by Xen's paging ring.
"""
import contextlib

from lablib.guest import Guest, arriving, destroy_all
from lablib.lab import Lab
from lablib.marks import is_marked, wait_marked
from lablib.memory import expect_memory, free_memory
from lablib.module_shell import ModuleShell, Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import PACED, SLOWLY
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS, RING = Shells(LAB), Shells(LAB, paging="ring")


def setUpModule():
    require_module(LAB)


def error_of(answer):
    """The first line of what went wrong."""
    return next(iter(answer["stderr"].splitlines()), "no error")


class LossCase(MoveCase):
    lab = LAB

    @classmethod
    def tearDownClass(cls):
        # The next class' shell listens where this one does.
        cls.shells.end()

    @contextlib.contextmanager
    def losing(self, config):
        """A guest that is gone afterwards, with every copy of it, every mark and all of its memory."""
        before = free_memory(HOST)
        guest = Guest(HOST, config).create(PACED, timeout=300)
        try:
            guest.wait_ready(600)
            yield guest
        finally:
            destroy_all(HOST, guest.name)
        expect_memory(HOST, before)
        self.assertEqual(len(HOST.run("xl list | sed 1d", 120).check().stdout.splitlines()), 1, "a domain is left")

    def moving(self, guest, shell, receiver):
        """Begins a slow move by post-copy, and waits until the domain runs at its destination. Returns the command's number and the domain there."""
        way = open_way(receiver)
        before = guest.report()
        number = shell.begin(f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {SLOWLY} -Confirm:$false -ErrorAction Stop")
        moved = arriving(HOST, guest.config, guest.name)
        moved.wait_report(lambda report: report.beat > before.beat, "a beat at the destination", 600)
        return number, moved

    def check_interrupted(self, shell, number, guest):
        """The command says what was lost. The source's remains, which alone have what the destination misses, stand still and are kept."""
        answer = shell.finish(number, 300)
        self.assertNotEqual(answer["exitCode"], 0)
        print(f"\n{guest.name}: {error_of(answer)}", end="", flush=True)
        state = guest.listed()[4]
        self.assertTrue({"p", "s"} & set(state), f"{guest.name} is {state}")

    def check_given_up(self, shell, guest):
        """The remains are given up only when the administrator says so."""
        self.assertEqual(shell.check(f'"$(@(Get-Migration {guest.name})[-1].State)"').strip(), "Interrupted")
        shell.check(f"Stop-Migration {guest.name} -Force -Confirm:$false -ErrorAction Stop")
        self.assertFalse(guest.exists())

    def check_destroyed_while_recorded(self, config):
        shell = self.shells[1]
        for mode in ("Observe", "Rollback"):
            with self.subTest(f"{config}, {mode}"), self.losing(config) as guest:
                number = shell.begin(f"Start-PreRecord -Name {guest.name} -Mode {mode} -Window 900s -Epoch 500ms -Confirm:$false -ErrorAction Stop")
                wait_marked(HOST)
                guest.wait_progress(1, 600)  # a guest that the ring records is slow
                guest.destroy()
                answer = shell.finish(number, 300)
                self.assertNotEqual(answer["exitCode"], 0)
                self.assertIn(guest.name, answer["stderr"])
                print(f"\n{config}, {mode}: {error_of(answer)}", end="", flush=True)
                self.assertFalse(is_marked(HOST), "a mark was left")

    def check_destroyed_while_pages_are_missing(self, config):
        shell = self.shells[1]
        with self.losing(config) as guest:
            number, moved = self.moving(guest, shell, shell)
            moved.destroy()
            self.check_interrupted(shell, number, guest)
            self.check_given_up(shell, guest)

    def check_receiver_killed_while_pages_are_missing(self, config):
        shell = self.shells[1]
        with self.losing(config) as guest:
            shell.check("Get-MigrationReceiver | Stop-MigrationReceiver -Confirm:$false")
            with ModuleShell(HOST, paging=shell.paging) as receiver:
                number, moved = self.moving(guest, shell, receiver)
                receiver.kill()
                self.check_interrupted(shell, number, guest)
                moved.destroy()
                self.check_given_up(shell, guest)
        # The next guest comes in as if nothing had happened.
        self.check_move(config, "post-copy", 1, PACED)

    def check(self, config):
        self.check_destroyed_while_recorded(config)
        self.check_destroyed_while_pages_are_missing(config)
        self.check_receiver_killed_while_pages_are_missing(config)


class ByExtension(LossCase):
    shells = SHELLS

    def test_nested_paging(self):
        self.check("writer2")

    def test_shadow_page_tables(self):
        self.check("shadow2")

    def test_paravirtualised(self):
        self.check("pvwriter2")


class ByRing(LossCase):
    shells = RING

    def test_nested_paging(self):
        self.check("writer2")
