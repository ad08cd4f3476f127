"""Recordings and moves of guests by the module, measured: between two hosts over TLS, or on one host."""
from dataclasses import dataclass

from lab_guest import Guest, wait_listening

PORT, RELAY_PORT = 7000, 7001
KEYS = "/tmp/prerecord-keys"
CERTIFICATES = f"-Certificate {KEYS}/host1.pem -TrustedCertificate {KEYS}/host2.pem"
# A writer that leaves the emulated processor time for the move. (pci=noearly matters to HVM guests: see their files.)
PACED = 'extra="console=hvc0 quiet mitigations=off pci=noearly lab.workload=writer lab.mib=32 lab.rate=1000"'
METHODS = {
    "pre-copy": "-Method PreCopy",
    "post-copy": "-Method PostCopy",
    "observe": "-Method PreRecord -Mode Observe -Window 2s -Epoch 500ms",
    "rollback": "-Method PreRecord -Mode Rollback -Window 2s -Epoch 500ms",
}

# JSON by hand: the shell has no ConvertTo-Json.
RECORD = """
$p = Start-PreRecord -Name {name} -Mode {mode} -Window 1s -Epoch 250ms -Confirm:$false -ErrorAction Stop
$proof = $p.RollbackProof
'{{"recorded":' + $p.RecordedPages + ',"backed":' + $p.BackedUpPages + ',"changed":' + [int]$proof.ChangedPages +
  ',"proved":' + $(if ($proof.IsProved) {{ 'true' }} else {{ 'false' }}) + '}}'
$p | Stop-PreRecord -Confirm:$false
"""

MEASURE = """
$r = {command}
$l = $r.FaultLatency
$proof = if ($r.RollbackProof) {{ if ($r.RollbackProof.IsProved) {{ 'true' }} else {{ 'false' }} }} else {{ 'null' }}
$phases = ($r.Phases | ForEach-Object {{ '"' + $_.Phase + '":' + $_.Duration.TotalSeconds.ToString([cultureinfo]::InvariantCulture) }}) -join ','
$number = {{ param($x) $x.TotalSeconds.ToString([cultureinfo]::InvariantCulture) }}
'{{"total":' + (& $number $r.TotalTime) + ',"downtime":' + (& $number $r.Downtime) + ',"checkpoint":' + (& $number $r.CheckpointPause) +
  ',"discarded":' + (& $number $r.DiscardedExecution) + ',"exposure":' + (& $number $r.Exposure) +
  ',"bytes":' + $r.BytesSent + ',"pushed":' + $r.PagesPushed + ',"demanded":' + $r.PagesDemanded +
  ',"core":' + $r.CorePages + ',"tables":' + $r.PageTablePages + ',"recorded":' + $r.RecordedPages + ',"backed":' + $r.BackedUpPages +
  ',"faults":' + $r.RemoteFaults + ',"median":' + (& $number $l.Median) + ',"p99":' + (& $number $l.P99) + ',"stall":' + (& $number $l.Total) +
  ',"proved":' + $proof + ',"phases":{{' + $phases + '}}}}'
"""


@dataclass(frozen=True)
class Way:
    """Where moves go: shells on both ends, and what the source calls its destination."""

    source: object
    destination: object
    target_host: object
    address: str


def receive(shell):
    """Starts a receiver on loopback where none listens yet."""
    shell.check(f"if (-not (Get-MigrationReceiver)) {{ Start-MigrationReceiver -Port {PORT} -Confirm:$false }}")


def identify(shell, name):
    """Makes a host's certificate where it has none yet; returns its text, which is all that leaves the host."""
    path = f"{KEYS}/{name}.pem"
    shell.host.run(f"mkdir -p {KEYS}").check()
    return shell.check(
        f"if (-not [IO.File]::Exists('{path}')) {{ $null = New-MigrationCertificate {name} -Path {KEYS} }}; [IO.File]::ReadAllText('{path}')", 600)


def trust(shell, name, certificate):
    """Brings another host's certificate."""
    shell.check(f"[IO.File]::WriteAllText('{KEYS}/{name}.pem', '{certificate.strip()}')")


def connect(source, destination):
    """Makes the second host a destination of the first one, by TLS with a certificate of each, as an administrator does."""
    certificates = {name: identify(shell, name) for name, shell in (("host1", source), ("host2", destination))}
    trust(source, "host2", certificates["host2"])
    trust(destination, "host1", certificates["host1"])
    address = destination.host.address
    destination.check(
        f"Start-MigrationReceiver -Address {address} -Port {PORT} -Certificate {KEYS}/host2.pem"
        f" -TrustedCertificate {KEYS}/host1.pem -Confirm:$false", 600)
    source.check(f"Connect-MigrationHost xen2 -Address {address}:{PORT} {CERTIFICATES}", 600)


def relay(way):
    """Starts a relay to the way's receiver, which can be cut; returns the destination's name for the way through it."""
    host = way.source.host
    host.run(f"socat TCP-LISTEN:{RELAY_PORT},fork,reuseaddr TCP:{way.target_host.address}:{PORT} >/dev/null 2>&1 &").check()
    wait_listening(host, RELAY_PORT)
    way.source.check(f"if (-not (Get-MigrationHost relayed*)) {{ $null = Connect-MigrationHost relayed -Address 127.0.0.1:{RELAY_PORT} {CERTIFICATES} }}", 600)
    return "relayed"


def cut_relay(way):
    """Ends the relay with every connection through it."""
    way.source.host.run("killall socat && while killall -0 socat 2>/dev/null; do sleep 0.1; done").check()


def open_way(source, destination=None):
    """Starts a receiver at the destination (another dom0's shell; None: this host), and names the way to it."""
    if destination is None:
        receive(source)
        return Way(source, source, source.host, f"localhost:{PORT}")
    if not source.check("Get-MigrationHost xen2*").strip():
        connect(source, destination)
    return Way(source, destination, destination.host, "xen2")


def move(way, guest, options, timeout=900):
    """Moves a guest with Invoke-PreRecordMigration; returns its result's numbers and the guest where it is now."""
    command = f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {options} -Confirm:$false -ErrorAction Stop"
    numbers = way.source.values(MEASURE.format(command=command), timeout)
    return numbers, Guest(way.target_host, guest.config, guest.name)
