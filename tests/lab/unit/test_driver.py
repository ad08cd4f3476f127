"""The commands that hold a lab and reach into it, with machines that are none."""
import subprocess
import unittest

from fake_lab import FakeMachines
from lablib.driver_case import DriverCase
from lablib.paths import LAB


class FakeCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machines = FakeMachines()
        cls.addClassCleanup(cls.machines.close)
        cls.options = ("--images", cls.machines.folder)


class Driver(FakeCase, DriverCase):
    boot_time = 0.5

    @property
    def environment(self):
        return self.machines.silent

    def setUp(self):
        DriverCase.setUp(self)


class Commands(FakeCase):
    def run_lab(self, *words, **more):
        return subprocess.run([LAB / "run", "--output", self.machines.folder / "out", *self.options, *words], env=self.machines.environment(),
                              capture_output=True, timeout=120, check=False, **more)

    def test_a_command_beside_the_lab_reaches_its_hosts_and_its_exit_code_is_the_runs(self):
        done = self.run_lab("--hosts", "2", "--", "sh", "-c", f"{LAB}/exec 1 -- cat; {LAB}/exec 2 -- sh -c 'echo two >&2; exit 7'", input=b"in\0put\n")
        self.assertEqual((done.returncode, done.stdout), (7, b"in\0put\n"))
        self.assertIn(b"two\n", done.stderr)

    def test_a_host_that_is_not_there_does_not_answer(self):
        done = self.run_lab("--", LAB / "exec", "2", "--", "true")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"no host 2", done.stderr)

    def test_a_command_over_its_time_is_124(self):
        self.assertEqual(self.run_lab("--", LAB / "exec", "--timeout", "0.5", "1", "--", "sleep 1000").returncode, 124)

    def test_a_lab_in_the_background_is_held_until_it_is_stopped(self):
        self.addCleanup(self.stop)
        held = self.run_lab("--keep", "--background", "--name", "held")
        self.assertEqual(held.returncode, 0, held.stderr)
        second = self.run_lab("--keep", "--name", "held")
        self.assertEqual(second.returncode, 1)
        self.assertIn(b"is up already", second.stderr)
        self.assertEqual(self.stop().returncode, 0)
        self.assertEqual(self.stop().returncode, 1)

    def stop(self):
        return subprocess.run([LAB / "stop", "held"], env=self.machines.silent, capture_output=True, timeout=120, check=False)
