"""What the checks of moves share: guests are moved by the module, and must be whole where they have come to."""
import unittest

from lab_guest import running
from moves import METHODS, move, open_way


def require_module(lab):
    """Skips a module of checks where its host lacks what `tests/lab/publish` makes."""
    if lab.host(1).run("[ -e /share/prerecord.tar ]").code != 0:
        raise unittest.SkipTest("the module is not published into the lab's share: tests/lab/publish")


class MoveCase(unittest.TestCase):
    """Subclasses say on which lab, and by whose shells."""

    lab = None
    shells = None

    def check_whole(self, guest, before):
        """The guest goes on checking itself, and has found nothing wrong since a report."""
        after = guest.wait_report(
            lambda r: r.beat > before.beat + 10 and (r.checks > before.checks or r.workload in ("idle", "many")), "ten more beats")
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload in ("redis", "mixed"):
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))

    def check_move(self, config, method, hosts, *overrides):
        """Moves one guest by one method, and has it check itself where it has come to."""
        numbers = range(1, hosts + 1)
        if any(self.lab.host(number).run("true").code != 0 for number in numbers):
            self.skipTest("the lab has one host")
        way = open_way(*(self.shells[number] for number in numbers))
        with running([self.lab.host(number) for number in numbers], config, *overrides) as guest:
            before = guest.report()
            measured, moved = move(way, guest, METHODS[method])
            print(f"\n{config} by {method}, {hosts} host(s): {measured}")
            self.check_whole(moved, before)
            self.assertGreater(measured["tables"], 0)
            if method == "rollback":
                self.assertIs(measured["proved"], True)
                self.assertGreater(measured["backed"], 0)
            if hosts == 2:
                self.assertFalse(guest.exists())

    def check_each_method(self, config, hosts, *overrides):
        """Moves a fresh guest by each method."""
        for method in METHODS:
            with self.subTest(method):
                self.check_move(config, method, hosts, *overrides)
