"""Tools that die and connections that are cut at moments that a seed chooses: a few rounds of what tests/lab/kill-at-random makes many of."""
import unittest

from lablib.lab import Lab
from lablib.move_case import require_module
from lablib.moves import PACED
from lablib.random_rounds import FAULTS, Kind, Rounds

LAB = Lab.attach()


def setUpModule():
    require_module(LAB)
    if not LAB.has_host(2):
        raise unittest.SkipTest("the lab has one host")


class RandomMoments(unittest.TestCase):
    def test_each_failure_of_post_copy_once(self):
        with Rounds(LAB, seed=1, overrides=(PACED,), methods=["post-copy"]) as rounds:
            rounds.begin(Kind("writer"))
            for _ in FAULTS:
                print(f"\n{rounds.next()}", end="", flush=True)
            rounds.end_kind()
