"""Moves of guests to and fro between two hosts, each of which meets a failure at a moment that a seed chooses.

After each round, whatever failed: the guest does not run twice. It runs, if need be after what the operating guide has an administrator do, and finds
no wrong byte for a minute. Nothing else of it is left on either host: no memory, no note, no file, no process.
"""
import random
import re
import time
from dataclasses import dataclass

from lablib.errors import LabError
from lablib.guest import Guest, destroy_all
from lablib.marks import kept_files, wait_nothing_noted
from lablib.memory import expect_memory, free_memory
from lablib.module_shell import ModuleShell
from lablib.moves import METHODS, RECORD
from lablib.ports import forward, is_listening
from lablib.service import Service
from lablib.ways import PORT, RELAY_PORT, receive, share_key

CUT, SOURCE, DESTINATION, BOTH = "connections cut", "source's tool killed", "destination's tool killed", "both tools killed"
FAULTS = (CUT, SOURCE, DESTINATION, BOTH)
RAN_ON, ARRIVED, RESUMED, TAKEN_OVER, UNASKED, BY_HAND = (
    "ran on at its source", "arrived", "resumed", "taken over", "taken over by the service", "by the guide's command")
OUTCOMES = (RAN_ON, ARRIVED, RESUMED, TAKEN_OVER, UNASKED, BY_HAND)
PATIENCE = 600
# Seconds for which a guest must find no wrong byte after each round.
WATCHED = 60
# What the toolstack starts beside a domain.
PROCESSES = "ps -o pid,args | grep -E '[x]l (create|restore|migrate)|[l]ibxl-save-helper|[x]en-qemu-system'"
# The port at which a host takes in what comes over the wire. What goes out goes through RELAY_PORT of the host's loopback.
ENTRANCE = RELAY_PORT + 1


@dataclass(frozen=True)
class Kind:
    """What is moved: a guest of a configuration, recorded and served by the hypervisor's extension, or by Xen's paging ring; taken in by a shell, or
    by the receiver's service of its package, which both hosts have then."""

    config: str
    paging: str = ""
    by_service: bool = False

    @classmethod
    def parse(cls, text):
        """Understands CONFIG[:ring][:service]."""
        config, *words = text.split(":")
        if not config or words not in ([], ["ring"], ["service"], ["ring", "service"]):
            raise ValueError(f"'{text}' is not CONFIG[:ring][:service]")
        return cls(config, "ring" if "ring" in words else "", "service" in words)

    def __str__(self):
        # The extension takes no HVM guest.
        ring = self.paging or self.config.startswith("hvm")
        return f"{self.config} by the {'ring' if ring else 'extension'}{', to the service' if self.by_service else ''}"


@dataclass(frozen=True)
class Round:
    """What one round was, and what came of it. `said` is what the surviving side said, `copies` what there was before anything was mended."""

    seed: int
    number: int
    kind: str
    method: str
    fault: str
    moment: float
    outcome: str
    said: str
    copies: str

    def __str__(self):
        return f"{self.number}: {self.kind}, {self.method}, {self.fault} after {self.moment:.1f} s: {self.outcome}. {self.copies}. {self.said}"


class Rounds:
    """The rounds of a seed. The same seed makes the same choices, but the machine's speed decides in which state they strike."""

    def __init__(self, lab, seed, overrides=(), methods=METHODS, faults=FAULTS):
        self._seed, self._random = seed, random.Random(seed)
        self._lab, self._overrides, self._methods, self._faults = lab, overrides, methods, faults
        self._shells, self._services, self._durations, self._cases, self._number = {}, {}, {}, [], 0
        self._kind = self.guest = self._settled_at = None
        # By host: what its hypervisor has free while the guest is not there.
        self._free = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.give_up()

    def begin(self, kind):
        """Goes on with a guest of this kind. The first one is moved by each method with nothing in the way, to learn how late a failure may come."""
        self.give_up()
        self._kind = kind
        if kind.by_service:
            self._services = {host.number: Service(host, kind.paging).__enter__() for host in self._hosts()}
        for method in [] if self._durations else self._methods:
            self._durations[method] = self._move(method)
            self._require_nothing_left()

    def next(self):
        """Makes the next round."""
        self._start()
        self._number += 1
        method, fault = self._next_case()
        here, there = self._ends()
        self._watch()
        for service in self._services.values():
            service.said_since_last()
        moment = self._random.random() * self._durations[method]
        number = here.begin(self._command(method, here, there))
        time.sleep(moment)
        self._strike(fault, here, there)
        answer = None if fault in (SOURCE, BOTH) else here.finish(number, PATIENCE)
        copies = self._require_one()
        try:
            outcome, said = self._settle(fault, answer, here, there)
        finally:
            self._require_one()
        if self._services:
            self._require_nothing_left()
        return Round(self._seed, self._number, str(self._kind), method, fault, moment, outcome, " ".join(said.split())[:400], copies)

    def end_kind(self):
        """Watches the guest once more, destroys it, and finds nothing of it on either host. What a killed shell has left where no service is, the
        next arrival there takes away."""
        self._watch()
        if not self._services:
            for _ in self._hosts():
                self._move("pre-copy")
            self._require_nothing_left()
        self._lose()
        for host in self._hosts():
            self._require_empty(host, "it is destroyed")

    def give_up(self):
        """After a round that failed, or at the end: what comes next begins with a fresh guest and fresh tools."""
        for shell in self._shells.values():
            shell.kill()
        self._shells.clear()
        for service in self._services.values():
            service.__exit__()
        self._services.clear()
        if self._kind is not None:
            self._lose()

    # What is there

    def _hosts(self):
        return [self._lab.host(1), self._lab.host(2)]

    def _shell(self, host):
        if host.number not in self._shells:
            self._shells[host.number] = ModuleShell(host, paging=self._kind.paging)
        return self._shells[host.number]

    def _ends(self):
        """The shells where the guest is and where it goes."""
        here = self.guest.host
        return self._shell(here), self._shell(self._hosts()[2 - here.number])

    def _move(self, method):
        """Moves the guest with nothing in the way; returns how many seconds that took."""
        self._start()
        here, there = self._ends()
        started = time.monotonic()
        answer = here.finish(here.begin(self._command(method, here, there)), PATIENCE * 2)
        if answer["exitCode"] != 0:
            raise LabError(f"{method} with nothing in the way: {answer['stderr']}")
        taken = time.monotonic() - started
        self._settled(there.host)
        return taken

    def _next_case(self):
        """Each method with each failure once, in an order of chance, and then again."""
        if not self._cases:
            self._cases = [(method, fault) for method in self._durations for fault in self._faults]
            self._random.shuffle(self._cases)
        return self._cases.pop()

    def _start(self):
        if self.guest is None:
            self._free = {host.number: free_memory(host) for host in self._hosts()}
            self.guest = Guest(self._lab.host(1), self._kind.config).create(*self._overrides)
            self.guest.wait_ready(PATIENCE)
            self._settled_at = time.monotonic()

    def _watch(self):
        """Waits until the guest has checked itself for a minute since it last moved, or was mended: it goes on, and finds nothing wrong."""
        before = self.guest.wait_report(lambda _: True, "a report", PATIENCE)
        time.sleep(max(0, self._settled_at + WATCHED - time.monotonic()))
        after = self.guest.wait_report(lambda report: report.checks > before.checks, "checks after a minute", PATIENCE)
        if after.errors:
            raise AssertionError(f"{after.errors} wrong: {self.guest.read('data/lab-error')}")

    def _command(self, method, here, there):
        self._open(here, there)
        return (f"$null = Invoke-PreRecordMigration -Name {self.guest.name} -Destination localhost:{RELAY_PORT} {METHODS[method]} "
                "-Confirm:$false -ErrorAction Stop")

    def _open(self, here, there):
        """Opens the way from one host to the receiver of the other where it is not open: one that can be cut, and encrypts nothing."""
        if there.host.number in self._services:
            self._services[there.host.number].wait_ready()
        else:
            receive(there)
        share_key(there.host, here.host)
        if not is_listening(there.host, ENTRANCE):
            forward(there.host, ENTRANCE, f"127.0.0.1:{PORT}", f",bind={there.host.address}")
        if not is_listening(here.host, RELAY_PORT):
            forward(here.host, RELAY_PORT, f"{there.host.address}:{ENTRANCE}", ",bind=127.0.0.1")

    def _copies(self, host):
        """The copies of the guest on a host: names, numbers and whether they can run."""
        name = re.escape(self._kind.config)
        listed = re.findall(rf"^({name}(?:--incoming\S*)?) +(\d+) +\d+ +\d+ +(\S+)", host.run("xl list", 120).check().stdout, re.M)
        return [(found, int(number), not set("psd") & set(state)) for found, number, state in listed]

    def _require_one(self):
        """Fails where two copies can run. Says what there is."""
        found = [(host.number, *copy) for host in self._hosts() for copy in self._copies(host)]
        words = ", ".join(f"{name} {'runs' if runs else 'stands'} on host{host}" for host, name, _, runs in found) or "none"
        if sum(runs for *_, runs in found) > 1:
            raise AssertionError(f"two copies run: {words}")
        return words

    # What is done

    def _strike(self, fault, here, there):
        if fault == CUT:
            here.host.run("killall -KILL socat").check()
        else:
            if fault in (DESTINATION, BOTH):
                self._kill_receiver(there)
            if fault in (SOURCE, BOTH):
                self._kill(here)

    def _kill(self, shell):
        shell.end_alone()
        del self._shells[shell.host.number]

    def _kill_receiver(self, there):
        if there.host.number in self._services:
            self._services[there.host.number].kill()
        else:
            self._kill(there)

    def _settle(self, fault, answer, here, there):
        if fault in (SOURCE, BOTH) and self._services:
            return self._unasked(here.host, there.host)
        if fault == SOURCE:
            return self._after_source(here.host, there)
        if fault == BOTH:
            return self._after_source(here.host, self._shell(there.host))
        if answer["exitCode"] == 0:
            return self._settled(there.host, ARRIVED)
        state = here.check(f'"$(@(Get-Migration {self.guest.name})[-1].State)"').strip()
        said = answer["stderr"]
        if state != "Interrupted":
            return self._settled(here.host, RAN_ON, said)
        if fault == CUT:
            return self._resume(here, there, said)
        return self._after_destination(here, there.host, said)

    def _resume(self, here, there, said):
        self._open(here, there)
        answer = here.run(f"Resume-Migration {self.guest.name} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop", PATIENCE)
        if answer["exitCode"] == 0:
            return self._settled(there.host, RESUMED, said)
        # The source may have learned that the guest never ran there, and let it run on.
        return self._settled(here.host, RAN_ON, answer["stderr"])

    def _after_source(self, host, there):
        """The source's process is gone: what a new one says of the guest, and what the destination has."""
        self._wait_ended(there)
        new = self._shell(host)
        answer = new.run(RECORD.format(name=self.guest.name, mode="Observe"), PATIENCE)
        said = answer["stderr"]
        if answer["exitCode"] == 0:
            return self._settled(host, RAN_ON, "it was mended")
        if "DomainNotFound" in said:
            if [copy for copy in self._copies(there.host) if copy[0] == self.guest.name]:
                return self._settled(there.host, ARRIVED, said)
            return self._name(there, said)
        if "DomainState" not in said:
            raise AssertionError(f"a new tool at the source said: {said}")
        self._open(new, there)
        taken = new.run(f"Resume-Migration {self.guest.name} -TakeOver -Destination localhost:{RELAY_PORT} -Confirm:$false -ErrorAction Stop "
                        "| Wait-Migration -ErrorAction Stop", PATIENCE)
        if taken["exitCode"] == 0:
            return self._settled(there.host, TAKEN_OVER, said)
        if "it runs on here" in taken["stderr"]:
            return self._settled(host, TAKEN_OVER, taken["stderr"])
        raise AssertionError(f"it was not taken over: {taken['stderr']}")

    def _unasked(self, here, there):
        """The services of the hosts find what was left, and nobody asks for anything."""
        for host in (here, there):
            self._services[host.number].wait_ready()
            wait_nothing_noted(host, PATIENCE)
        said = self._services[here.number].said_since_last()
        has_arrived = Guest(there, self._kind.config).exists()
        outcome = UNASKED if "goes on here" in said else ARRIVED if has_arrived else RAN_ON
        return self._settled(there if has_arrived else here, outcome, said)

    def _after_destination(self, here, host, said):
        """The destination's process is gone after the commit: another one takes over what it had when the source comes back."""
        self._open(here, self._shell(host))
        answer = here.run(f"Resume-Migration {self.guest.name} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop", PATIENCE)
        if answer["exitCode"] == 0:
            return self._settled(host, TAKEN_OVER, said)
        if "runs on here" in answer["stderr"]:
            return self._settled(here.host, TAKEN_OVER, answer["stderr"])
        raise AssertionError(f"it was not taken over: {answer['stderr']}")

    def _name(self, there, said):
        """The whole guest at its destination gets its name when its source will not come back."""
        there.check("Get-MigrationReceiver | Stop-MigrationReceiver -Force -Confirm:$false", PATIENCE)
        return self._settled(there.host, BY_HAND, said)

    def _settled(self, host, outcome="", said=""):
        """The guest runs on this host by its name, as the only copy, and finds no error."""
        self.guest = Guest(host, self._kind.config)
        if not self.guest.exists():
            raise AssertionError(f"the guest is not on host{host.number}: {said}")
        _, after = self.guest.wait_progress(3, PATIENCE)
        if after.errors:
            raise AssertionError(f"{after.errors} wrong: {self.guest.read('data/lab-error')}")
        for other in self._hosts():
            for name, _, runs in self._copies(other):
                if (other.number, name) != (host.number, self.guest.name) and runs:
                    raise AssertionError(f"{name} runs on host{other.number} too")
        self._settled_at = time.monotonic()
        return outcome, said

    def _require_nothing_left(self):
        """Of the guest there is nothing but itself on either host."""
        for host in self._hosts():
            wait_nothing_noted(host, PATIENCE)
            # Of what was taken down before it ran that is remembered, for a source that comes back.
            remembered = host.run("xenstore-list /prerecord/taken-down 2>/dev/null", 120).stdout.split()
            if files := kept_files(host) - set(remembered):
                raise AssertionError(f"host{host.number} has {', '.join(files)}")
            if host.number != self.guest.host.number:
                self._require_empty(host, f"it is on host{self.guest.host.number}")

    def _require_empty(self, host, where):
        """The host has no copy of the guest, none of its memory, and nothing that the toolstack starts beside a domain."""
        deadline = time.monotonic() + PATIENCE
        while left := [*self._copies(host), *host.run(PROCESSES, 120).stdout.splitlines()]:
            if time.monotonic() > deadline:
                raise AssertionError(f"{where}, and host{host.number} has {left}")
            time.sleep(1)
        expect_memory(host, self._free[host.number])
        self._free[host.number] = free_memory(host)

    def _lose(self):
        for host in self._hosts():
            destroy_all(host, self._kind.config)
        self.guest = None

    def _wait_ended(self, shell):
        """Waits until the destination has found out that its source is gone."""
        busy = "@(Get-MigrationReceiver | ForEach-Object Incoming | Where-Object State -notin Completed, Finished, Aborted, Detached, Unproved).Count"
        deadline = time.monotonic() + PATIENCE
        while shell.check(busy).strip() != "0":
            if time.monotonic() > deadline:
                raise LabError("the destination does not find out that its source is gone")
            time.sleep(1)


def row(head, rounds):
    """One row of the table; none where there were no such rounds."""
    counts = [sum(one.outcome == outcome for one in rounds) for outcome in OUTCOMES]
    return [f"| {head} | {len(rounds)} | {' | '.join(str(count or '') for count in counts)} |"] if rounds else []


def table(rounds):
    """The rounds as a Markdown table: by method and failure, and by kind of guest, what came of it."""
    lines = [f"| method | failure or guest | rounds | {' | '.join(OUTCOMES)} |", f"|{'---|' * (3 + len(OUTCOMES))}"]
    for method in METHODS:
        for fault in FAULTS:
            lines += row(f"{method} | {fault}", [one for one in rounds if (one.method, one.fault) == (method, fault)])
    for kind in sorted({one.kind for one in rounds}):
        lines += row(f"all | {kind}", [one for one in rounds if one.kind == kind])
    lines += row("all | ", rounds)
    seeds = ", ".join(str(seed) for seed in sorted({one.seed for one in rounds}))
    lines.append(f"\n{len(rounds)} rounds; seed {seeds}.")
    return "\n".join(lines)
