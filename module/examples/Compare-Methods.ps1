<#
.SYNOPSIS
Moves the same busy simulated guest by pre-copy, post-copy, hybrid and pre-record, and shows the results side by side.

.DESCRIPTION
Needs no hypervisor. Each method gets a guest of its own with the same seed, so that all move the same work. The push rate
is limited, as a network would: what the guest touches before it has arrived is a remote page fault.

.EXAMPLE
./Compare-Methods.ps1 -Memory 128MB -Workload ManyProcesses
#>
param(
    [string] $Workload = 'HotSet',
    [long] $Memory = 64MB,
    [string] $BandwidthLimit = '32MB/s',
    [string] $Window = '500ms',
    [string] $Epoch = '50ms'
)

$ErrorActionPreference = 'Stop'
$source = 'sim1'
$destination = 'sim2'
$null = New-SimulatedHost $source, $destination
try {
    # With nothing to move, the cmdlet only checks what it is given: a mistake shows here, and not when half of the moves are done.
    @() | Invoke-PreRecordMigration -Destination $destination -Window $Window -Epoch $Epoch -BandwidthLimit $BandwidthLimit
    $moves = @(
        @{ Name = 'precopy'; Method = 'PreCopy' }
        @{ Name = 'postcopy'; Method = 'PostCopy' }
        @{ Name = 'hybrid'; Method = 'Hybrid' }
        @{ Name = 'observe'; Method = 'PreRecord'; Mode = 'Observe'; Window = $Window; Epoch = $Epoch }
        @{ Name = 'rollback'; Method = 'PreRecord'; Mode = 'Rollback'; Window = $Window; Epoch = $Epoch }
    )
    foreach ($move in $moves) {
        $null = New-SimulatedDomain $move.Name -HostName $source -Workload $Workload -Memory $Memory -Seed 7
        Invoke-PreRecordMigration @move -Destination $destination -BandwidthLimit $BandwidthLimit

        # The guest that has arrived goes on working; it would take processor time from the next move.
        Disconnect-MigrationHost $destination
        $null = New-SimulatedHost $destination
    }
}
finally {
    Disconnect-MigrationHost $source, $destination
}
