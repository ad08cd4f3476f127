<#
.SYNOPSIS
Moves web01 to xen2 in one pipeline: record, decide the order, decide about RemotePF, start, wait.

.DESCRIPTION
Where this session knows no host of the destination's name, the hosts and the domain are simulated ones, which this script makes
and takes away again. With -Destination it moves a domain of this machine's Xen to a host that Connect-MigrationHost has named, or to a receiver of another process.

.EXAMPLE
./Move-InPipeline.ps1

.EXAMPLE
./Move-InPipeline.ps1 -Destination localhost:7000
#>
param([string] $Destination = 'xen2')

$ErrorActionPreference = 'Stop'
$simulated = . ([System.IO.Path]::Combine($PSScriptRoot, 'Initialize-Example.ps1')) -Destination $Destination
# Beside a web01 of your own only that of the example is meant.
$made = $simulated ? @{ HostName = 'xen1' } : @{}
try {
    Get-MigrationDomain web01 @made | Start-PreRecord -Window 500ms -Epoch 20ms | Set-PageOrder -Strategy Auto | Enable-RemotePF -Destination $Destination | Start-Migration | Wait-Migration
}
finally {
    $simulated | Disconnect-MigrationHost
}
