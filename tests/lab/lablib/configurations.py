"""The lab's guests: one table, from which come the configurations in dom0's /guests and the table in README.md."""
from dataclasses import dataclass

KERNEL_WORDS = "console=hvc0 quiet mitigations=off"
REGION, KEYS = "lab.mib=32", "lab.keys=2000"
# Two vCPUs that take turns on one emulated processor may hang while they boot, unless the guest reads that processor's own clock.
NATIVE_CLOCK = ('tsc_mode = "native"',)


@dataclass(frozen=True)
class Kind:
    """How Xen runs a guest: lines of its configuration, the kernel's file in /lab, and more words for the kernel."""

    type: str
    first: tuple = ()
    last: tuple = NATIVE_CLOCK
    kernel: str = "vmlinux"
    words: str = ""


PV = Kind("pv", last=())
PVH = Kind("pvh")
SHADOW = Kind("pvh", first=("hap = 0",))
# Without pci=noearly the kernel asks its QEMU for 16,384 PCI functions, twice, before it boots.
HVM = Kind("hvm", first=("hap = 1",), last=("nographic = 1", "vnc = 0", 'vga = "none"', "usb = 0", *NATIVE_CLOCK), kernel="vmlinuz", words="pci=noearly")


@dataclass(frozen=True)
class Recipe:
    """How the guests of one name are made: NAME has one vCPU, NAME2 two.

    workload  what images/guest/init.c starts: the guest's name, unless it is said
    words     for the workload, on the kernel's command line
    vcpus     how many its guests have: one guest for each number
    large     whether it needs redis and the real programs, and the memory for them
    devices   lines of the configuration
    """

    name: str
    words: str = ""
    kind: Kind = PVH
    workload: str = ""
    vcpus: tuple = (1,)
    large: bool = False
    devices: tuple = ()

    def names(self):
        """The names of its guests, each with its number of vCPUs."""
        return {self.name if count == 1 else f"{self.name}{count}": count for count in self.vcpus}


BOTH = (1, 2)
DEVICES = ('disk = ["format=raw,vdev=xvda,access=rw,script=/etc/xen/scripts/lab-block,target=/tmp/devices.img"]',
           'vif = ["script=/etc/xen/scripts/lab-vif"]')
MAPPED = ('disk = ["format=raw,vdev=xvda,access=rw,script=/etc/xen/scripts/lab-mapped,target=/dev/mapper/lab-disk"]', DEVICES[1])
SHARED = ('disk = ["format=raw,vdev=xvda,access=rw,script=/etc/xen/scripts/lab-mapped,target=/dev/vg/guest"]', DEVICES[1])
IMAGED, BARE = ((f'disk = ["format=raw,vdev=xvda,access=rw,script=block-prerecord,target={target}"]', DEVICES[1])
                for target in ("/srv/lab/layered.img", "/dev/ram0"))
RAW, QCOW = ((f'disk = ["format={kind},vdev=xvda,access=rw,backendtype=qdisk,target={target}"]', DEVICES[1])
             for kind, target in (("raw", "/tmp/raw.img"), ("qcow2", "/tmp/image.qcow2")))
# What each row's guests do, in README.md's words, and the guests.
TABLE = {
    "reports once a second, nothing else": [Recipe("idle", vcpus=BOTH)],
    "hot set: nine accesses in ten go to eight clusters, 12 % of 32 MiB; a quarter of all write, every one checks the whole page": [
        Recipe("writer", REGION, vcpus=BOTH)],
    "as `writer`, as HVM guests: a QEMU stands beside each; takes a minute to boot": [
        Recipe("hvm", REGION, HVM, "writer", BOTH)],
    "goes through 32 MiB in order, again and again, a quarter of the accesses write": [Recipe("sequential", REGION, vcpus=BOTH)],
    "24 small processes at a time that come and go by fork and exec": [Recipe("many", vcpus=BOTH)],
    "redis with 2,000 keys under a load that compares every answer": [Recipe("redis", KEYS, vcpus=BOTH, large=True)],
    "writer and redis": [Recipe("mixed", f"{REGION} {KEYS}", vcpus=BOTH, large=True)],
    "PV; checks its disk (blkfront) and its network card (netfront, an echo from dom0); run `/etc/xen/scripts/lab-devices` in dom0 first": [
        Recipe("devices", kind=PV, devices=DEVICES)],
    "as `devices`, PV and PVH, with a disk of device-mapper, whose writes can be held back": [
        Recipe("mapped", kind=PV, workload="devices", devices=MAPPED), Recipe("mappedpvh", workload="devices", devices=MAPPED)],
    "PV, PVH and on shadow page tables: sqlite in a file system on a volume of LVM that the hosts share, and each transaction told to dom0 over a bridge; "
    "run `/etc/xen/scripts/lab-shared` in each dom0 first": [
        Recipe("database", "", PV, "database", BOTH, True, SHARED), Recipe("databasepvh", "", PVH, "database", BOTH, True, SHARED),
        Recipe("databaseshadow", "", SHADOW, "database", BOTH, True, SHARED)],
    "as `mapped`, as an HVM guest, whose disk and card have emulated twins": [Recipe("mappedhvm", kind=HVM, workload="devices", devices=MAPPED)],
    "as `devices`, with disks that the script `block-prerecord` makes devices of device-mapper: PVH with an image file, PV with a block device": [
        Recipe("imaged", workload="devices", devices=IMAGED), Recipe("bare", kind=PV, workload="devices", devices=BARE)],
    "as `devices`, PV and PVH, with disks that QEMU serves: a raw file and one of the format qcow2": [
        Recipe("qraw", kind=PV, workload="devices", devices=RAW), Recipe("qrawpvh", workload="devices", devices=RAW),
        Recipe("qcow", kind=PV, workload="devices", devices=QCOW), Recipe("qcowpvh", workload="devices", devices=QCOW)],
    "PV; touches 512 of its 1,024 pages in a known order each time `data/lab-request` gets a new number": [Recipe("trail", kind=PV)],
    "real programs (`images/guest/programs`): redis under its own benchmark, sqlite running a query mix, an archiver, eight small processes; "
    "each compares its results round by round": [Recipe(name, large=True) for name in ("redisbench", "sqlite", "archive", "eight")],
    "as `idle`, `writer`, `many` and `mixed`, paravirtualised: recorded and served by the hypervisor's extension": [
        Recipe("pvidle", "", PV, "idle"), Recipe("pvwriter", REGION, PV, "writer", BOTH), Recipe("pvmany", "", PV, "many", (2,)),
        Recipe("pvmixed", f"{REGION} {KEYS}", PV, "mixed", BOTH, large=True)],
    "the writer as a PVH guest on shadow page tables (`hap=0`)": [Recipe("shadow", REGION, SHADOW, "writer", BOTH)],
    "ignores every request to suspend": [Recipe("nosuspend")],
    "PV; starts processes when it is asked to, and keeps them from running: their page tables are new and not yet in use": [
        Recipe("born", kind=PV, vcpus=(2,))],
    "PV; means harm, in the way that the last digit of `data/lab-request` says (`images/guest/hostile.c`)": [
        Recipe("hostile", kind=PV, vcpus=(2,))],
}


def configurations():
    """The text of each guest's xl configuration, by its name."""
    return {name: _text(guest, name, vcpus, does)
            for does, guests in TABLE.items() for guest in guests for name, vcpus in guest.names().items()}


def write(folder):
    """Writes the configurations as NAME.cfg into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in configurations().items():
        (folder / f"{name}.cfg").write_text(text, encoding="utf-8")


def markdown():
    """The guests as README.md lists them."""
    rows = [(", ".join(f"`{name}`" for guest in guests for name in guest.names()), does) for does, guests in TABLE.items()]
    return "\n".join(["| name | does |", "|---|---|", *(f"| {names} | {does} |" for names, does in rows)])


def _text(guest, name, vcpus, does):
    kind = guest.kind
    words = [KERNEL_WORDS, kind.words, f"lab.workload={guest.workload or guest.name}", guest.words]
    return "\n".join([
        f"# {does}",
        f'name = "{name}"',
        f'type = "{kind.type}"',
        *kind.first,
        f"vcpus = {vcpus}",
        f"memory = {192 if guest.large else 128}",
        f'kernel = "/lab/{kind.kernel}"',
        f'ramdisk = "/lab/guest{"-redis" if guest.large else ""}.cpio.gz"',
        f'extra = "{" ".join(word for word in words if word)}"',
        *guest.devices,
        *kind.last,
        'on_crash = "preserve"',
        ""])
