"""Which releases of Debian the hosts of a lab are made of."""
import argparse
import unittest

from lablib.errors import LabError
from lablib.lab import Lab, releases_of


class Releases(unittest.TestCase):
    def test_one_stands_for_all_hosts(self):
        self.assertEqual(Lab(hosts=2, releases=releases_of("trixie")).releases, ("trixie", "trixie"))

    def test_two_hosts_may_be_of_two(self):
        self.assertEqual(Lab(hosts=2, releases=releases_of("bookworm,trixie")).releases, ("bookworm", "trixie"))

    def test_without_a_word_it_is_the_oldest(self):
        self.assertEqual(Lab().releases, ("bookworm",))

    def test_one_host_is_of_one(self):
        with self.assertRaisesRegex(LabError, r"1 host\(s\) cannot be of 2 releases"):
            Lab(releases=releases_of("bookworm,trixie"))

    def test_hosts_boot_from_one_folder_or_from_one_each(self):
        self.assertEqual([path.name for path in Lab(hosts=2, images=["a"]).images], ["a", "a"])
        self.assertEqual([path.name for path in Lab(hosts=2, images=["a", "b"]).images], ["a", "b"])
        with self.assertRaisesRegex(LabError, r"1 host\(s\) cannot boot from 2 folders"):
            Lab(images=["a", "b"])

    def test_an_unknown_one_is_named(self):
        with self.assertRaisesRegex(argparse.ArgumentTypeError, "there is no release 'sid', but bookworm, trixie"):
            releases_of("bookworm,sid")
