"""Guests with a disk that two hosts share and a peer outside of them, moved to and fro by all methods.

The guests `database` keep sqlite in an ext4 file system on a volume of LVM, and tell dom0 of host 1 of each transaction once it is on the disk, over
one connection. In the end the file system is clean and the database whole; nothing that the peer has heard of is missing in it and nothing of a window that
was thrown away is there; and the peer has heard of each transaction once, in order, over that one connection.

LAB_SHARED_METHODS: by which methods each guest is moved, one after the other (default: by each once).
"""
import os

from lablib.database import LIMITS, longest_gap, made, make_disk, set_up, told
from lablib.guest import running
from lablib.lab import Lab
from lablib.module_shell import Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import METHODS, move
from lablib.ways import open_way

LAB = Lab.attach()
HOSTS = LAB.host(1), LAB.host(2)
SHELLS = Shells(LAB)
SERIES = os.environ.get("LAB_SHARED_METHODS", " ".join(METHODS)).split()


def setUpModule():
    require_module(LAB)
    if LAB.has_host(2):
        set_up(*HOSTS)


def tearDownModule():
    SHELLS.end()


class Shared(MoveCase):
    lab, shells = LAB, SHELLS

    def setUp(self):
        self.require_hosts(2)
        make_disk(HOSTS[0])

    def check_series(self, config):
        with running(HOSTS, config) as guest:
            for number, method in enumerate(SERIES):
                here, there = (1, 2) if number % 2 == 0 else (2, 1)
                before = guest.report()
                heard = len(told(HOSTS[0]))
                measured, guest = move(open_way(SHELLS[here], SHELLS[there]), guest, f"{METHODS[method]} {LIMITS[method]}")
                self.check_whole(guest, before)
                gap = longest_gap(told(HOSTS[0])[max(heard - 1, 0):])
                print(f"\n{config}, move {number + 1}, {method}: the peer heard nothing for {gap:.2f} s; {measured}", end="", flush=True)
                if method == "rollback":
                    self.assertIs(measured["proved"], True)
                self.check_nothing_left(*HOSTS)
            last = guest.wait_progress(60)[1]
            self.assertEqual(last.errors, 0, guest.read("data/lab-error"))
        heard = [number for _, number in told(HOSTS[0])]
        self.assertEqual(heard, list(range(1, len(heard) + 1)), "the peer heard of a transaction twice, late or not at all")
        there = made(HOSTS[0])
        self.assertEqual(there, list(range(1, len(there) + 1)), "a transaction is missing on the disk, or of a window that was thrown away")
        # One more may be on the disk, which the peer was not told of yet.
        self.assertIn(len(there) - len(heard), (0, 1))

    def test_a_paravirtualised_guest(self):
        self.check_series("database")

    def test_a_paravirtualised_guest_with_two_processors(self):
        self.check_series("database2")

    def test_a_guest_with_nested_paging(self):
        self.check_series("databasepvh")

    def test_a_guest_with_nested_paging_and_two_processors(self):
        self.check_series("databasepvh2")

    def test_a_guest_on_shadow_page_tables(self):
        self.check_series("databaseshadow")

    def test_a_guest_on_shadow_page_tables_with_two_processors(self):
        self.check_series("databaseshadow2")
