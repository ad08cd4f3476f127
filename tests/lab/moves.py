"""Moves of guests by the module, measured: between two hosts through a tunnel, or on one host."""
from dataclasses import dataclass

from lab_guest import Guest, is_listening, wait_listening

RECEIVER_PORT, TUNNEL_PORT = 7000, 7001
# A writer that leaves the emulated processor time for the move.
PACED = 'extra="console=hvc0 quiet mitigations=off lab.workload=writer lab.mib=32 lab.rate=1000"'
# Not among the methods that are compared: a writer's rounds of pre-copy do not converge under emulation.
PRE_COPY = "-Method PreCopy"
METHODS = {
    "post-copy": "-Method PostCopy",
    "observe": "-Method PreRecord -Mode Observe -Window 2s -Epoch 500ms",
    "rollback": "-Method PreRecord -Mode Rollback -Window 2s -Epoch 500ms",
}

# JSON by hand: the shell has no ConvertTo-Json.
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
    """Starts a receiver where none listens yet."""
    shell.check(f"if (-not (Get-MigrationReceiver)) {{ Start-MigrationReceiver -Port {RECEIVER_PORT} -Confirm:$false }}")


def relay(host, address):
    """Passes what comes to the tunnel's port of a host on to an address."""
    host.run(f"socat -b 262144 TCP-LISTEN:{TUNNEL_PORT},fork,reuseaddr,nodelay TCP:{address},nodelay >/dev/null 2>&1 &").check()


def open_way(source, destination=None):
    """Starts a receiver at the destination (another dom0's shell; None: this host), and the tunnel to it."""
    if destination is None:
        receive(source)
        return Way(source, source, source.host, f"localhost:{RECEIVER_PORT}")
    receive(destination)
    if is_listening(source.host, TUNNEL_PORT):
        return Way(source, destination, destination.host, f"localhost:{TUNNEL_PORT}")
    # The lab's wire is inside the emulation; between real hosts this tunnel is `ssh -L`.
    relay(destination.host, f"127.0.0.1:{RECEIVER_PORT}")
    relay(source.host, f"{destination.host.address}:{TUNNEL_PORT}")
    wait_listening(destination.host, TUNNEL_PORT)
    wait_listening(source.host, TUNNEL_PORT)
    return Way(source, destination, destination.host, f"localhost:{TUNNEL_PORT}")


def move(way, guest, options, timeout=900):
    """Moves a guest with Invoke-PreRecordMigration; returns its result's numbers and the guest where it is now."""
    command = f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {options} -Confirm:$false"
    numbers = way.source.values(MEASURE.format(command=command), timeout)
    return numbers, Guest(way.target_host, guest.config, guest.name)
