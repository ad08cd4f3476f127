"""What the guests `database` did, as others have it: the peer that they told of each transaction, and the disk itself."""
import base64
import gzip
import sqlite3
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from lablib.errors import LabError
from lablib.moves import OUTPUT_LIMITS

DISK, SIZE_MIB = "/dev/vg/guest", 24
TOLD = "/tmp/told"

# More words for a method.
LIMITS = defaultdict(str, rollback=OUTPUT_LIMITS)


def set_up(*hosts):
    """Makes the volume, the bridges and the peer; once in a lab."""
    for host in hosts:
        if host.run("[ -e /sys/class/net/xenbr0 ]").code != 0:
            host.run(f"/etc/xen/scripts/lab-shared {'make' if host.number == 1 else 'find'}", 120).check()


def make_disk(host):
    """Puts an empty file system on the volume, and forgets what was told."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        with open(image, "wb") as file:
            file.truncate(SIZE_MIB << 20)
        _run("mke2fs", "-q", "-t", "ext4", image)
        packed = gzip.compress(image.read_bytes(), 1)
    host.run(f"gunzip -c | dd of={DISK} bs=1M iflag=fullblock oflag=direct conv=fsync && rm -f {TOLD}", 300, packed).check()


def told(host):
    """(seconds, number) of each transaction that the peer has heard of, in the order in which it has."""
    lines = host.run(f"cat {TOLD}", 120).check().stdout.splitlines()
    return [(float(when), int(number)) for when, number in (line.split() for line in lines)]


def made(host):
    """The numbers of the transactions on the disk, whose file system and database are checked. The guest must be gone.

    A disk of a guest that is gone is like one of a machine that lost its power: the file system's journal is replayed, and then there must be nothing
    to mend; sqlite takes back what it was in the middle of.
    """
    text = host.run(f"dd if={DISK} iflag=direct bs=1M 2>/dev/null | gzip -1c | base64", 300).check().stdout
    with tempfile.TemporaryDirectory() as folder:
        image, database = Path(folder) / "image", Path(folder) / "db"
        image.write_bytes(gzip.decompress(base64.b64decode(text)))
        _run("e2fsck", "-p", image, allowed=(0, 1))
        _run("e2fsck", "-fn", image)
        for name in (database, Path(f"{database}-journal")):
            _run("debugfs", "-R", f"dump /{name.name} {name}", image)
        with sqlite3.connect(database) as connection:
            problems = connection.execute("PRAGMA integrity_check").fetchall()
            if problems != [("ok",)]:
                raise LabError(f"the database is not whole: {problems}")
            return [number for number, in connection.execute("SELECT n FROM entry ORDER BY n")]


def longest_gap(heard):
    """The longest time in which the peer heard nothing, in seconds."""
    return max((after[0] - before[0] for before, after in zip(heard, heard[1:])), default=0.0)


def _run(*command, allowed=(0,)):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode not in allowed:
        raise LabError(f"`{' '.join(map(str, command))}` ended with {result.returncode}\n{result.stdout}")
