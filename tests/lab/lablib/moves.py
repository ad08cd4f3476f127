"""Recordings and moves of guests by the module, measured."""
from lablib.guest import Guest

# A writer that leaves the emulated processor time for the move. (pci=noearly matters to HVM guests: configurations.HVM says why.)
PACED = 'extra="console=hvc0 quiet mitigations=off pci=noearly lab.workload=writer lab.mib=32 lab.rate=1000"'
METHODS = {
    "pre-copy": "-Method PreCopy",
    "post-copy": "-Method PostCopy",
    "hybrid": "-Method Hybrid",
    "observe": "-Method PreRecord -Mode Observe -Window 2s -Epoch 500ms",
    "rollback": "-Method PreRecord -Mode Rollback -Window 2s -Epoch 500ms",
}

# How much may be held back. What can be under way in the ring of a disk needs 33 MiB, and dom0's memory is small.
OUTPUT_LIMITS = "-OverlayLimit 80MB -PacketLimit 8MB"

# Post-copy so slow that most pages are still missing long after the guest runs at its destination.
SLOWLY = f"{METHODS['post-copy']} -BandwidthLimit 1MB/s"

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
$parts = [ordered] @{{}}
$r.DowntimeParts | ForEach-Object {{ $parts["$($_.Part)"] = $_.Duration.TotalSeconds }}
$prediction = $r.Details.Prediction
$pages = [ordered] @{{}}
$r.Pages | ForEach-Object {{ $pages["$($_.Kind)"] = $_.Count }}
@{{ total = $r.TotalTime.TotalSeconds; downtime = $r.Downtime.TotalSeconds; checkpoint = $r.CheckpointPause.TotalSeconds
   discarded = $r.DiscardedExecution.TotalSeconds; exposure = $r.Exposure.TotalSeconds
   bytes = $r.BytesSent; pushed = $r.PagesPushed; demanded = $r.PagesDemanded
   rounds = $r.Rounds; early = $r.PagesBeforeCommit; left = $r.PagesLeftAtCommit; core = $r.CorePages; tables = $r.PageTablePages
   recorded = $r.RecordedPages; backed = $r.BackedUpPages; faults = $r.RemoteFaults
   used = $prediction.Used; precision = $prediction.Precision; recall = $prediction.Recall; vcpus = @($r.Details.Faults.Vcpus.Vcpu)
   median = $l.Median.TotalSeconds; p99 = $l.P99.TotalSeconds; stall = $l.Total.TotalSeconds
   proved = $r.RollbackProof ? $r.RollbackProof.IsProved : $null; phases = $phases; parts = $parts; pages = $pages }} | ConvertTo-Json -Compress
"""


def move(way, guest, options, timeout=900):
    """Moves a guest with Invoke-PreRecordMigration; returns its result's numbers and the guest where it is now."""
    command = f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {options} -Confirm:$false -ErrorAction Stop"
    numbers = way.source.values(MEASURE.format(command=command), timeout)
    return numbers, Guest(way.target_host, guest.config, guest.name)
