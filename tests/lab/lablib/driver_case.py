"""What must hold of the driver, tests/lab/run, whatever its machines are: however it ends, none is left behind."""
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from lablib.paths import LAB


def machines_of(output):
    """Process ids of the QEMUs whose logs are in this folder."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if words[0].startswith(b"qemu-system") and any(output.encode() in word for word in words):
                found.append(int(folder.name))
    return found


class DriverCase:
    """The cases of a driver; a subclass is a TestCase, too.

    options      more for tests/lab/run
    environment  of the driver
    boot_time    seconds in which no machine comes up, so that a time limit so short ends its boot
    """

    options, environment, boot_time = (), None, 3

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def start(self, *options):
        output = self.folder.name
        process = subprocess.Popen([LAB / "run", "--name", f"driver-{os.getpid()}", "--output", output, *self.options, *options],
                                   env=self.environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(process.stderr.close)
        return process

    def wait_for_line(self, process, text):
        lines = []
        for line in process.stderr:
            lines.append(line)
            if text in line:
                return
        self.fail("the driver ended early:\n" + "".join(lines))

    def wait_for_machine(self, process):
        """The machine starts right after the line that says so."""
        self.wait_for_line(process, "booting")
        waited = threading.Event()
        for _ in range(600):
            machines = machines_of(self.folder.name)
            if machines:
                return machines
            waited.wait(0.1)
        self.fail("no machine started")

    def assert_gone(self, machines):
        waited = threading.Event()
        for _ in range(600):
            if not [pid for pid in machines if Path(f"/proc/{pid}/cmdline").exists() and pid in machines_of(self.folder.name)]:
                return
            waited.wait(0.1)
        self.fail(f"left behind: {machines}")

    def test_the_time_limit_ends_a_boot(self):
        process = self.start("--keep", "--time-limit", str(self.boot_time))
        errors = process.stderr.read()
        self.assertEqual(process.wait(), 1)
        self.assertIn("time limit", errors)
        self.assert_gone(machines_of(self.folder.name))

    def test_signals_end_it_cleanly(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                process = self.start("--keep")
                machines = self.wait_for_machine(process)
                process.send_signal(number)
                process.stderr.read()
                self.assertEqual(process.wait(), 128 + number)
                self.assert_gone(machines)

    def test_a_killed_driver_takes_its_machine_along(self):
        process = self.start("--keep")
        machines = self.wait_for_machine(process)
        process.kill()
        process.wait()
        self.assert_gone(machines)
