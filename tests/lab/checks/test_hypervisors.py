"""Hosts whose hypervisor lacks something: each boots a lab of its own, is refused with a remedy, and its domain runs on."""
import contextlib
import os
import unittest

from lablib.guest import running
from lablib.lab import Lab
from lablib.module_shell import ModuleShell
from lablib.moves import PACED, RECORD
from lablib.paths import SHARE


def setUpModule():
    if not (SHARE / "prerecord.tar").exists():
        raise unittest.SkipTest("the module is not published into the lab's share: tests/lab/publish")


@contextlib.contextmanager
def host_with(hypervisor, **more):
    """A host of its own with a hypervisor, and a shell with the module on it."""
    name = f"{hypervisor}-{os.getpid()}"
    with Lab(name=name, share=SHARE, hypervisor=hypervisor, time_limit=900, **more) as lab, ModuleShell(lab.host(1)) as shell:
        yield lab.host(1), shell


class Hypervisors(unittest.TestCase):
    def check_refused(self, shell, guest, *words):
        answer = shell.run(RECORD.format(name=guest.name, mode="Rollback"))
        self.assertNotEqual(answer["exitCode"], 0)
        for word in ("NotSupported", *words):
            self.assertIn(word, answer["stderr"])
        _, after = guest.wait_progress(3)
        self.assertEqual(after.errors, 0)

    def test_debians_own_has_no_memory_paging(self):
        with host_with("stock") as (host, shell), running([host], "idle") as guest:
            self.check_refused(shell, guest, "MEM_PAGING", "native/hypervisor")
            self.assertIn("MEM_PAGING", shell.check("(Test-MigrationHost).Reason"))

    def test_without_the_patches_one_vcpu_is_recorded_and_two_are_refused(self):
        with host_with("unpatched") as (host, shell):
            with running([host], "idle2") as guest:
                self.check_refused(shell, guest, "several vCPUs", "native/hypervisor")
            with running([host], "shadow") as guest:
                self.check_refused(shell, guest, "hap=0", "native/hypervisor")
            with running([host], "writer", PACED) as guest:
                before = guest.report()
                self.assertIs(shell.values(RECORD.format(name=guest.name, mode="Rollback"))["proved"], True)
                after = guest.wait_report(lambda r: r.beat > before.beat + 5, "five more beats")
                self.assertEqual(after.errors, 0)

    def test_a_domain_whose_memory_an_iommu_follows_is_refused(self):
        # The toolstack refuses passthrough= for PVH domains; of an AMD IOMMU the page tables are never those of the processor.
        with host_with("patched", iommu=True) as (host, shell):
            self.assertRegex(host.run("xl dmesg").check().stdout, r"AMD-Vi: IOMMU \d+ Enabled")
            with running([host], "hvm", PACED, 'passthrough="sync_pt"') as guest:
                self.check_refused(shell, guest, "EMLINK", 'passthrough="disabled"')
                self.assertEqual(host.run("xenstore-list /prerecord/source").stdout.strip(), "", "a marker was left")
