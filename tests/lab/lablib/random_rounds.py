"""Moves of guests to and fro between two hosts, each of which meets a failure at a moment that a seed chooses.

After each round, whatever failed: the guest does not run twice. It runs and finds no wrong byte, if need be after what the operating guide has an
administrator do. Or it is lost, which may happen only where the source's process died with the originals of a Rollback, and whoever comes next must
say so.
"""
import random
import re
import time
from dataclasses import dataclass

from lablib.errors import LabError
from lablib.guest import Guest, destroy_all, names_of_arrivals
from lablib.module_shell import ModuleShell
from lablib.moves import METHODS, RECORD
from lablib.ports import forward, is_listening
from lablib.ways import PORT, RELAY_PORT, receive, share_key

CUT, SOURCE, DESTINATION, BOTH = "connections cut", "source's tool killed", "destination's tool killed", "both tools killed"
FAULTS = (CUT, SOURCE, DESTINATION, BOTH)
RAN_ON, ARRIVED, RESUMED, TAKEN_OVER, BY_HAND, LOST = "ran on at its source", "arrived", "resumed", "taken over", "by the guide's command", "lost, and said so"
OUTCOMES = (RAN_ON, ARRIVED, RESUMED, TAKEN_OVER, BY_HAND, LOST)
PATIENCE = 600
# The port at which a host takes in what comes over the wire. What goes out goes through RELAY_PORT of the host's loopback.
ENTRANCE = RELAY_PORT + 1


@dataclass(frozen=True)
class Kind:
    """What is moved: a guest of a configuration, recorded and served by the hypervisor's extension, or by Xen's paging ring."""

    config: str
    paging: str = ""

    @classmethod
    def parse(cls, text):
        """Understands CONFIG or CONFIG:ring."""
        config, _, paging = text.partition(":")
        if not config or paging not in ("", "ring"):
            raise ValueError(f"'{text}' is not CONFIG or CONFIG:ring")
        return cls(config, paging)

    def __str__(self):
        return f"{self.config} by the {self.paging or 'extension'}"


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

    def __init__(self, lab, seed, overrides=()):
        self._seed, self._random = seed, random.Random(seed)
        self._lab, self._overrides = lab, overrides
        self._shells, self._durations, self._cases, self._number = {}, {}, [], 0
        self._kind = self.guest = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.give_up()

    def begin(self, kind, methods=METHODS):
        """Goes on with a guest of this kind. The first one is moved by each method with nothing in the way, to learn how late a failure may come."""
        self.give_up()
        self._kind = kind
        for method in [] if self._durations else methods:
            self._start()
            here, there = self._ends()
            started = time.monotonic()
            answer = here.finish(here.begin(self._command(method, here, there)), PATIENCE * 2)
            if answer["exitCode"] != 0:
                raise LabError(f"{method} with nothing in the way: {answer['stderr']}")
            self._durations[method] = time.monotonic() - started
            self._settled(there.host)

    def next(self):
        """Makes the next round."""
        self._start()
        self._number += 1
        method, fault = self._next_case()
        here, there = self._ends()
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
        return Round(self._seed, self._number, str(self._kind), method, fault, moment, outcome, " ".join(said.split())[:400], copies)

    def give_up(self):
        """After a round that failed, or at the end: what comes next begins with a fresh guest and fresh tools."""
        for shell in self._shells.values():
            shell.kill()
        self._shells.clear()
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

    def _next_case(self):
        """Each method with each failure once, in an order of chance, and then again."""
        if not self._cases:
            self._cases = [(method, fault) for method in self._durations for fault in FAULTS]
            self._random.shuffle(self._cases)
        return self._cases.pop()

    def _start(self):
        if self.guest is None:
            self.guest = Guest(self._lab.host(1), self._kind.config).create(*self._overrides)
            self.guest.wait_ready(PATIENCE)

    def _command(self, method, here, there):
        self._open(here, there)
        return (f"$null = Invoke-PreRecordMigration -Name {self.guest.name} -Destination localhost:{RELAY_PORT} {METHODS[method]} "
                "-Confirm:$false -ErrorAction Stop")

    @staticmethod
    def _open(here, there):
        """Opens the way from one host to the receiver of the other where it is not open: one that can be cut, and encrypts nothing."""
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
            for victim in {SOURCE: [here], DESTINATION: [there], BOTH: [here, there]}[fault]:
                victim.end_alone()
                del self._shells[victim.host.number]

    def _settle(self, fault, answer, here, there):
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
        copies = self._copies(there.host)
        if "DomainNotFound" in said:
            if [copy for copy in copies if copy[0] == self.guest.name]:
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
        if "in that tool's memory" not in taken["stderr"]:
            raise AssertionError(f"it was not taken over: {taken['stderr']}")
        return self._after_leaving(new, there, copies, taken["stderr"])

    def _after_leaving(self, here, there, copies, said):
        if not copies:
            return self._release(here, said)
        incoming = there.values("@((Get-MigrationReceiver).Incoming)[-1] | Select-Object State, MissingPages, Error | ConvertTo-Json -Compress")
        if incoming is None:
            # Its tool was killed, too, and nobody comes back for what it had.
            self._lose()
            return LOST, said
        if incoming["MissingPages"] == 0:
            here.host.run(["xl", "destroy", self.guest.name], 120).check()
            return self._name(there, said)
        if not incoming["Error"]:
            raise AssertionError(f"the destination misses {incoming['MissingPages']} pages and does not say why: {incoming}")
        there.check("Get-MigrationReceiver | Stop-MigrationReceiver -Force -Confirm:$false", PATIENCE)
        self._lose()
        return LOST, incoming["Error"]

    def _after_destination(self, here, host, said):
        """The destination's process is gone after the commit: another one takes over what it had when the source comes back."""
        self._open(here, self._shell(host))
        answer = here.run(f"Resume-Migration {self.guest.name} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop", PATIENCE)
        if answer["exitCode"] == 0:
            return self._settled(host, TAKEN_OVER, said)
        if "runs on here" in answer["stderr"]:
            return self._settled(here.host, TAKEN_OVER, answer["stderr"])
        raise AssertionError(f"it was not taken over: {answer['stderr']}")

    def _release(self, here, said):
        """The administrator says, by the command that the error has, that the guest never ran elsewhere."""
        command = re.search(r"Stop-Migration \S+ -NeverRanThere", said)
        if not command:
            raise AssertionError(f"no command in: {said}")
        here.check(f"{command[0]} -Force -Confirm:$false -ErrorAction Stop", PATIENCE)
        here.check(RECORD.format(name=self.guest.name, mode="Observe"), PATIENCE)
        return self._settled(here.host, BY_HAND, said)

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
        return outcome, said

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
