"""Calls that fail or wait as they are told, in front of a library that stands in for Xen's."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from lablib.paths import IMAGES
from libraries import build

LIBRARY = '#include <stdio.h>\nint xc_domain_pause(void *xc, unsigned domid) { puts("done"); fflush(stdout); return xc ? 1 : domid == 7 ? 0 : 2; }\n'
# Prints what the caller is told, and errno where the call failed; the library prints that it was called.
CALL = """
import ctypes, sys
ctypes.CDLL(sys.argv[1])
pause = ctypes.CDLL(None, use_errno=True).xc_domain_pause
failed = pause(None, 7)
print(failed, ctypes.get_errno() if failed else 0)
"""


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        build(cls.folder, "faults.so", IMAGES / "share" / "faults.c")
        (cls.folder / "library.c").write_text(LIBRARY, encoding="utf-8")
        build(cls.folder, "libxenctrl.so.4.17", cls.folder / "library.c")

    def setUp(self):
        self.fault = self.folder / "pause"

    def start(self):
        return subprocess.Popen([sys.executable, "-c", CALL, self.folder / "libxenctrl.so.4.17"], stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "LD_PRELOAD": str(self.folder / "faults.so"), "LAB_FAULTS": str(self.folder)})

    def check(self, fault, said, left):
        self.fault.write_text(fault, encoding="utf-8")
        self.assertEqual(self.start().communicate(timeout=60)[0].split(), said)
        self.assertEqual(self.fault.read_text(encoding="utf-8").split()[-1], left)

    def test_a_call_without_a_fault_goes_through(self):
        self.check("before 0", ["done", "0", "0"], "0")

    def test_a_call_that_fails_before_does_nothing(self):
        self.check("before 2", ["-1", "5"], "1")

    def test_a_call_that_fails_after_has_done_its_work(self):
        self.check("after 1", ["done", "-1", "5"], "0")

    def test_a_call_that_is_held_waits_until_it_is_let_go(self):
        self.fault.write_text("hold 1", encoding="utf-8")
        with self.start() as held:
            while not self.fault.read_text(encoding="utf-8").startswith("hold 0"):
                self.assertIsNone(held.poll())
            self.fault.unlink()
            self.assertEqual(held.communicate(timeout=60)[0].split(), ["done", "0", "0"])
