"""What a process spends on what it keeps for others, in front of a library that stands in for xenstore's."""
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from lablib.paths import IMAGES
from libraries import build

LIBRARY = """
void *xs_read(void *h, unsigned t, const char *path, unsigned *length) { (void)h, (void)t, (void)length; return (void *)path; }
_Bool xs_write(void *h, unsigned t, const char *path, const void *data, unsigned length) { (void)h, (void)t, (void)path, (void)data; return length == 3; }
unsigned xs_transaction_start(void *h) { (void)h; return 7; }
_Bool xs_transaction_end(void *h, unsigned t, _Bool abort) { (void)h; return t == 7 && !abort; }
"""
OPENING = """
import ctypes, os, sys
ctypes.CDLL(sys.argv[1])
store = ctypes.CDLL(None)
"""


class Clock(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "library.c").write_text(LIBRARY, encoding="utf-8")
        build(cls.folder, "clock.so", IMAGES / "share" / "clock.c", f'-DFOLDER="{cls.folder}/kept"')
        build(cls.folder, "libxenstore.so.4", cls.folder / "library.c")

    def count(self, script):
        """Calls and bytes that a script in Python comes to."""
        sums = self.folder / "sums"
        sums.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-c", OPENING + script, self.folder / "libxenstore.so.4", str(self.folder)], check=True, timeout=60,
                       env={**os.environ, "LD_PRELOAD": str(self.folder / "clock.so"), "LAB_CLOCK": str(sums)})
        nanoseconds, calls, given = struct.unpack("=3Q", sums.read_bytes())
        self.assertEqual(nanoseconds > 0, calls > 0)
        return calls, given

    def test_nothing(self):
        self.assertEqual(self.count("store.xs_read(None, 0, b'/local/domain/1/name', None)"), (0, 0))

    def test_calls_below_the_modules_own_folder_of_xenstore(self):
        self.assertEqual(self.count("assert store.xs_read(None, 0, b'/prerecord/source', None); assert store.xs_write(None, 0, b'/prerecord/x', b'abc', 3)"), (2, 0))

    def test_a_transaction_counts_where_something_of_the_modules_was_touched_in_it(self):
        for path, calls in (("/prerecord/x", 2), ("/local/x", 0)):
            with self.subTest(path):
                self.assertEqual(self.count(f"t = store.xs_transaction_start(None); store.xs_write(None, t, b'{path}', b'abc', 3); "
                                            "assert store.xs_transaction_end(None, t, False)"), (calls, 0))

    def test_files_below_the_folder(self):
        for name, counted in (("kept-journal", (4, 1010)), ("other", (0, 0))):
            with self.subTest(name):
                self.assertEqual(self.count(f"name = sys.argv[2] + '/{name}'; f = os.open(name, os.O_CREAT | os.O_RDWR); os.write(f, b'0123456789'); "
                                            "os.posix_fallocate(f, 10, 1000); os.close(f); os.unlink(name)"), counted)
