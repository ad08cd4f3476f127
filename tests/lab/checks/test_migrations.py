"""The product on real Xen: guests under load are moved by every method, on one host and between two, and stay whole."""
import unittest

from lab_guest import running
from module_shell import Shells
from moves import METHODS, PACED, move, open_way
from prerecord_lab import Lab

LAB = Lab.attach()
SHELLS = Shells(LAB)



def setUpModule():
    global LAB_HOSTS
    LAB_HOSTS = 2 if LAB.host(2).run("true").code == 0 else 1
    if LAB.host(1).run("[ -e /share/prerecord.tar ]").code != 0:
        raise unittest.SkipTest("the module is not published into the lab's share: tests/lab/publish")


def tearDownModule():
    SHELLS.end()


class Moves(unittest.TestCase):
    def check_whole(self, guest, before):
        """The moved guest goes on checking itself, and has found nothing wrong."""
        after = guest.wait_report(lambda r: r.beat > before.beat + 10 and r.checks > before.checks, "ten more beats")
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload in ("redis", "mixed"):
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))

    def check_move(self, config, method, hosts, *overrides):
        """Moves one guest by one method, and has it check itself where it has come to."""
        if hosts > LAB_HOSTS:
            self.skipTest("the lab has one host")
        way = open_way(*(SHELLS[number] for number in range(1, hosts + 1)))
        with running([LAB.host(number) for number in range(1, hosts + 1)], config, *overrides) as guest:
            before = guest.report()
            numbers, moved = move(way, guest, METHODS[method])
            print(f"\n{config} by {method}, {hosts} host(s): {numbers}")
            self.check_whole(moved, before)
            self.assertGreater(numbers["tables"], 0)
            if method == "rollback":
                self.assertIs(numbers["proved"], True)
                self.assertGreater(numbers["backed"], 0)
            if hosts == 2:
                self.assertFalse(guest.exists())

    def test_paced_writer_by_post_copy_on_one_host(self):
        self.check_move("writer", "post-copy", 1, PACED)

    def test_paced_writer_by_observe_on_one_host(self):
        self.check_move("writer", "observe", 1, PACED)

    def test_paced_writer_by_rollback_on_one_host(self):
        self.check_move("writer", "rollback", 1, PACED)

    def test_hvm_guest_without_a_recording_on_one_host(self):
        for method in ("post-copy", "pre-copy"):
            with self.subTest(method):
                self.check_move("hvm", method, 1, PACED)

    def test_hvm_guest_of_two_vcpus_by_post_copy_on_one_host(self):
        self.check_move("hvm2", "post-copy", 1, PACED)

    def test_hvm_guest_by_post_copy_between_two_hosts(self):
        self.check_move("hvm", "post-copy", 2, PACED)

    def test_paced_writer_by_post_copy_over_tls_between_two_hosts(self):
        self.check_move("writer", "post-copy", 2, PACED)

    def test_writer_of_two_vcpus_by_each_method_on_one_host(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("writer2", method, 1)

    def test_redis_and_writer_by_each_method_on_one_host(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("mixed2", method, 1)

    def test_redis_and_writer_by_each_method_between_two_hosts(self):
        for method in METHODS:
            with self.subTest(method):
                self.check_move("mixed", method, 2)
