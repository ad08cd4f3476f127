"""Drives the hypervisor's extension in dom0, through the program in images/extension-tool."""
import re
import subprocess
import tempfile
from pathlib import Path

from lablib.errors import LabError
from lablib.paths import IMAGES, REPOSITORY

SOURCES = IMAGES / "extension-tool"
INTERFACE = REPOSITORY / "native" / "hypervisor" / "src" / "xen" / "include" / "public"
PROGRAM = "/tmp/extension-tool"

# What the interface's header defines by shifting a bit: the flags that `start` takes and `query` answers.
_BITS = {name: 1 << int(shift) for name, shift in
         re.findall(r"^#define XEN_PRERECORD_([A-Z]+)\s+\(1U << (\d+)\)", (INTERFACE / "prerecord.h").read_text(), re.MULTILINE)}
ACCESSES, BACKUPS, RUNNING, SERVING, FULL, LOST, HARVEST = (
    _BITS[name] for name in ("ACCESSES", "BACKUPS", "RUNNING", "SERVING", "FULL", "LOST", "HARVEST"))


def install(host):
    """Compiles the tool here and puts it into dom0."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "tool"
        sources = sorted(SOURCES.glob("*.c"))
        subprocess.run(["gcc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{SOURCES}", f"-I{INTERFACE}",
                        "-o", program, *sources], check=True)
        host.run(f"cat > {PROGRAM} && chmod +x {PROGRAM}", 300, stdin=program.read_bytes()).check()


class Refused(Exception):
    """The hypervisor refused; the text says with which error."""


class Tool:
    """One running tool for one guest. Called with a command line; answers what follows `ok`."""

    def __init__(self, guest):
        self._process = guest.host.start(f"exec {PROGRAM} $(xl domid {guest.name})")
        self._received = b""
        self._unanswered = []

    def send(self, command):
        """Gives the tool a command without waiting for its answer."""
        self._process.write(command.encode() + b"\n")
        self._unanswered.append(command)

    def receive(self, timeout=300):
        """The answer to the first command that has none yet."""
        command = self._unanswered.pop(0)
        while b"\n" not in self._received:
            kind, data = self._process.read(timeout)
            if kind == "Q":
                raise LabError(f"the tool ended with {data} at `{command}`")
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        result, _, text = line.decode().partition(" ")
        if result != "ok":
            raise Refused(f"{command}: {text}")
        return text

    def __call__(self, command, timeout=300):
        self.send(command)
        return self.receive(timeout)

    def numbers(self, command, timeout=300):
        """The answer's words `name number name number` as a dictionary."""
        return {name: int(number) for name, number in re.findall(r"([a-z0-9]+) (-?\d+)", self(command, timeout))}

    def records(self):
        """The ended epoch's records: (pfn, whether written), in order."""
        return [(int(word[:-1]), word[-1] == "w") for word in self("records").split()]

    def close(self):
        self._process.end_input()
        self._process.wait(60)

    def kill(self):
        """Ends the tool at once; once it has ended, does nothing."""
        if self._process.code is None:
            self._process.kill()
            self._process.wait(60)
