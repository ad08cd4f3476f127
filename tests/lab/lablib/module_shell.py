"""The product in a dom0: one long-lived PowerShell with the module loaded, because it takes long to start under emulation."""
import contextlib
import itertools
import json
import struct
import time

from lablib.errors import LabError

FOLDER = "/tmp/prerecord"
PWSH = f"{FOLDER}/pwsh"
_numbers = itertools.count(1)


def install(host):
    """Unpacks what tests/lab/publish made, into dom0's memory; does nothing the second time."""
    host.run(f"[ -x {PWSH} ] || {{ mkdir -p {FOLDER} && tar -C {FOLDER} -xf /share/prerecord.tar; }}", 300).check()


class Shells:
    """The long-lived shells of a lab's hosts; each starts when it is first needed. `paging`: as ModuleShell's."""

    def __init__(self, lab, paging=""):
        self._lab, self._paging, self._shells = lab, paging, {}

    def __getitem__(self, number):
        if number not in self._shells:
            self._shells[number] = ModuleShell(self._lab.host(number), paging=self._paging)
        return self._shells[number]

    def end(self):
        for shell in self._shells.values():
            shell.kill()
        self._shells.clear()


class ModuleShell:
    """Runs commands of the module in a dom0. Use as a context manager: the shell ends with it.

    paging  "ring": domains with nested paging are recorded and served by Xen's paging ring also where the hypervisor's extension would
    faulty  whether calls of Xen's libraries can be made to fail: see fail()
    clocked whether what it spends on what it keeps for other processes is added up: see spent()
    """

    def __init__(self, host, start_limit=600, paging="", faulty=False, clocked=False):
        install(host)
        self.host, self.paging = host, paging
        # A folder of its own, so that the calls of another shell beside it do not meet its faults.
        number = next(_numbers)
        self._faults, self._clock = f"/tmp/prerecord-faults-{number}", f"/tmp/prerecord-clock-{number}"
        preloaded = [f"LD_PRELOAD={FOLDER}/faults.so", f"LAB_FAULTS={self._faults}"] if faulty else []
        preloaded += [f"LD_PRELOAD={FOLDER}/clock.so", f"LAB_CLOCK={self._clock}"] if clocked else []
        self._process = host.start(["env", f"PRERECORD_XEN_PAGING={paging}", *preloaded, PWSH, "-NoProfile", "-NonInteractive",
                                    "-File", f"{FOLDER}/serve.ps1", "-Module", f"{FOLDER}/PreRecordMigration"])
        self._pending, self._errors, self._number = b"", b"", 0
        if "ready" not in self._answer(start_limit):
            raise LabError("PowerShell did not say that it is ready")
        self.pid = int(self.check("$PID"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        """Ends the shell at once, as a crash would."""
        if self._process.code is None:
            self._process.kill()
            try:
                self._process.wait(120)
            except LabError:
                pass

    @contextlib.contextmanager
    def stopped(self):
        """The shell's process is stopped meanwhile, as if its machine stood still."""
        self.host.run(f"kill -STOP {self.pid}").check()
        try:
            yield
        finally:
            self.host.run(f"kill -CONT {self.pid}").check()

    def end_alone(self):
        """Ends the shell's process alone by SIGKILL; the processes that it has started get no signal."""
        self.host.run(f"kill -KILL {self.pid}").check()
        self._process.wait(120)

    def fail(self, call, when="before", times=1):
        """Has a faulty shell's next calls fail ("pause", "unpause", "resume" or "destroy"), "before" they do anything, or "after" they did it.
        "hold" has them wait before they do anything, until heal()."""
        self.host.run(f"mkdir -p {self._faults} && echo {when} {times} > {self._faults}/{call}").check()

    def wait_held(self, call, timeout=600):
        """Waits until the last call that is to be held has come."""
        self.host.run(f"until read -r _ n < {self._faults}/{call} && [ $n = 0 ]; do sleep 0.1; done", timeout).check()

    def spent(self):
        """What a clocked shell has spent so far on what it keeps for other processes: seconds, calls, bytes given to files."""
        nanoseconds, calls, given = struct.unpack("=3Q", self.host.run(f"cat {self._clock}").check().output)
        return nanoseconds / 1e9, calls, given

    def heal(self):
        """Ends every fault, and lets go what is held. Returns by call how many were still to fail."""
        left = dict(line.split() for line in self.host.run(f"cd {self._faults} && for c in *; do read -r _ n < $c; echo $c $n; done").stdout.splitlines())
        self.host.run(f"rm -rf {self._faults}").check()
        return {call: int(times) for call, times in left.items()}

    def begin(self, command):
        """Sends a command without waiting; `finish` collects its answer."""
        self._number += 1
        self._process.write((json.dumps({"id": self._number, "command": command}) + "\n").encode())
        return self._number

    def cancel(self, number):
        """Ctrl+C for a command that was begun."""
        self._process.write((json.dumps({"cancel": number}) + "\n").encode())

    def finish(self, number, timeout=600):
        """The answer of a command: a dict with exitCode, stdout and stderr."""
        while True:
            answer = self._answer(timeout)
            if answer.get("id") == number:
                return answer

    def run(self, command, timeout=600):
        """Runs a command to its end."""
        return self.finish(self.begin(command), timeout)

    def check(self, command, timeout=600):
        """What a command that must succeed printed."""
        answer = self.run(command, timeout)
        if answer["exitCode"] != 0:
            raise LabError(f"`{command}` ended with {answer['exitCode']}\n{answer['stdout']}{answer['stderr']}")
        return answer["stdout"]

    def values(self, command, timeout=600):
        """The named values that a command printed as JSON."""
        return json.loads(self.check(command, timeout))

    def _answer(self, timeout):
        deadline = time.monotonic() + timeout
        while b"\n" not in self._pending:
            try:
                kind, payload = self._process.read(max(0.001, deadline - time.monotonic()))
            except TimeoutError:
                raise LabError(f"PowerShell did not answer within {timeout} s\n{self._errors.decode('utf-8', 'replace')}") from None
            if kind == "Q":
                raise LabError(f"PowerShell ended with {payload}\n{self._errors.decode('utf-8', 'replace')}")
            if kind == "O":
                self._pending += payload
            else:
                self._errors += payload
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)
