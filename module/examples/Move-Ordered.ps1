<#
.SYNOPSIS
Moves web01 to xen2 with two predictions composed: recorded pages first, then what regression and clustering predict.

.DESCRIPTION
Where this session knows no host of the destination's name, the hosts and the domain are simulated ones, which this script makes
and takes away again.

.EXAMPLE
./Move-Ordered.ps1
#>
param([string] $Destination = 'xen2')

$ErrorActionPreference = 'Stop'
$simulated = . ([System.IO.Path]::Combine($PSScriptRoot, 'Initialize-Example.ps1')) -Destination $Destination
# Beside a web01 of your own only that of the example is meant.
$made = $simulated ? @{ HostName = 'xen1' } : @{}
try {
    Get-MigrationDomain web01 @made | Invoke-PreRecordMigration -Destination $Destination -Window 500ms -Order LinearRegression,IssDbscan
}
finally {
    $simulated | Disconnect-MigrationHost
}
