"""Guests of the lab: start them, ask what they counted, move them with Xen's own tools."""
import contextlib
import re
import time
from dataclasses import dataclass

from lablib.costs import Cost, dom0_seconds, shell_seconds
from lablib.errors import LabError
from lablib.ports import wait_listening


@dataclass(frozen=True)
class Report:
    """What a guest said of itself: heartbeats, checks made, errors found."""

    beat: int
    checks: int
    writes: int
    errors: int
    spawned: int
    keys: int
    uptime: float
    workload: str

    @staticmethod
    def parse(text):
        fields = dict(part.split("=", 1) for part in text.split())
        return Report(*(int(fields[name]) for name in ("beat", "checks", "writes", "errors", "spawned", "keys")),
                      float(fields["uptime"]), fields["workload"])


@dataclass(frozen=True)
class Migration:
    """What `xl migrate` took, by dom0's clock. `downtime` begins when the guest is asked to suspend; `bytes` is what crossed the pipe; `cost` is what dom0
    spent where both ends are on one host, the pipe's own program with the source's end."""

    seconds: float
    downtime: float
    bytes: int
    cost: Cost | None = None


class Guest:
    """A guest on a host, by its name. The name is that of the configuration unless `name` says otherwise."""

    def __init__(self, host, config, name=None):
        self.host, self.config, self.name = host, config, name or config

    def create(self, *overrides, timeout=120):
        """`overrides` are configuration lines: Guest(host, "writer").create("vcpus=2")."""
        lines = [f'name="{self.name}"', *overrides]
        self.host.run(["xl", "create", f"/guests/{self.config}.cfg", *lines], timeout).check()
        return self

    def destroy(self, timeout=120):
        self.host.run(["xl", "destroy", self.name], timeout).check()

    def exists(self):
        return self.host.run(["xl", "domid", self.name]).code == 0

    def read(self, key):
        """A key of the guest's own part of xenstore, or None if it is not there."""
        result = self.host.run(f"xenstore-read /local/domain/$(xl domid {self.name})/{key}", 120)
        return result.stdout.strip() if result.code == 0 else None

    def write(self, key, value):
        self.host.run(f"xenstore-write /local/domain/$(xl domid {self.name})/{key} '{value}'", 120).check()

    def report(self):
        text = self.read("data/lab")
        return Report.parse(text) if text else None

    def wait_report(self, condition, what, timeout=240):
        """Waits until the guest's report meets `condition`, and returns it."""
        deadline = time.monotonic() + timeout
        while True:
            report = self.report()
            if report and condition(report):
                return report
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not come to {what} within {timeout} s; its last report: {report}; {self.read('data/lab-error') or 'no error'}")
            time.sleep(0.5)

    def listed(self):
        """What `xl list` says of it: name, number, MiB that it has now, vCPUs, state, seconds of processor time; as words."""
        return self.host.run(["xl", "list", self.name], 120).check().stdout.splitlines()[1].split()

    def memory(self):
        """MiB that the guest has now, whatever its balloon is to come to."""
        return int(self.listed()[2])

    def wait_ready(self, timeout=240):
        """Waits until the workload runs (and redis is filled)."""
        def ready(report):
            if report.workload in ("redis", "mixed") and report.keys == 0:
                return False
            return report.beat >= 2 and (report.checks > 0 or report.workload in ("idle", "nosuspend"))
        return self.wait_report(ready, "its first checks", timeout)

    def wait_progress(self, beats=3, timeout=240):
        """Waits until the guest has reported `beats` more times, and returns (before, after)."""
        before = self.wait_report(lambda _: True, "a report", timeout)
        return before, self.wait_report(lambda report: report.beat >= before.beat + beats, f"beat {before.beat + beats}", timeout)

    def verify_redis(self, timeout=240):
        """Has every redis key re-read; returns (keys, right, wrong, missing)."""
        reply = self.request(int(time.time() * 1000) % 1_000_000_000 + 1, timeout)
        return tuple(int(reply[name]) for name in ("keys", "right", "wrong", "missing"))

    def request(self, number, timeout=240):
        """Has the guest do what its workload does at a request: `redis` re-reads its keys, `trail` touches its pages in an order that
        follows from the number. Returns its reply when that is done."""
        self.write("data/lab-request", number)
        deadline = time.monotonic() + timeout
        while True:
            reply = dict(part.split("=") for part in (self.read("data/lab-reply") or "").split())
            if reply.get("request") == str(number):
                return reply
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not do as request {number} asks within {timeout} s")
            time.sleep(0.5)  # asking without a pause would take the processor from the guest

    def save(self, path, timeout=300):
        self.host.run(["xl", "save", self.name, path], timeout).check()

    def restore(self, path, timeout=300):
        self.host.run(["xl", "restore", path], timeout).check()

    def migrate(self, target=None, timeout=900):
        """`xl migrate` to `target` (another Host; None: the same host), measured. Returns a Migration."""
        port = 7700
        if target is None:
            receive = "{ xl migrate-receive; times > /tmp/migrate.received; }"
        else:
            # socat, because busybox's nc copies a kilobyte at a time.
            server = target.start(f"socat -b 262144 TCP-LISTEN:{port},reuseaddr,nodelay EXEC:'xl migrate-receive'")
            wait_listening(target, port)
            receive = f"socat -b 262144 STDIO TCP:{target.address}:{port},nodelay"
        # GNU's dd, by its path, counts what passes (busybox's counts records); uptime stamps each line, so that the downtime
        # is that between two of them.
        script = (f"""rm -f /tmp/migrate.*
            {{ head -n 1 /proc/stat; xl -vvv migrate -s "" {self.name} "/bin/dd bs=1M 2>/tmp/migrate.dd | {receive}"; echo "code $?"; times > /tmp/migrate.sent
            head -n 1 /proc/stat; }} 2>&1 |
            while read -r line; do read -r now _ < /proc/uptime; echo "$now $line"; done
            for _ in $(seq 100); do grep -q bytes /tmp/migrate.dd && break; sleep 0.2; done; cat /tmp/migrate.dd
            sed 's/^/sent /' /tmp/migrate.sent; [ ! -e /tmp/migrate.received ] || sed 's/^/received /' /tmp/migrate.received""")
        result = self.host.run(script, timeout).check()
        if target is not None:
            server.wait(60)
        return parse_migration(result)


def arriving(host, config, name, timeout=600):
    """Waits for the guest that comes in on a host as `name`, and returns it. It has a name of its own until it has arrived."""
    deadline = time.monotonic() + timeout
    while not (found := names_of_arrivals(host, name)):
        if time.monotonic() > deadline:
            raise LabError(f"no domain {name} came in on host{host.number} within {timeout} s")
        time.sleep(0.5)
    return Guest(host, config, found[0])


def names_of_arrivals(host, name):
    """What the domains are called that come in as `name`, or were left by a tool that died."""
    return re.findall(rf"^({re.escape(name)}--incoming\S*) ", host.run("xl list", 120).check().stdout, re.M)


def destroy_all(host, name):
    """Destroys a guest and what comes in by its name, where they are there."""
    for one in (name, *names_of_arrivals(host, name)):
        host.run(f"xl destroy {one} 2>/dev/null", 120)


@contextlib.contextmanager
def running(hosts, config, *overrides, name=None):
    """A guest that runs on the first of the hosts before, and is gone from each of them after."""
    guest = Guest(hosts[0], config, name).create(*overrides)
    try:
        guest.wait_ready()
        yield guest
    finally:
        for host in hosts:
            destroy_all(host, guest.name)


def parse_migration(result):
    text = result.stdout
    ended = re.search(r"^([\d.]+) code 0$", text, re.M)
    if not ended:
        raise LabError(f"xl migrate failed\n{text[-3000:]}")
    suspended = re.search(r"^([\d.]+) .*issuing .* suspend request", text, re.M)
    started = re.search(r"^([\d.]+) .*(Domain started success|reports successful startup)", text, re.M)
    count = re.search(r"^(\d+) bytes", text, re.M)
    spent = re.findall(r"^([\d.]+) (cpu .*)$", text, re.M)
    if not (suspended and started and count and len(spent) == 2):
        raise LabError(f"xl migrate says too little to be measured\n{text[-3000:]}")
    (begun, before), (_, after) = spent
    return Migration(float(ended[1]) - float(begun), float(started[1]) - float(suspended[1]), int(count[1]),
                     parse_cost(text, dom0_seconds(after) - dom0_seconds(before)))


def parse_cost(text, dom0):
    """What both ends say that they spent; None where they are on two hosts. A shell's first line is of itself, the second of its children."""
    received = re.findall(r"^received (.*)$", text, re.M)
    if not received:
        return None
    destination = sum(shell_seconds(line) for line in received)
    return Cost(sum(shell_seconds(line) for line in re.findall(r"^sent (.*)$", text, re.M)) - destination, destination, dom0)
