"""The Xen source on real Xen: recording with rollback and proof, observing, mending after a kill, refusals.

Run by tests/lab/source/run. Guests check every byte they own and report it; each test ends with that report clean.
"""
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lab_guest import Guest  # noqa: E402
from prerecord_lab import Lab  # noqa: E402

HOST = Lab.attach().host(1)
PACED = 'extra="console=hvc0 quiet lab.workload=writer lab.mib=4 lab.rate=100"'
FOLDER = "/tmp/source"


def setUpModule():
    HOST.run("tar -C /tmp -xf /share/source.tar", 300).check()


def drive(*commands, timeout=900):
    """Runs commands in one process of the driver; returns what each printed, as (text, fields) by command."""
    result = HOST.run(f"cd {FOLDER} && ./lab-source -", timeout, stdin="".join(f"{c}\n" for c in commands).encode())
    parts = re.split(r"^done=.*\n", result.stdout, flags=re.MULTILINE)
    if len(parts) <= len(commands):
        raise AssertionError(f"the driver ended early:\n{result.stdout}{result.stderr}")
    return [(part, dict(re.findall(r"\b(\w+)=(\S+)", part))) for part in parts[:len(commands)]]


class Source(unittest.TestCase):
    def guest(self, config, *overrides):
        guest = Guest(HOST, config).create(*overrides)
        self.addCleanup(lambda: guest.exists() and guest.destroy())
        guest.wait_ready()
        return guest

    def assert_clean(self, guest):
        before, after = guest.wait_progress(5)
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        self.assertGreater(after.checks, before.checks)
        self.assertEqual(HOST.run("xenstore-list /prerecord/source").stdout.strip(), "", "a marker was left")

    def record(self, config):
        guest = self.guest(config, PACED)
        (rollback, proof), (observed, fields) = drive(f"rollback {config} 1000 250", f"observe {config} 1000 250")
        self.assertEqual(proof.get("proved"), "True", rollback)
        self.assertEqual(proof["checkpoint"], proof["after"])
        self.assertGreater(int(proof["recorded"]), 0, rollback)
        self.assertGreater(int(proof["changed"]), 0, "nothing changed, so nothing was proved")
        self.assertGreaterEqual(int(proof["backed"]), int(proof["changed"]))
        self.assertGreater(int(fields["recorded"]), 0, observed)
        self.assert_clean(guest)

    def test_one_vcpu_is_recorded_rolled_back_and_observed(self):
        self.record("writer")

    def test_two_vcpus_are_recorded_rolled_back_and_observed(self):
        self.record("writer2")

    def test_a_killed_recording_is_mended_by_the_next(self):
        guest = self.guest("writer2", PACED)
        killed = HOST.run(f"cd {FOLDER} && ./lab-source die writer2 20000 1000", 600)
        self.assertEqual(killed.code, 128 + 9, killed.stdout + killed.stderr)
        self.assertIn("Running", HOST.run("xenstore-ls /prerecord/source").check().stdout)
        [(text, _)] = drive("open writer2")
        self.assertIn("opened=writer2", text)
        self.assert_clean(guest)

    def test_a_guest_that_does_not_suspend_runs_on(self):
        guest = self.guest("nosuspend")
        [(text, fields)] = drive("rollback nosuspend 500 100")
        self.assertEqual(fields.get("error"), "SuspendTimeout", text)
        guest.wait_progress(3)

    def test_what_cannot_be_recorded_is_refused_by_name(self):
        [(text, fields)] = drive("open nobody")
        self.assertEqual(fields.get("error"), "DomainNotFound", text)
        self.guest("idle", "hap=0")
        [(text, fields)] = drive("open idle")
        self.assertEqual(fields.get("error"), "NotSupported", text)
        self.assertIn("hap=0", text)


def main():
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    failed = len(result.failures) + len(result.errors)
    print(f"xen source: {result.testsRun - failed} passed, {failed} failed")
    return 1 if failed or result.testsRun == 0 else 0


sys.exit(main())
