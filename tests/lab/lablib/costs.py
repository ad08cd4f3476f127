"""What a move costs its dom0: processor time of the tools at each end, and of all that runs there."""
import re
from dataclasses import dataclass

# Ticks of /proc a second.
HERTZ = 100


@dataclass(frozen=True)
class Cost:
    """Seconds of processor time: of the source's tool and the destination's with their children, and of all of dom0 with its kernel."""

    source: float
    destination: float
    dom0: float


class Meter:
    """Measures between its making and `read`. Both shells are on one host, each with a process of its own."""

    def __init__(self, source, destination):
        self._shells = source, destination
        self._start = self._now()

    def read(self):
        return Cost(*(now - start for now, start in zip(self._now(), self._start)))

    def _now(self):
        host = self._shells[0].host
        paths = " ".join(f"/proc/{shell.pid}/stat" for shell in self._shells)
        *processes, first = host.run(f"cat {paths}; head -n 1 /proc/stat", 120).check().stdout.splitlines()
        return [process_seconds(line) for line in processes] + [dom0_seconds(first)]


def process_seconds(line):
    """Of a line of /proc/PID/stat: user and system time, of the process and of its children that have ended."""
    fields = line.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / HERTZ


def dom0_seconds(line):
    """Of the first line of /proc/stat: all that is not idle, waiting, or taken by others."""
    user, nice, system, _, _, irq, softirq = (int(field) for field in line.split()[1:8])
    return (user + nice + system + irq + softirq) / HERTZ


def shell_seconds(line):
    """Of a line that a shell's `times` prints: user and system time, such as `0m1.250000s 0m0.500000s`."""
    return sum(60 * int(minutes) + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", line))
