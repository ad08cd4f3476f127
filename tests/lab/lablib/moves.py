"""Recordings and moves of guests by the module, measured: between two hosts over TLS, or on one host."""
import time
from dataclasses import dataclass
from pathlib import Path

from lablib.guest import Guest, is_listening, wait_listening
from lablib.lab import LabError

PORT, RELAY_PORT = 7000, 7001

# Where root has the key by which both ends of loopback prove who they are (docs/protocol.md).
LOOPBACK_KEY = "/run/prerecord/loopback.key"
KEYS = "/tmp/prerecord-keys"
# A writer that leaves the emulated processor time for the move. (pci=noearly matters to HVM guests: see their files.)
PACED = 'extra="console=hvc0 quiet mitigations=off pci=noearly lab.workload=writer lab.mib=32 lab.rate=1000"'
METHODS = {
    "pre-copy": "-Method PreCopy",
    "post-copy": "-Method PostCopy",
    "observe": "-Method PreRecord -Mode Observe -Window 2s -Epoch 500ms",
    "rollback": "-Method PreRecord -Mode Rollback -Window 2s -Epoch 500ms",
}

RECORD = """
$p = Start-PreRecord -Name {name} -Mode {mode} -Window 1s -Epoch 250ms -Confirm:$false -ErrorAction Stop
@{{ recorded = $p.RecordedPages; backed = $p.BackedUpPages; changed = [int] $p.RollbackProof.ChangedPages
   proved = [bool] $p.RollbackProof.IsProved }} | ConvertTo-Json -Compress
$p | Stop-PreRecord -Confirm:$false
"""

MEASURE = """
$r = {command}
$l = $r.FaultLatency
$phases = @{{}}
$r.Phases | ForEach-Object {{ $phases["$($_.Phase)"] = $_.Duration.TotalSeconds }}
@{{ total = $r.TotalTime.TotalSeconds; downtime = $r.Downtime.TotalSeconds; checkpoint = $r.CheckpointPause.TotalSeconds
   discarded = $r.DiscardedExecution.TotalSeconds; exposure = $r.Exposure.TotalSeconds
   bytes = $r.BytesSent; pushed = $r.PagesPushed; demanded = $r.PagesDemanded; core = $r.CorePages; tables = $r.PageTablePages
   recorded = $r.RecordedPages; backed = $r.BackedUpPages; faults = $r.RemoteFaults
   median = $l.Median.TotalSeconds; p99 = $l.P99.TotalSeconds; stall = $l.Total.TotalSeconds
   proved = $r.RollbackProof ? $r.RollbackProof.IsProved : $null; phases = $phases }} | ConvertTo-Json -Compress
"""


@dataclass(frozen=True)
class Way:
    """Where moves go: shells on both ends, and what the source calls its destination."""

    source: object
    destination: object
    target_host: object
    address: str


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


def receive(shell):
    """Starts a receiver on loopback where none listens yet."""
    shell.check(f"if (-not (Get-MigrationReceiver)) {{ Start-MigrationReceiver -Port {PORT} -Confirm:$false }}")


def certificate(host):
    """Where a host's certificate lies, on every host."""
    return f"{KEYS}/host{host.number}.pem"


def certificates(own, other):
    """Options that say who a host is, and whom it trusts."""
    return f"-Certificate {certificate(own)} -TrustedCertificate {certificate(other)}"


def introduce(shell, other):
    """Makes the shell's host a certificate where it has none yet, and brings its text, which is all that leaves the host, to another host."""
    path = certificate(shell.host)
    shell.host.run(f"mkdir -p {KEYS}").check()
    text = shell.check(
        f"if (-not [IO.File]::Exists('{path}')) {{ $null = New-MigrationCertificate host{shell.host.number} -Path {KEYS} }}; [IO.File]::ReadAllText('{path}')", 600)
    other.host.run(f"mkdir -p {KEYS} && cat > {path}", stdin=text.strip().encode()).check()


def connect(source, destination):
    """Makes the second host a destination of the first one, by TLS with a certificate of each, as an administrator does."""
    introduce(source, destination)
    introduce(destination, source)
    address = f"{destination.host.address}:{PORT}"
    destination.check(
        f"if (-not (Get-MigrationReceiver | Where-Object {{ $_.Endpoint.Address.ToString() -eq '{destination.host.address}' }})) {{"
        f" Start-MigrationReceiver -Address {destination.host.address} -Port {PORT}"
        f" {certificates(destination.host, source.host)} -Confirm:$false }}", 600)
    source.check(f"Connect-MigrationHost xen{destination.host.number} -Address {address} {certificates(source.host, destination.host)}", 600)


def relay(way):
    """Starts a relay to the way's receiver, which can be cut; returns the destination's name for the way through it."""
    host = way.source.host
    forward(host, RELAY_PORT, f"{way.target_host.address}:{PORT}")
    way.source.check(
        f"if (-not (Get-MigrationHost relayed*)) {{ $null = Connect-MigrationHost relayed -Address 127.0.0.1:{RELAY_PORT}"
        f" {certificates(host, way.target_host)} }}", 600)
    return "relayed"


def cut_relay(way):
    """Ends the relay with every connection through it."""
    way.source.host.run("killall socat && while killall -0 socat 2>/dev/null; do sleep 0.1; done").check()


def forward(host, port, target, bind=""):
    """Forwards a port of a host, byte by byte."""
    host.run(f"socat -b 262144 TCP-LISTEN:{port},fork,reuseaddr,nodelay{bind} TCP:{target},nodelay >/dev/null 2>&1 &").check()
    wait_listening(host, port)


def share_key(of, to):
    """Gives a host the key by which both ends of loopback prove that they are one user's: root of one trusts root of the other."""
    key = of.run(f"cat {LOOPBACK_KEY}").check().stdout.strip()
    to.run(f"umask 077 && mkdir -p {Path(LOOPBACK_KEY).parent} && echo {key} > {LOOPBACK_KEY}").check()


def open_tunnel(source, destination):
    """A way to the receiver on another host's loopback by a tunnel that encrypts nothing: shows what TLS costs."""
    receive(destination)

    share_key(destination.host, source.host)
    address = destination.host.address
    if not is_listening(source.host, RELAY_PORT):
        forward(destination.host, RELAY_PORT, f"127.0.0.1:{PORT}", f",bind={address}")
        forward(source.host, RELAY_PORT, f"{address}:{RELAY_PORT}", ",bind=127.0.0.1")
    return Way(source, destination, destination.host, f"localhost:{RELAY_PORT}")


def open_way(source, destination=None):
    """Starts a receiver at the destination (another dom0's shell; None: this host), and names the way to it."""
    if destination is None:
        receive(source)
        return Way(source, source, source.host, f"localhost:{PORT}")
    name = f"xen{destination.host.number}"
    if not source.check(f"Get-MigrationHost {name}*").strip():
        connect(source, destination)
    return Way(source, destination, destination.host, name)


def move(way, guest, options, timeout=900):
    """Moves a guest with Invoke-PreRecordMigration; returns its result's numbers and the guest where it is now."""
    command = f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {options} -Confirm:$false -ErrorAction Stop"
    numbers = way.source.values(MEASURE.format(command=command), timeout)
    return numbers, Guest(way.target_host, guest.config, guest.name)
