"""The table of guests, the README's list that is made from it, and the workloads that it names."""
import re
import unittest

from lablib import configurations
from lablib.paths import IMAGES, LAB


class Configurations(unittest.TestCase):
    def test_readme_lists_the_guests(self):
        if configurations.markdown() not in (LAB / "README.md").read_text(encoding="utf-8"):
            self.fail(f"tests/lab/README.md is to list them like this:\n{configurations.markdown()}")

    def test_a_line_of_each_is_as_it_was_written_by_hand(self):
        made = configurations.configurations()
        self.assertEqual(made["hvm2"].splitlines()[1:], [
            'name = "hvm2"', 'type = "hvm"', "hap = 1", "vcpus = 2", "memory = 128", 'kernel = "/lab/vmlinuz"', 'ramdisk = "/lab/guest.cpio.gz"',
            'extra = "console=hvc0 quiet mitigations=off pci=noearly lab.workload=writer lab.mib=32"',
            "nographic = 1", "vnc = 0", 'vga = "none"', "usb = 0", 'tsc_mode = "native"', 'on_crash = "preserve"'])
        self.assertEqual(made["pvmixed"].splitlines()[1:], [
            'name = "pvmixed"', 'type = "pv"', "vcpus = 1", "memory = 192", 'kernel = "/lab/vmlinux"', 'ramdisk = "/lab/guest-redis.cpio.gz"',
            'extra = "console=hvc0 quiet mitigations=off lab.workload=mixed lab.mib=32 lab.keys=2000"', 'on_crash = "preserve"'])

    def test_no_name_is_given_twice(self):
        names = [name for guests in configurations.TABLE.values() for guest in guests for name in guest.names()]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len(names), len(configurations.configurations()))

    def test_each_workload_is_one_that_the_guests_init_or_a_program_is(self):
        known = set(re.findall(r'strcmp\(name, "(\w+)"\)', (IMAGES / "guest" / "init.c").read_text(encoding="utf-8")))
        known |= {path.name for path in (IMAGES / "guest" / "programs").iterdir()} | {"idle"}
        for name, text in configurations.configurations().items():
            with self.subTest(name):
                self.assertIn(re.search(r"lab\.workload=(\w+)", text)[1], known)

    def test_what_a_configuration_takes_of_dom0_is_there(self):
        scripts = {path.name for path in (IMAGES / "dom0" / "scripts").iterdir()}
        for name, text in configurations.configurations().items():
            with self.subTest(name):
                self.assertLessEqual(set(re.findall(r"/etc/xen/scripts/([\w-]+)", text)), scripts)
