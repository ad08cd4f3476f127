"""What a destination has not of a guest's devices: it is named while the guest runs on, and nothing is left; where it is there again the guest moves.

The scripts that run by the toolstack's names are the lab's own, because dom0 has no shell for those of Debian: the module looks whether they are there.
"""
from contextlib import contextmanager

from lablib.guest import running
from lablib.lab import Lab
from lablib.marks import is_marked
from lablib.module_shell import Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import METHODS, move
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)
POLICY, SCRIPTS, NODE = "/etc/prerecord/policy.json", "/etc/xen/scripts", "/dev/mapper/lab-disk"
LETS_IN = """{ "kinds": ["pv", "pvh"], "kernels": ["/lab/*"], "ramdisks": ["/lab/*"],
"disks": [{ "paths": ["/dev/mapper/lab-disk"] }], "networks": [{ "bridges": ["xenbr9"] }] }"""
DISK = f'disk=["format=raw,vdev=xvda,access=rw,backendtype=phy,target={NODE}"]'
CARD = 'vif=["bridge=xenbr9"]'
PROBLEMS = """
@{{ problems = @((Test-Migration {name} -Destination {destination} -Window 200ms).Incompatibilities |
    ForEach-Object {{ "$($_.ErrorId)|$($_.Message)|$($_.Remedy)" }}) }} | ConvertTo-Json -Compress
"""


def setUpModule():
    require_module(LAB)
    HOST.run(f"""{SCRIPTS}/lab-devices && cp {POLICY} /tmp/policy.kept && cp -r {SCRIPTS} /tmp/scripts.kept
        cp {SCRIPTS}/lab-vif {SCRIPTS}/vif-bridge && cp {SCRIPTS}/lab-mapped {SCRIPTS}/block
        modprobe bridge && ip link add name xenbr9 type bridge""", 120).check()
    HOST.run(f"cat > {POLICY}", stdin=LETS_IN.encode()).check()


def tearDownModule():
    SHELLS.end()
    HOST.run(f"ip link del xenbr9; cp /tmp/policy.kept {POLICY}; cp /tmp/scripts.kept/vif-bridge /tmp/scripts.kept/block {SCRIPTS}/", 120)


@contextmanager
def without(away, back):
    """Does a command, and another one after."""
    HOST.run(away, 120).check()
    try:
        yield
    finally:
        HOST.run(back, 120).check()


class Devices(MoveCase):
    lab, shells = LAB, SHELLS

    def check_missing(self, config, away, back, named):
        way = open_way(SHELLS[1])
        with running([HOST], config, DISK, CARD) as guest:
            before = guest.report()
            with without(away, back):
                problems = way.source.values(PROBLEMS.format(name=guest.name, destination=way.address))["problems"]
                self.assertEqual(len(problems), 1, problems)
                self.assertTrue(problems[0].startswith("DeviceMissing|"), problems)
                self.assertIn(named, problems[0])
                for method in ("pre-copy", "observe"):
                    answer = way.source.run(
                        f"Invoke-PreRecordMigration {guest.name} -Destination {way.address} {METHODS[method]} -Confirm:$false -ErrorAction Stop")
                    self.assertIn("DeviceMissing", answer["stderr"])
                    self.assertIn(named, answer["stderr"])
                    self.assertFalse(is_marked(HOST), "a mark was left")
                self.assertNotIn("--incoming", HOST.run("xl list", 120).check().stdout)
                self.check_whole(guest, before)
            before = guest.report()
            _, moved = move(way, guest, METHODS["post-copy"])
            self.check_whole(moved, before)

    def test_a_disk_that_is_missing(self):
        for config in ("mapped", "mappedpvh"):
            with self.subTest(config):
                self.check_missing(config, f"mv {NODE} /dev/mapper/lab-away", f"mv /dev/mapper/lab-away {NODE}", f'disk xvda: "{NODE}" is not there')

    def test_a_bridge_that_is_missing(self):
        self.check_missing(
            "mappedpvh", "ip link del xenbr9", "ip link add name xenbr9 type bridge", 'network card 0: there is no bridge "xenbr9"')

    def test_a_disk_of_another_size(self):
        other = "dd if=/dev/zero of=/tmp/other.img bs=1M count=3 && loop=$(losetup -f) && losetup $loop /tmp/other.img"
        self.check_missing(
            "mappedpvh", f"{other} && mv {NODE} /dev/mapper/lab-away && ln -s $loop {NODE}",
            f"losetup -d $(readlink {NODE}); mv /dev/mapper/lab-away {NODE}", "3145728 bytes, and 4194304 at the source")
