"""The emulated machine: what it is made of, and the QEMU that is it."""
import ctypes
import signal
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """What each machine of a lab is made of.

    memory, dom0  MiB of the machine and of its dom0
    processors    of the machine. One is best where the emulation has two cores or fewer, or shares them: with
                  two, processors that spin on each other's locks cost more than twice the time to boot
    xen, options  more words for Xen's command line, more arguments for QEMU
    xen_there     more words for the second host's Xen alone
    iommu         whether it has an IOMMU (AMD's), which Xen uses for domains with passthrough= set
    counted       whether its time is the number of instructions it has executed, 8 ns each, and no wait takes any:
                  speeds then do not depend on what else the emulating machine does. For one host
    """

    memory: int = 3072
    dom0: int = 1536
    processors: int = 1
    xen: str = ""
    xen_there: str = ""
    options: tuple = ()
    iommu: bool = False
    counted: bool = False

    def command(self, images, number, hosts, disk, serial, agent, shares, wire=None):
        """QEMU's command line for one of so many hosts, by its number from 1.

        images       the folder that tests/lab/build has made
        disk         the file that is /dev/vda of each host: as hosts have it that reach one storage
        serial       the file for what Xen and dom0's kernel print
        agent, wire  descriptors of the command channel's socket, and of the one to the other host
        shares       (tag, folder, more words for QEMU) of each folder that dom0 mounts
        """
        xen = (f"console=com1 com1=115200 dom0_mem={self.dom0}M,max:{self.dom0}M loglvl=all guest_loglvl=all "
               f"spec-ctrl=no,eager-fpu bootscrub=0 iommu={int(self.iommu)} {self.xen} {self.xen_there if number == 2 else ''}").strip()
        kernel = f"console=hvc0 loglevel=4 mitigations=off audit=0 apparmor=0 lab.host={number} lab.hosts={hosts}"
        command = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35" if self.iommu else "pc", "-accel", "tcg,thread=" + ("single" if self.counted else "multi"), "-cpu", "max,-smap,-smep,-pku,-rdtscp",
            "-smp", str(self.processors), "-m", str(self.memory),
            "-kernel", str(images / "xen"), "-append", xen,
            "-initrd", f"{images / 'vmlinuz'} {kernel},{images / 'initrd'}",
            "-serial", f"file:{serial}",
            "-chardev", f"socket,id=agent,fd={agent}",
            *(["-device", "amd-iommu"] if self.iommu else []),
            *(["-icount", "shift=3,sleep=off"] if self.counted else []),
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=lab"]
        # One page cache is behind both machines' writes, so that each reads what the other one wrote. Who may write when is what the moves are about.
        command += ["-drive", f"file={disk},format=raw,if=none,id=disk,file.locking=off", "-device", "virtio-blk-pci,drive=disk,share-rw=on"]
        for tag, folder, more in shares:
            command += ["-fsdev", f"local,id={tag},path={folder},security_model=none{more}",
                        "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        if wire is not None:
            command += ["-netdev", f"socket,id=wire,fd={wire}",
                        "-device", f"virtio-net-pci,netdev=wire,mac=52:54:00:77:00:{number:02x}"]
        return [*command, *self.options]


def start(command, descriptors, log):
    """Starts QEMU with the descriptors that its command line names; what it prints goes to the file `log`."""
    with open(log, "wb") as output:
        return subprocess.Popen(command, pass_fds=descriptors, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                start_new_session=True, preexec_fn=_die_with_parent)


def _die_with_parent():
    """In QEMU's process: the kernel ends it if this process dies in whatever way."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
