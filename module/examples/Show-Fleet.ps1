<#
.SYNOPSIS
Says what moving every domain whose name begins with web would be, two at once, and moves none.

.DESCRIPTION
Where this session knows no host of the destination's name, the hosts and the domains are simulated ones, which this script makes
and takes away again.

.EXAMPLE
./Show-Fleet.ps1
#>
param([string] $Destination = 'xen2')

$ErrorActionPreference = 'Stop'
$simulated = . ([System.IO.Path]::Combine($PSScriptRoot, 'Initialize-Example.ps1')) -Destination $Destination
# Beside a web01 of your own only that of the example is meant.
$made = $simulated ? @{ HostName = 'xen1' } : @{}
try {
    Get-MigrationDomain web* @made | Invoke-PreRecordMigration -Destination $Destination -ThrottleLimit 2 -WhatIf
}
finally {
    $simulated | Disconnect-MigrationHost
}
