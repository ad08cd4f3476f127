<#
.SYNOPSIS
Watches web01 for a moment, then moves it to xen2 by the method that is advised, if it is not exposed for too long.

.DESCRIPTION
Where this session knows no host of the destination's name, the hosts and the domain are simulated ones, which this script makes
and takes away again.

.EXAMPLE
./Move-Tested.ps1
#>
param([string] $Destination = 'xen2')

$ErrorActionPreference = 'Stop'
$simulated = . ([System.IO.Path]::Combine($PSScriptRoot, 'Initialize-Example.ps1')) -Destination $Destination
# Beside a web01 of your own only that of the example is meant.
$made = $simulated ? @{ HostName = 'xen1' } : @{}
try {
    Get-MigrationDomain web01 @made | Test-Migration -Destination $Destination | Invoke-PreRecordMigration -MaximumExposure 5s
}
finally {
    $simulated | Disconnect-MigrationHost
}
