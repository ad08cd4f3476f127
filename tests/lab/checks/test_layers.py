"""Disks that have a device of device-mapper by the script block-prerecord: an image file (guest `imaged`), and a block device by itself (`bare`).

The script is the module's own, run by the toolstack in bash, beside Debian's block-common.sh. The image lies on a file system with direct I/O.
"""
import contextlib

from lablib.guest import Guest, running
from lablib.lab import Lab
from lablib.module_shell import FOLDER, ModuleShell, Shells, install
from lablib.move_case import require_module
from lablib.moves import METHODS, move
from lablib.output_case import ROLLBACK, OutputCase
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)
# Where the content of each guest's disk is.
GUESTS = {"imaged": "/srv/lab/layered.img", "bare": "/dev/ram0"}
LAYERS = "cat /sys/block/dm-*/dm/name 2>/dev/null | grep ^prerecord; /sbin/losetup --list --noheadings --output BACK-FILE | grep /srv/lab/; ls /dev/mapper | grep ^prerecord; :"


def setUpModule():
    require_module(LAB)
    install(HOST)
    HOST.run(f"/etc/xen/scripts/lab-devices && cp {FOLDER}/PreRecordMigration/scripts/block-prerecord /etc/xen/scripts/", 120).check()


def tearDownModule():
    SHELLS.end()


def content(path):
    """A sum of what stands in a file or on a device, past dom0's memory."""
    return HOST.run(f"/bin/dd if={path} bs=1M iflag=direct 2>/dev/null | sha256sum", 120).check().stdout


class Layers(OutputCase):
    lab, shells = LAB, SHELLS

    def device_of(self, guest):
        return f"prerecord_disk-{guest.listed()[1]}-51712"

    def content_of(self, guest):
        return content(GUESTS[guest.config])

    def check_gone(self):
        """The guest has gone, and its disk's layer with it."""
        self.assertEqual(HOST.run(LAYERS, 120).stdout.strip(), "", "a layer was left")

    @contextlib.contextmanager
    def running(self, config):
        """A guest that runs, and of which nothing is left afterwards."""
        with running([HOST], config) as guest:
            yield guest
        self.check_gone()

    def test_an_image_is_read_and_written_past_the_memory_of_dom0(self):
        with self.running("imaged"):
            said = HOST.run("/sbin/losetup --list --noheadings --output DIO,AUTOCLEAR,BACK-FILE | grep /srv/lab/", 120).check().stdout
            self.assertEqual(said.split()[:2], ["1", "1"], said)

    def test_nothing_of_a_window_gets_out_and_all_of_it_is_there_when_it_is_given_up(self):
        for config in GUESTS:
            with self.subTest(config), self.running(config) as guest:
                self.check_given_up(guest)

    def test_the_destination_does_the_window_again(self):
        for config in GUESTS:
            with self.subTest(config), self.running(config) as guest:
                for method, options in (("rollback", ROLLBACK), ("observe", METHODS["observe"]), ("rollback", ROLLBACK)):
                    before = guest.report()
                    measured, guest = move(open_way(SHELLS[1]), guest, options)
                    print(f"\n{config} by {method}: {measured}", end="", flush=True)
                    self.assertIs(measured["proved"], True if method == "rollback" else None)
                    self.check_whole(guest, before)
                    self.check_nothing_left()
                    self.assertEqual(len(HOST.run("cat /sys/block/dm-*/dm/name | grep ^prerecord", 120).stdout.split()), 1, "the source's layer was left")

    def test_what_a_guest_wrote_that_was_destroyed_by_hand_comes_to_its_disk(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], "idle") as other, self.running(config) as guest:
                killed = ModuleShell(HOST)
                killed.begin(self.window(guest))
                self.check_held(guest)
                killed.kill()
                HOST.run(["xl", "pause", guest.name], 120).check()
                guest_sees = self.settled(guest)
                self.assertNotEqual(self.content_of(guest), guest_sees)
                guest.destroy()
                self.check_observed(other)
                self.check_nothing_left()
                self.assertEqual(self.content_of(guest), guest_sees)

    def settled(self, guest):
        """What a guest that stands sees on its disk, when its backend has done all that it asked for."""
        sums = [content(f"/dev/$(dmsetup info --columns --noheadings -o blkdevname {self.device_of(guest)})")]
        while len(sums) < 2 or sums[-1] != sums[-2]:
            HOST.run("sleep 1")
            sums.append(content(f"/dev/$(dmsetup info --columns --noheadings -o blkdevname {self.device_of(guest)})"))
        return sums[-1]

    def test_a_disk_that_another_guest_has_is_refused(self):
        for config in GUESTS:
            with self.subTest(config), self.running(config) as guest:
                before = guest.report()
                other = Guest(HOST, config, "other")
                try:
                    answer = HOST.run(["xl", "create", f"/guests/{config}.cfg", 'name="other"'], 300)
                    self.assertNotEqual(answer.code, 0)
                    self.assertIn("is the disk 51712 of domain", answer.stdout + answer.stderr)
                finally:
                    HOST.run(f"xl destroy {other.name} 2>/dev/null", 120)
                self.check_whole(guest, before)
