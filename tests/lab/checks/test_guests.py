"""The lab's guests: each starts, checks itself, and survives what Xen's own tools do to it."""
import unittest

from lablib.guest import Guest, running
from lablib.lab import Lab

LAB = Lab.attach()
HOST = LAB.host(1)


class Workloads(unittest.TestCase):
    def test_each_runs_and_finds_no_error(self):
        for config in ("idle2", "sequential2", "many2"):
            with self.subTest(config), running([HOST], config) as guest:
                before, after = guest.wait_progress()
                self.assertEqual(after.errors, 0)
                if config != "idle2":
                    self.assertGreater(after.checks, before.checks)
                    self.assertGreater(after.writes, before.writes)
                if config == "many2":
                    self.assertGreater(guest.wait_report(lambda r: r.spawned > 24, "a second generation").spawned, 24)

    def test_real_programs_come_to_the_same_results(self):
        for config in ("redisbench", "sqlite", "archive", "eight"):
            with self.subTest(config), running([HOST], config) as guest:
                before = guest.report()
                after = guest.wait_report(lambda r: r.checks > before.checks + 1, "two more rounds", 600)
                self.assertEqual(after.errors, 0, guest.read("data/lab-error"))

    def test_redis_answers_with_all_its_keys(self):
        for config in ("redis", "mixed2"):
            with self.subTest(config), running([HOST], config) as guest:
                keys, right, wrong, missing = guest.verify_redis()
                self.assertEqual((keys, right, wrong, missing), (2000, 2000, 0, 0))
                self.assertEqual(guest.report().errors, 0)

    def test_a_guest_can_ignore_suspend(self):
        with running([HOST], "nosuspend") as guest:
            guest.write("control/shutdown", "suspend")
            guest.wait_progress(10)
            self.assertEqual(guest.read("control/shutdown"), "suspend")


class Moves(unittest.TestCase):
    def test_save_and_restore(self):
        for config in ("writer", "writer2"):
            with self.subTest(config), running([HOST], config) as guest:
                before = guest.report()
                guest.save("/tmp/guest.save")
                self.assertFalse(guest.exists())
                guest.restore("/tmp/guest.save")
                HOST.run("rm /tmp/guest.save").check()
                after = guest.wait_report(lambda r: r.beat > before.beat + 3 and r.checks > before.checks, "checks after restore")
                self.assertEqual(after.errors, 0)

    def test_migrate_on_one_host(self):
        with running([HOST], "sequential", 'extra="console=hvc0 quiet mitigations=off lab.workload=sequential lab.mib=16 lab.rate=2000"') as guest:
            self.check_move(guest, guest.migrate(), guest)

    def test_migrate_to_the_other_host(self):
        other = LAB.host(2)
        if not LAB.has_host(2):
            self.skipTest("the lab has one host")
        with running([HOST, other], "writer2", 'extra="console=hvc0 quiet mitigations=off lab.workload=writer lab.mib=16 lab.rate=2000"') as guest:
            moved = guest.migrate(other)
            self.assertFalse(guest.exists())
            arrived = Guest(other, "writer2")
            self.check_move(guest, moved, arrived)
            arrived.destroy()

    def check_move(self, guest, moved, arrived):
        print(f"\nxl migrate {guest.name}: {moved.seconds:.1f} s, {moved.bytes / 1e6:.1f} MB, downtime {moved.downtime:.2f} s")
        self.assertGreater(moved.bytes, 100_000_000)
        _, after = arrived.wait_progress(5)
        self.assertEqual(after.errors, 0)
