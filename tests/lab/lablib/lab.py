"""The lab: one or two emulated Xen hosts, and a way to run commands in their dom0.

    with Lab(hosts=2, share="publish", time_limit=600) as lab:
        result = lab.host(1).run("xl list", timeout=30)
        print(result.code, result.stdout)

A lab that `tests/lab/run --keep` holds up is reached with Lab.attach().
"""
import argparse
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from lablib import configurations, machine
from lablib.errors import LabError
from lablib.frames import frame, receive_frame
from lablib.host import Host
from lablib.link import Link
from lablib.paths import ARTIFACTS, LAB
from lablib.server import Server

ENVIRONMENT = "PRERECORD_LAB"
# Of Debian: what tests/lab/build --release takes.
RELEASES = ("bookworm", "trixie")
DISK_SIZE = 64 << 20


def default_runtime():
    """Where the control sockets of running labs are: short, because a socket's path must be."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"prerecord-lab-{os.getuid()}"


def releases_of(text):
    """The releases that a command's --release names, as argparse wants it: one, or one for each host, with a comma between."""
    releases = tuple(text.split(","))
    for release in releases:
        if release not in RELEASES:
            raise argparse.ArgumentTypeError(f"there is no release {release!r}, but {', '.join(RELEASES)}")
    return releases


class Lab:
    """Boots hosts on entering a `with` block, and leaves no process behind on leaving it, however that happens.

    name          of the lab: its control socket is <runtime>/<name>
    hosts         1, or 2 joined by an emulated network (10.77.0.1 and 10.77.0.2)
    share         a folder that every dom0 sees as /share, read and write
    output        a folder for serial logs and guest consoles
    boot_limit    seconds until every dom0 must answer
    time_limit    seconds until the whole lab is brought down; None for no limit
    hypervisor    "patched", "debug", "unpatched" or "stock": see tests/lab/build
    releases      of Debian, in RELEASES: one for all hosts, or one for each
    images        folders with what the machines boot, as `tests/lab/build --print` names them: one for all hosts, or one for each; None: what it
                  builds for `hypervisor` and `releases`
    shape         more of what each machine is made of: see machine.Shape
    """

    def __init__(self, name="lab", hosts=1, share=None, output=None, boot_limit=600, time_limit=None, hypervisor="patched", images=None, log=None,
                 releases=("bookworm",), **shape):
        self.shape = machine.Shape(**shape)
        if hosts not in (1, 2):
            raise LabError("a lab has 1 or 2 hosts")
        if self.shape.counted and hosts > 1:
            raise LabError("two hosts cannot have counted time: each would have one of its own")
        if len(releases) not in (1, hosts):
            raise LabError(f"{hosts} host(s) cannot be of {len(releases)} releases")
        if images and len(images) not in (1, hosts):
            raise LabError(f"{hosts} host(s) cannot boot from {len(images)} folders")
        self.name, self.count = name, hosts
        self.output = Path(output or ARTIFACTS / "lab" / name).resolve()
        self.share = Path(share).resolve() if share else None
        self.boot_limit, self.time_limit = boot_limit, time_limit
        self.hypervisor = hypervisor
        self.images = [Path(images[number % len(images)]).resolve() for number in range(hosts)] if images else None
        self.releases = releases if len(releases) == hosts else releases * hosts
        self.control = str(default_runtime() / name)
        self.boot_seconds = None
        self._log = log or (lambda text: print(text, file=sys.stderr, flush=True))
        self._machines, self._links, self._server, self._timer = [], [], None, None
        self._ended = threading.Event()

    @staticmethod
    def attach(name=None):
        """A lab that runs already: by name, or the one that `tests/lab/run -- command` brought up for this command."""
        control = str(default_runtime() / name) if name else os.environ.get(ENVIRONMENT) or str(default_runtime() / "lab")
        return AttachedLab(control)

    def host(self, number):
        return Host(self.control, number)

    def __enter__(self):
        try:
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def wait(self, seconds=None):
        """Waits until the lab ends by itself: a machine died or the time limit passed. True if it ended."""
        return self._ended.wait(seconds)

    # Booting

    def _boot(self):
        started = time.monotonic()
        images = self.images or self._built()
        self.output.mkdir(parents=True, exist_ok=True)
        if self.share:
            self.share.mkdir(parents=True, exist_ok=True)
        configurations.write(self.output / "guests")
        self._server = Server(self.control, self._link, self._ended.set)
        self._log(f"lab: images ready after {time.monotonic() - started:.1f} s; booting {self.count} host(s), logs in {self.output}")
        if self.time_limit:
            self._timer = threading.Timer(self.time_limit, self._out_of_time)
            self._timer.daemon = True
            self._timer.start()
        started = time.monotonic()
        with open(self.output / "disk.img", "wb") as disk:
            disk.truncate(DISK_SIZE)
        wires = socket.socketpair() if self.count == 2 else (None,)
        for number, wire in enumerate(wires, 1):
            self._start_machine(images[number - 1], number, wire)
        for link in self._links:
            link.greet(started + self.boot_limit)
            self._log(f"lab: host{link.number} answers after {time.monotonic() - started:.1f} s")
        self.boot_seconds = time.monotonic() - started

    def _built(self):
        """The folder with what each machine boots, made where it is not there."""
        folders = {}
        for release in self.releases:
            if release in folders:
                continue
            folder = subprocess.run([LAB / "build", "--print", "--release", release, "--hypervisor", self.hypervisor],
                                    stdout=subprocess.PIPE, check=False, text=True)
            if folder.returncode != 0:
                raise LabError(f"the lab could not be built from {release}")
            folders[release] = Path(folder.stdout.strip())
        return [folders[release] for release in self.releases]

    def _start_machine(self, images, number, wire):
        ours, theirs = socket.socketpair()
        serial = self.output / f"host{number}-serial.log"
        consoles = self.output / f"host{number}"
        consoles.mkdir(exist_ok=True)
        shares = [("lab", images / "guest", ",readonly=on"), ("guests", self.output / "guests", ""), ("out", consoles, "")]
        if self.share:
            shares.append(("share", self.share, ""))
        wires = [wire] if wire else []
        command = self.shape.command(images, number, self.count, self.output / "disk.img", serial, theirs.fileno(), shares, *(end.fileno() for end in wires))
        started = machine.start(command, [end.fileno() for end in (theirs, *wires)], self.output / f"host{number}-qemu.log")
        for end in (theirs, *wires):
            end.close()
        self._machines.append(started)
        self._links.append(Link(ours, number, serial, started, self._machine_ended))

    def _link(self, number):
        return next((link for link in self._links if link.number == number and link.ready), None)

    # Ending

    def _machine_ended(self, link):
        if not self._ended.is_set():
            self._log(f"lab: host{link.number} went down; see {link.serial}")
            self._ended.set()

    def _out_of_time(self):
        self._log(f"lab: the time limit of {self.time_limit} s has passed")
        self._end_machines()
        self._ended.set()

    def _end_machines(self):
        for machine in self._machines:
            if machine.poll() is None:
                machine.kill()
        for machine in self._machines:
            machine.wait()

    def close(self):
        """Ends every machine and removes the control socket. May be called twice."""
        self._ended.set()
        if self._timer:
            self._timer.cancel()
        self._end_machines()
        for link in self._links:
            link.close()
        if self._server:
            self._server.close()
            self._server = None


class AttachedLab:
    """A lab of another process."""

    def __init__(self, control):
        self.control = control

    def host(self, number):
        return Host(self.control, number)

    def has_host(self, number):
        """Whether the lab has a host of this number, which answers."""
        return self.host(number).run("true").code == 0

    def stop(self):
        """Asks the process that holds the lab to end it."""
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(self.control)
                connection.sendall(frame("S"))
                receive_frame(connection)
            except (OSError, EOFError) as error:
                raise LabError(f"no lab answers at {self.control}: {error}") from None
