# What this process holds that a stopped command must have let go of.

# Threads of the module by name, open sockets, and of each domain of some hosts: its state and its trapped pages.
function Get-Held([string[]] $hostName) {
    $held = [System.Collections.Generic.List[string]]::new()
    if ([System.IO.Directory]::Exists('/proc/self/task')) {
        foreach ($task in [System.IO.Directory]::GetDirectories('/proc/self/task')) {
            try {
                $name = [System.IO.File]::ReadAllText("$task/comm").Trim()
            }
            catch [System.IO.IOException] {
                # It ended while the list was read.
                continue
            }

            # What the engine and the cmdlets start; the pool's threads and PowerShell's own come and go as they please.
            if ($name -match '^(migration|page |remote faults|demanded|\.NET Long)') {
                $held.Add("thread $name")
            }
        }

        $sockets = 0
        foreach ($descriptor in [System.IO.Directory]::GetFiles('/proc/self/fd')) {
            try {
                $target = [System.IO.File]::ResolveLinkTarget($descriptor, $false)
                $sockets += [int] ("$target" -match 'socket:')
            }
            catch [System.IO.IOException] {
                # It was closed while the list was read.
                continue
            }
        }

        $held.Add("$sockets sockets")
    }

    foreach ($domain in Get-MigrationDomain -HostName $hostName) {
        $trapped = (Get-SimulatedHost $domain.HostName).GetDomain($domain.Name).TrappedPages
        $held.Add("domain $($domain.State), $trapped pages trapped")
    }

    $sorted = [string[]] $held
    [Array]::Sort($sorted, [StringComparer]::Ordinal)
    $sorted
}

# Compares with what was held before. A thread that was joined needs a moment until the system has taken it out of its list.
function Wait-Held([string[]] $hostName, [string[]] $before) {
    $patience = [System.Diagnostics.Stopwatch]::StartNew()
    do {
        $now = Get-Held $hostName
    } while ("$now" -ne "$before" -and $patience.Elapsed.TotalSeconds -lt 10)
    $now -join "`n" | Should -BeExactly ($before -join "`n")
}
