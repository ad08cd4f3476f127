"""The product on real Xen: guests under load are moved by every method, on one host and between two, and stay whole."""
from lablib.lab import Lab
from lablib.module_shell import Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import PACED

LAB = Lab.attach()
SHELLS = Shells(LAB)


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


class Moves(MoveCase):
    lab, shells = LAB, SHELLS

    def test_paced_writer_by_pre_copy_on_one_host(self):
        self.check_move("writer", "pre-copy", 1, PACED)

    def test_paced_writer_by_post_copy_on_one_host(self):
        self.check_move("writer", "post-copy", 1, PACED)

    def test_paced_writer_by_observe_on_one_host(self):
        self.check_move("writer", "observe", 1, PACED)

    def test_paced_writer_by_rollback_on_one_host(self):
        self.check_move("writer", "rollback", 1, PACED)

    def test_hvm_guest_by_each_method_on_one_host(self):
        self.check_each_method("hvm", 1, PACED)

    def test_hvm_guest_with_a_screen_by_pre_copy_on_one_host(self):
        # The guest's kernel suspends its USB devices and its console, too.
        self.check_move(
            "hvm", "pre-copy", 1, PACED, 'vga="stdvga"', "memory=192", "usb=1", 'usbdevice="tablet"', 'serial="pty"', options="-SuspendTimeout 2min")

    def test_hvm_guest_of_two_vcpus_by_post_copy_on_one_host(self):
        self.check_move("hvm2", "post-copy", 1, PACED)

    def test_hvm_guest_by_post_copy_between_two_hosts(self):
        self.check_move("hvm", "post-copy", 2, PACED)

    def test_paced_writer_by_post_copy_over_tls_between_two_hosts(self):
        self.check_move("writer", "post-copy", 2, PACED)

    def test_writer_of_two_vcpus_by_each_method_on_one_host(self):
        self.check_each_method("writer2", 1)

    def test_redis_and_writer_by_each_method_on_one_host(self):
        self.check_each_method("mixed2", 1)

    def test_redis_and_writer_by_each_method_between_two_hosts(self):
        self.check_each_method("mixed", 2)
