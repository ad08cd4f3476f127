"""What the checks of outputs that are held back share: what is seen of a guest from outside, and what of a plug is left."""
import time

from lablib.errors import LabError
from lablib.module_shell import ModuleShell
from lablib.marks import wait_nothing_noted
from lablib.move_case import MoveCase
from lablib.moves import METHODS, OUTPUT_LIMITS

ROLLBACK = f"{METHODS['rollback']} {OUTPUT_LIMITS}"


class OutputCase(MoveCase):
    """Guests whose disk is a mapped device of dom0."""

    def device_of(self, guest):
        """The mapped device that a guest has as its disk, by its name."""
        raise NotImplementedError

    def content_of(self, guest):
        """What stands on a guest's disk whatever is held back: a sum of it."""
        raise NotImplementedError

    @property
    def host(self):
        return self.lab.host(1)

    def window(self, guest):
        """The command that begins a window which lasts until it is given up."""
        return f"Start-PreRecord -Name {guest.name} -Mode Rollback -Window 10min -Epoch 1s {OUTPUT_LIMITS} -Confirm:$false"

    def disk_is_held(self, guest):
        """A shell's condition: the guest's disk has an overlay."""
        return f"dmsetup table {self.device_of(guest)} | grep -q ' snapshot '"

    def wait_held(self, guest, timeout=300):
        """Waits until the guest's outputs are held back: its disk has an overlay, and its card a filter."""
        deadline = time.monotonic() + timeout
        script = (f"{self.disk_is_held(guest)} && "
                  "/sbin/tc filter show dev $(ls /sys/class/net | grep ^vif | head -n 1) ingress | grep -q prerec")
        while self.host.run(script, 120).code != 0:
            if time.monotonic() > deadline:
                raise LabError(f"nothing is held back after {timeout} s")
            time.sleep(0.5)

    def used(self, guest):
        """Sectors of the overlay's store that are in use; of them 16 are its own."""
        return int(self.host.run(f"dmsetup status {self.device_of(guest)}", 120).check().stdout.split()[3].split("/")[0])

    def outside(self, guest):
        """What anybody outside of the guest sees of it: the disk's own content, and the segments that dom0 has received."""
        received = self.host.run("grep '^Tcp:' /proc/net/snmp | tail -n 1 | cut -d' ' -f11", 120).check().stdout
        return self.content_of(guest), received

    def check_held(self, guest):
        """In the window the guest works on, and nobody sees it."""
        self.wait_held(guest)
        first = self.outside(guest)
        sectors = self.used(guest)
        guest.wait_progress(4)
        self.assertEqual(self.outside(guest), first, "something of the window got out")
        self.assertGreater(max(self.used(guest), sectors), 16, "nothing was written in the window")

    def check_given_up(self, guest):
        """A window of which nothing gets out; given up, all of it is there, and the guest goes on."""
        before = guest.report()
        shell = self.shells[1]
        window = shell.begin(self.window(guest))
        self.check_held(guest)
        shell.cancel(window)
        shell.finish(window, 600)
        # Where that takes long, the command has ended, and its process goes on with it.
        wait_nothing_noted(self.host)
        self.check_whole(guest, before)
        self.check_nothing_left()

    def check_mended(self, guest):
        """A tool that is killed in the window: the next one brings out what it held back."""
        before = guest.report()
        killed = ModuleShell(self.host)
        killed.begin(self.window(guest))
        self.check_held(guest)
        killed.kill()
        self.check_observed(guest)
        self.check_whole(guest, before)
        self.check_nothing_left()
