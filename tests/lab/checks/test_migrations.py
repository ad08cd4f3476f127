"""The product on real Xen: guests under load are moved by every method, on one host and between two, and stay whole."""
import contextlib
import unittest
from pathlib import Path

from lab_guest import Guest
from module_shell import ModuleShell
from moves import move, open_way
from prerecord_lab import Lab

LAB = Lab.attach()
METHODS = {
    "post-copy": "-Method PostCopy",
    "observe": "-Method PreRecord -Mode Observe -Window 2s -Epoch 500ms",
    "rollback": "-Method PreRecord -Mode Rollback -Window 2s -Epoch 500ms",
}


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


def setUpModule():
    global LAB_HOSTS, SHELLS
    LAB_HOSTS = 2 if LAB.host(2).run("true").code == 0 else 1
    if LAB.host(1).run("[ -e /share/prerecord.tar ]").code != 0:
        raise unittest.SkipTest("the module is not published into the lab's share: tests/lab/publish")
    SHELLS = [ModuleShell(LAB.host(number)) for number in range(1, LAB_HOSTS + 1)]


def tearDownModule():
    for shell in globals().get("SHELLS", []):
        shell.kill()


class Moves(unittest.TestCase):
    def check_whole(self, guest, before):
        """The moved guest goes on checking itself, and has found nothing wrong."""
        after = guest.wait_report(lambda r: r.beat > before.beat + 10 and r.checks > before.checks, "ten more beats")
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload in ("redis", "mixed"):
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))

    def check_moves(self, way, host, configs):
        for config in configs:
            for name, options in METHODS.items():
                with self.subTest(f"{config} by {name}"), running(host, config) as guest:
                    before = guest.report()
                    numbers, moved = move(way, guest, options)
                    print(f"\n{config} by {name}: {numbers}")
                    self.check_whole(moved, before)
                    self.assertGreater(numbers["tables"], 0)
                    if name == "rollback":
                        self.assertIs(numbers["proved"], True)
                        self.assertGreater(numbers["backed"], 0)
                    if way.target_host is not host:
                        self.assertFalse(guest.exists())

    def test_one_host(self):
        self.check_moves(open_way(SHELLS[0]), LAB.host(1), ("writer", "mixed2"))

    def test_two_hosts(self):
        if LAB_HOSTS < 2:
            self.skipTest("the lab has one host")
        self.check_moves(open_way(SHELLS[0], SHELLS[1]), LAB.host(1), ("writer2", "mixed"))


class Refusals(unittest.TestCase):
    """Bad input on real Xen: a clear error, and the domain runs on."""

    def check_refused(self, command, error_id, *words):
        answer = SHELLS[0].run(command)
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
            SHELLS[0].check(f"$null = Start-PreRecord -Name {guest.name} -Mode Observe -Window 500ms -Epoch 100ms -Confirm:$false -ErrorAction Stop")
            before, after = guest.wait_progress(5)
            self.assertGreater(after.checks, before.checks)
            self.assertEqual(after.errors, 0, guest.read("data/lab-error"))


if __name__ == "__main__":
    unittest.main(argv=[Path(__file__).name])
