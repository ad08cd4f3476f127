<#
.SYNOPSIS
Moves a simulated domain step by step: record, look at the order, decide about RemotePF, move.

.DESCRIPTION
Needs no hypervisor. The steps pipe into each other; what Invoke-PreRecordMigration does in one go is done here one by one.

.EXAMPLE
./Move-Recorded.ps1
#>
$ErrorActionPreference = 'Stop'
$source = 'example1'
$destination = 'example2'
$null = New-SimulatedHost $source, $destination
try {
    $null = New-SimulatedDomain web01 -HostName $source -Memory 32MB
    $recorded = Get-MigrationDomain web01 -HostName $source | Start-PreRecord -Window 200ms -Epoch 20ms
    $recorded | Out-Default
    $order = $recorded | Get-PageOrder -Strategy RecordedFirst
    $order | Out-Default
    $order | Enable-RemotePF -Destination $destination | Invoke-PreRecordMigration
}
finally {
    Disconnect-MigrationHost $source, $destination
}
