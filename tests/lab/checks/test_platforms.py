"""Hosts that are not alike: of two versions of Xen, or of unlike processors. What a destination cannot run is named while the guest runs on.

    tests/lab/test --hosts 2 --release bookworm,trixie -k test_platforms            # Xen 4.17 and 4.20
    tests/lab/test --hosts 2 --xen-there cpuid=no-avx2 -k test_platforms            # processors with AVX2 and without; with a pair of releases, too
"""
import re

from lablib.guest import running
from lablib.lab import Lab
from lablib.marks import is_marked
from lablib.module_shell import Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import METHODS, PACED, move
from lablib.ways import open_way

LAB = Lab.attach()
SHELLS = Shells(LAB)
PROBLEMS = """
@{{ problems = @((Test-Migration {name} -Destination {destination} -Window 200ms).Incompatibilities |
    Where-Object ErrorId -EQ HostIncompatible | ForEach-Object {{ "$($_.Message)|$($_.Remedy)" }}) }} | ConvertTo-Json -Compress
"""


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


class Platforms(MoveCase):
    lab, shells = LAB, SHELLS

    def info(self, number, key):
        return re.search(rf"^{key} +: (.*)$", LAB.host(number).run("xl info", 120).check().stdout, re.M)[1]

    def check_refused(self, source, there, config, *named):
        """The guest of `source` is refused by the other host, whether it is asked before or not, and runs on untouched."""
        way = open_way(SHELLS[source], SHELLS[there])
        with running([LAB.host(source), LAB.host(there)], config, PACED) as guest:
            before = guest.report()
            problems = way.source.values(PROBLEMS.format(name=guest.name, destination=way.address))["problems"]
            self.assertGreater(len(problems), 0)
            said = way.source.run(f"Invoke-PreRecordMigration {guest.name} -Destination {way.address} {METHODS['pre-copy']} -Confirm:$false -ErrorAction Stop")
            self.assertIn("HostIncompatible", said["stderr"])
            for word in named:
                self.assertIn(word, " ".join(problems))
                self.assertIn(word, said["stderr"])
            self.assertFalse(is_marked(LAB.host(source)), "a mark was left")
            self.assertNotIn("--incoming", LAB.host(there).run("xl list", 120).check().stdout)
            self.check_whole(guest, before)

    def check_moved(self, source, there, config, *overrides, method="pre-copy"):
        way = open_way(SHELLS[source], SHELLS[there])
        with running([LAB.host(source), LAB.host(there)], config, PACED, *overrides) as guest:
            before = guest.report()
            measured, moved = move(way, guest, METHODS[method])
            print(f"\n{config} by {method} from {self.info(source, 'xen_version')} to {self.info(there, 'xen_version')}: {measured}", flush=True)
            self.check_whole(moved, before)
            self.assertFalse(guest.exists())


class Versions(Platforms):
    def setUp(self):
        self.require_hosts(2)
        if int(self.info(1, "xen_minor")) >= int(self.info(2, "xen_minor")):
            self.skipTest("the second host has no newer Xen: --release bookworm,trixie")

    def require_same_processors(self):
        if "cpuid=" in self.info(2, "xen_commandline"):
            self.skipTest("the second host has other processors")

    def test_a_guest_moves_to_a_newer_xen(self):
        self.require_same_processors()
        self.check_moved(1, 2, "writer")

    def test_guests_of_each_kind_move_to_a_newer_xen_by_each_method(self):
        self.require_same_processors()
        for method in METHODS:
            for config in ("writer", "pvwriter", "shadow", "hvm"):
                with self.subTest(f"{config} by {method}"):
                    self.check_moved(1, 2, config, method=method)

    def test_a_guest_of_a_newer_xen_is_refused_and_runs_on(self):
        self.check_refused(2, 1, "writer", "Xen 4.20", "Xen 4.17")


class Processors(Platforms):
    def setUp(self):
        self.require_hosts(2)
        if "cpuid=no-avx2" not in self.info(2, "xen_commandline"):
            self.skipTest("the second host has the same processors: --xen-there cpuid=no-avx2")

    def test_a_guest_that_knows_of_a_feature_is_refused_where_it_is_missing(self):
        for config in ("writer", "pvwriter"):
            with self.subTest(config):
                self.check_refused(1, 2, config, "avx2", "0x7:0.ebx", "cpuid")

    def test_a_guest_that_knows_of_no_such_feature_moves(self):
        self.check_moved(1, 2, "writer", 'cpuid="host,avx2=0"')
