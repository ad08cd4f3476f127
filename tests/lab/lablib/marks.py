"""What the module has noted in a host's xenstore: of domains that it records or moves, and for the tool that comes next."""
import time

from lablib.errors import LabError


def is_marked(host):
    """Whether a domain of the host is marked as recorded or moved by the module."""
    return host.run("xenstore-list /prerecord/source", 120).stdout.strip() != ""


def wait_marked(host, timeout=300):
    """Waits until a domain of the host is marked."""
    deadline = time.monotonic() + timeout
    while not is_marked(host):
        if time.monotonic() > deadline:
            raise LabError(f"host{host.number} marks no domain as recorded within {timeout} s")
        time.sleep(0.2)


def wait_noted(host, domid, words, timeout=600):
    """Waits until the note of a domain that is a source has these words."""
    deadline = time.monotonic() + timeout
    while words not in host.run(f"xenstore-read /prerecord/source/{domid}", 120).stdout:
        if time.monotonic() > deadline:
            raise LabError(f"host{host.number} notes no '{words.strip()}' of domain {domid} within {timeout} s")
        time.sleep(0.2)


def notes(host):
    """What the module has noted for the next tool."""
    return host.run("for n in source incoming arrivals suspend; do xenstore-ls /prerecord/$n 2>/dev/null; done", 120).stdout.strip()


def kept_files(host):
    """The names of the files that the module keeps for the next tool."""
    return set(host.run("ls /run/prerecord | grep -Ev '^(loopback|process-|receiver)'", 120).stdout.split())


def plugs(host):
    """What is there of what the module holds outputs back with: interfaces, filters, overlays, their stores, and tables of disks that are not their own."""
    return host.run("""ls /sys/class/net | grep ^prerec
        dmsetup ls | grep ^prerecord-
        cat /sys/block/loop*/loop/backing_file 2>/dev/null | grep prerecord-overlay
        for card in $(ls /sys/class/net | grep ^vif); do /sbin/tc qdisc show dev $card | grep clsact; done
        ls /run/prerecord 2>/dev/null | grep overlay
        dmsetup table | grep -E ' (snapshot|snapshot-merge) '""", 120).stdout.strip()


def wait_nothing_noted(host, timeout=300):
    """Waits until nothing is noted any more: whatever was left behind has been taken up."""
    deadline = time.monotonic() + timeout
    while left := notes(host):
        if time.monotonic() > deadline:
            raise LabError(f"host{host.number} has notes after {timeout} s:\n{left}")
        time.sleep(1)
