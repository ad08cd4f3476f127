"""The product on real Xen: guests under load are moved by every method, on one host and between two, and stay whole."""
import contextlib
import unittest

from lab_guest import Guest
from module_shell import ModuleShell
from moves import METHODS, move, open_way
from prerecord_lab import Lab

LAB = Lab.attach()
SHELLS = {}
# A writer that leaves the emulated processor time for the move.
PACED = 'extra="console=hvc0 quiet mitigations=off lab.workload=writer lab.mib=32 lab.rate=1000"'


@contextlib.contextmanager
def running(host, config, *overrides):
    """A guest that runs before, and is gone on every host after."""
    guest = Guest(host, config).create(*overrides)
    try:
        guest.wait_ready()
        yield guest
    finally:
        for number in range(1, LAB_HOSTS + 1):
            for name in (guest.name, guest.name + "--incoming"):
                LAB.host(number).run(f"xl destroy {name} 2>/dev/null", 120)


def shell(number):
    """The long-lived shell of a host; it starts when it is first needed."""
    if number not in SHELLS:
        SHELLS[number] = ModuleShell(LAB.host(number))
    return SHELLS[number]


def setUpModule():
    global LAB_HOSTS
    LAB_HOSTS = 2 if LAB.host(2).run("true").code == 0 else 1
    if LAB.host(1).run("[ -e /share/prerecord.tar ]").code != 0:
        raise unittest.SkipTest("the module is not published into the lab's share: tests/lab/publish")


def tearDownModule():
    for running_shell in SHELLS.values():
        running_shell.kill()


class Moves(unittest.TestCase):
    def check_whole(self, guest, before):
        """The moved guest goes on checking itself, and has found nothing wrong."""
        after = guest.wait_report(lambda r: r.beat > before.beat + 10 and r.checks > before.checks, "ten more beats")
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload in ("redis", "mixed"):
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))

    def check_move(self, config, method, hosts, *overrides):
        """Moves one guest by one method, and has it check itself where it has come to."""
        if hosts > LAB_HOSTS:
            self.skipTest("the lab has one host")
        way = open_way(shell(1), *(shell(number) for number in range(2, hosts + 1)))
        with running(LAB.host(1), config, *overrides) as guest:
            before = guest.report()
            numbers, moved = move(way, guest, METHODS[method])
            print(f"\n{config} by {method}, {hosts} host(s): {numbers}")
            self.check_whole(moved, before)
            self.assertGreater(numbers["tables"], 0)
            if method == "rollback":
                self.assertIs(numbers["proved"], True)
                self.assertGreater(numbers["backed"], 0)
            if hosts == 2:
                self.assertFalse(guest.exists())

    def test_paced_writer_by_post_copy_on_one_host(self):
        self.check_move("writer", "post-copy", 1, PACED)

    def test_paced_writer_by_observe_on_one_host(self):
        self.check_move("writer", "observe", 1, PACED)

    def test_paced_writer_by_rollback_on_one_host(self):
        self.check_move("writer", "rollback", 1, PACED)

    def test_writer_of_two_vcpus_by_each_method_on_one_host(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("writer2", method, 1)

    def test_redis_and_writer_by_each_method_on_one_host(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("mixed2", method, 1)

    def test_redis_and_writer_by_each_method_between_two_hosts(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("mixed", method, 2)


class Refusals(unittest.TestCase):
    """Bad input on real Xen: a clear error, and the domain runs on."""

    def check_refused(self, command, error_id, *words):
        answer = shell(1).run(command)
        self.assertNotEqual(answer["exitCode"], 0)
        self.assertIn(error_id, answer["stderr"])
        for word in words:
            self.assertIn(word, answer["stderr"])

    def test_a_guest_that_does_not_suspend_runs_on(self):
        with running(LAB.host(1), "nosuspend") as guest:
            self.check_refused(f"Start-PreRecord -Name {guest.name} -Mode Rollback -Confirm:$false -ErrorAction Stop", "SuspendTimeout")
            guest.wait_progress(3)

    def test_unknown_domain(self):
        self.check_refused("Start-PreRecord -Name nobody -Confirm:$false -ErrorAction Stop", "DomainNotFound", "nobody")

    def test_nobody_listens(self):
        with running(LAB.host(1), "idle") as guest:
            self.check_refused(
                f"Invoke-PreRecordMigration -Name {guest.name} -Destination localhost:9 -Confirm:$false -ErrorAction Stop",
                "DestinationUnreachable", ":9")
            guest.wait_progress(3)

    def test_a_tool_that_is_killed_while_recording_leaves_a_domain_that_the_next_run_mends(self):
        with running(LAB.host(1), "writer") as guest:
            killed = ModuleShell(LAB.host(1))
            killed.begin(f"Start-PreRecord -Name {guest.name} -Mode Observe -Window 60s -Epoch 500ms -Confirm:$false")
            guest.wait_progress(3)
            killed.kill()
            shell(1).check(f"$null = Start-PreRecord -Name {guest.name} -Mode Observe -Window 500ms -Epoch 100ms -Confirm:$false -ErrorAction Stop")
            before, after = guest.wait_progress(5)
            self.assertGreater(after.checks, before.checks)
            self.assertEqual(after.errors, 0, guest.read("data/lab-error"))

