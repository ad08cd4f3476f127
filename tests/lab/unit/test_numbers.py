"""What the lab's guests repeat of the extension's interface is what its header says: they are built without Xen's headers."""
import re
import unittest

from lablib.extension_tool import INTERFACE
from lablib.paths import IMAGES


class Numbers(unittest.TestCase):
    def test_a_guest_calls_every_operation_in_the_version_that_the_hypervisor_speaks(self):
        header = (INTERFACE / "prerecord.h").read_text()
        version = int(re.search(r"^#define XEN_PRERECORD_VERSION (\d+)$", header, re.MULTILINE)[1])
        operations = [int(number) for number in re.findall(r"^#define XEN_PRERECORD_[a-z]+\s+(\d+)$", header, re.MULTILINE)]
        self.assertEqual(operations, list(range(1, len(operations) + 1)))
        self.assertIn("#define __HYPERVISOR_prerecord_op __HYPERVISOR_arch_7", header)

        calls = (IMAGES / "guest" / "calls.c").read_text()
        self.assertIn("PRERECORD_OP = 55", calls)  # arch_0 is 48
        made = re.search(r"\bop = \{\s*(\d+), \(uint32_t\)draw\((\d+)\)", calls)
        self.assertEqual(int(made[1]), version)
        self.assertGreater(int(made[2]), max(operations))


if __name__ == "__main__":
    unittest.main()
