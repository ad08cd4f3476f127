<#
.SYNOPSIS
Makes what the examples move: the hosts xen1 and xen2 (or as the destination is called), and web01 and web02 on the first, all simulated.

.DESCRIPTION
Does nothing where the destination is an address, or a host that this session knows: the examples then move the web01
that is there. Returns the hosts that it made, for the example to take away.
#>
param([string] $Destination = 'xen2')

if ($Destination -notmatch ':' -and -not (Get-MigrationHost "$Destination*" | Where-Object Name -EQ $Destination)) {
    New-SimulatedHost xen1, $Destination
    $null = New-SimulatedDomain web01, web02 -HostName xen1 -Memory 32MB
}
