"""Disks that QEMU serves (qdisk): a raw file (guests `qraw`, PV, and `qrawpvh`) and one of the format qcow2 (`qcow`, `qcowpvh`).

LAB_QDISK_GUESTS: which of the guests, with spaces between (default all).
"""
import os

from lablib.guest import running
from lablib.lab import Lab
from lablib.module_shell import ModuleShell, Shells
from lablib.move_case import require_module
from lablib.moves import METHODS, move
from lablib.output_case import ROLLBACK, OutputCase
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)
FILES = {"qraw": "/tmp/raw.img", "qrawpvh": "/tmp/raw.img", "qcow": "/tmp/image.qcow2", "qcowpvh": "/tmp/image.qcow2"}
GUESTS = os.environ.get("LAB_QDISK_GUESTS", " ".join(FILES)).split()
OVERLAYS = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -o 'prerecord-image-.*'; ls /run/prerecord 2>/dev/null | grep prerecord-image; :"


def setUpModule():
    require_module(LAB)
    HOST.run("/etc/xen/scripts/lab-devices", 120).check()


def tearDownModule():
    SHELLS.end()


class Images(OutputCase):
    lab, shells = LAB, SHELLS

    def content_of(self, guest):
        return HOST.run(f"sha256sum < {FILES[guest.config]}", 120).check().stdout

    def emulator(self, guest):
        """The process of the guest's QEMU."""
        return HOST.run(f"xenstore-read /local/domain/{guest.listed()[1]}/image/device-model-pid", 120).check().stdout.strip()

    def disk_is_held(self, guest):
        """QEMU has the image open to read alone."""
        pid, file = self.emulator(guest), FILES[guest.config]
        return f"fd=$(ls -l /proc/{pid}/fd | grep ' {file}$' | grep -o '[0-9]* -> ' | cut -d' ' -f1) && grep -q 'flags:.*0$' /proc/{pid}/fdinfo/$fd"

    def used(self, guest):
        """Bytes of the overlay, which has no name any more."""
        pid = self.emulator(guest)
        return int(HOST.run(f"stat -L -c %s /proc/{pid}/fd/$(ls -l /proc/{pid}/fd | grep prerecord-image | grep -o '[0-9]* -> ' | cut -d' ' -f1)", 120).check().stdout)

    def check_nothing_left(self, *hosts):
        super().check_nothing_left(*hosts)
        self.assertEqual(HOST.run(OVERLAYS, 120).stdout.strip(), "", "an overlay was left")

    def test_nothing_of_a_window_gets_out_and_all_of_it_is_there_when_it_is_given_up(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], config) as guest:
                self.check_given_up(guest)

    def test_the_destination_does_the_window_again(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], config) as guest:
                for method, options in (("rollback", ROLLBACK), ("observe", METHODS["observe"]), ("rollback", ROLLBACK)):
                    before = guest.report()
                    measured, guest = move(open_way(SHELLS[1]), guest, options)
                    print(f"\n{config} by {method}: {measured}", end="", flush=True)
                    self.assertIs(measured["proved"], True if method == "rollback" else None)
                    self.check_whole(guest, before)
                    self.check_nothing_left()
                report = guest.report()
                last = guest.wait_report(lambda r: r.uptime > report.uptime + 30, "half a minute more")
                self.assertEqual(last.errors, 0, guest.read("data/lab-error"))

    def test_the_next_tool_mends_what_a_killed_one_held_back(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], config) as guest:
                self.check_mended(guest)

    def test_a_guest_that_is_destroyed_in_its_window_leaves_its_disk_as_it_was_at_the_checkpoint(self):
        for config in GUESTS:
            with self.subTest(config), running([HOST], "idle") as other:
                with running([HOST], config) as guest:
                    killed = ModuleShell(HOST)
                    killed.begin(self.window(guest))
                    self.check_held(guest)
                    checkpoint = self.content_of(guest)
                    killed.kill()
                self.check_observed(other)
                self.check_nothing_left()
                self.assertEqual(self.content_of(guest), checkpoint)

    def test_a_guest_whose_qemu_is_killed_in_its_window_stands_and_the_error_says_so(self):
        with running([HOST], "idle") as other:
            with running([HOST], GUESTS[0]) as guest, ModuleShell(HOST) as shell:
                window = shell.begin(self.window(guest).replace("10min", "1min"))
                self.check_held(guest)
                HOST.run(f"kill -9 {self.emulator(guest)}", 120).check()
                shell.finish(window, 600)
                self.assertIn("is lost with it", shell.run(f"Stop-PreRecord {guest.name} -Confirm:$false", 600)["stderr"])
                states = HOST.run(["xl", "list", guest.name], 120).check().stdout.splitlines()[1].split()[4]
                self.assertNotRegex(states, "[rb]")
            self.check_observed(other)
            self.check_nothing_left()
