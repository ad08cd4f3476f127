"""The hypervisor's Debian package: what an administrator installs is what was built, with its licence and its sources."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from lablib.paths import LAB, REPOSITORY

SOURCES = REPOSITORY / "native" / "hypervisor"


def output(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, **more).stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.built = Path(output(LAB / "build", "--print").strip())
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        output(SOURCES / "package", cls.built, cls.folder)
        cls.package, = cls.folder.glob("*.deb")
        output("dpkg-deb", "--raw-extract", cls.package, cls.folder / "root")

    def read(self, path):
        return (self.folder / "root" / path).read_bytes()

    def test_it_says_what_it_is(self):
        fields = dict(line.split(": ", 1) for line in output("dpkg-deb", "--field", self.package).splitlines() if line[0] != " ")
        self.assertEqual(fields["Package"], "xen-hypervisor-4.17-prerecord")
        self.assertEqual(fields["Version"], (self.built / "version").read_text().strip() + "+prerecord")
        self.assertEqual(fields["Architecture"], "amd64")
        output("dpkg", "--validate-version", fields["Version"])

    def test_it_holds_the_hypervisor_that_was_built(self):
        self.assertEqual(self.read("boot/xen-4.17-prerecord.gz"), (self.built / "xen.gz").read_bytes())
        self.assertIn("CONFIG_SHADOW_PAGING=y\n", self.read("boot/xen-4.17-prerecord.config").decode())
        for line in output("dpkg-deb", "--contents", self.package).splitlines():
            self.assertRegex(line, r"^(d|-)rw[x-]r-[x-]r-[x-] root/root ")

    def test_it_carries_licence_and_sources(self):
        documents = "usr/share/doc/xen-hypervisor-4.17-prerecord/"
        self.assertEqual(self.read(documents + "LICENSE"), (SOURCES / "LICENSE").read_bytes())
        self.assertIn("GPL-2.0-only", self.read(documents + "copyright").decode())
        for name in ("build", "config", "base/bookworm", "patches/4.17/series"):
            self.assertEqual(self.read(documents + "source/" + name), (SOURCES / name).read_bytes())
        public = "xen/include/public/prerecord.h"
        self.assertEqual(self.read(documents + "source/src/" + public), (SOURCES / "src" / public).read_bytes())

    def test_installing_and_removing_update_the_boot_menu(self):
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "update-grub").write_text("#!/bin/sh\necho updated\n")
        (programs / "update-grub").chmod(0o755)
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        control = self.folder / "root" / "DEBIAN"
        self.assertEqual(output(control / "postinst", "configure", env=environment), "updated\n")
        self.assertEqual(output(control / "postrm", "remove", env=environment), "updated\n")
        self.assertEqual(output(control / "postrm", "purge", env=environment), "")
