# A way that stalls without closing, and hypercalls that do not return: whoever stops a migration is free again within seconds,
# and is told who has the domain. The end of the peer timeout interrupts the migration, which is then resumed or given up.

BeforeDiscovery {
    $points = @(
        @{ Point = 'at the commit'; Call = 'Unpause'; Number = 1; Holder = 'Leaving'; Says = 'runs or waits at' }
        @{ Point = 'while pages are pushed'; Call = 'Place'; Number = 3; Holder = 'Both'; Says = 'it runs at' }
    )
}

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    if ($null -eq ('PreRecordMigration.Tests.Relay' -as [type])) {
        # Of the engine's tests, which import these by themselves.
        $relaySource = [System.IO.File]::ReadAllText([System.IO.Path]::Combine($PSScriptRoot, '..', 'unit', 'Relay.cs'))
        $imports = 'System', 'System.Collections.Generic', 'System.IO', 'System.Threading'
        Add-Type -TypeDefinition (($imports.ForEach({ "using $_;`n" }) -join '') + $relaySource)
        Add-Type -Path ([System.IO.Path]::Combine($PSScriptRoot, 'WarningHost.cs'))
    }

    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    $null = New-SimulatedHost stall1, stall2
    $patience = [TimeSpan]::FromMinutes(2)

    # A relay to the receiver that stalls just before a call of the destination.
    function New-StallingWay([string] $call, [int] $number, [string] $peerTimeout) {
        $port = (Start-MigrationReceiver stall2 -PeerTimeout $peerTimeout).Port
        $relay = [PreRecordMigration.Tests.Relay]::new($port)
        (Get-SimulatedHost stall2).Faults.Before([PreRecordMigration.Simulated.SimulatedCall] $call, $number, (ConvertTo-Action $relay 'Stall'))
        $relay
    }

    # Has a command begin in a runspace with a host that keeps its warnings.
    function Start-Command([string] $command) {
        $warned = [PreRecordMigration.Tests.WarningHost]::new()
        $shell = [System.Management.Automation.PowerShell]::Create()
        $shell.Runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
            $warned, [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
        $shell.Runspace.Open()
        $null = $shell.AddScript("Import-Module '$manifest'; $command")
        [pscustomobject] @{ Shell = $shell; Host = $warned; Running = $shell.BeginInvoke() }
    }

    # What the host says of a stop is there when the stop has returned; a runspace of its own is closed in any case.
    function Stop-Command($begun) {
        $stopping = $begun.Shell.BeginStop($null, $null)
        $stopping.AsyncWaitHandle.WaitOne($patience) | Should -BeTrue
        $begun.Shell.EndStop($stopping)
        "$($begun.Shell.InvocationStateInfo.State)" | Should -Be 'Stopped'
    }

    function Close-Command($begun) {
        $begun.Shell.Dispose()
        $begun.Shell.Runspace.Dispose()
    }

    # Both halves stand still and are kept.
    function Wait-Interrupted([string] $name) {
        Wait-Migration $name -ErrorAction SilentlyContinue -ErrorVariable lost | Out-Null
        $lost[0].FullyQualifiedErrorId | Should -Be 'ConnectionLost,PreRecordMigration.Cmdlets.WaitMigrationCommand'
        "$((Get-Migration $name)[-1].State)" | Should -Be 'Interrupted'
        "$((Get-MigrationDomain $name -HostName stall1).State)" | Should -Be 'Suspended'
        while ("$((Get-MigrationReceiver stall2).Incoming[-1].State)" -ne 'Detached') {
            $null = [System.Threading.Thread]::Yield()
        }

        # What it says comes before what it does about it.
        while ("$((Get-MigrationDomain "$name*" -HostName stall2).State)" -ne 'Paused') {
            $null = [System.Threading.Thread]::Yield()
        }

        $lost[0].ErrorDetails.RecommendedAction | Should -Match 'Resume-Migration'
    }

    function Resume-There([string] $name) {
        $port = (Get-MigrationReceiver stall2).Port
        (Resume-Migration $name -Destination "localhost:$port" | Wait-Migration).Name | Should -Be $name
        "$((Get-MigrationDomain "$name*" -HostName stall2).State)" | Should -Be 'Running'
        Get-MigrationDomain "$name*" -HostName stall1 | Should -BeNullOrEmpty
        (Get-SimulatedHost stall1).Violations.Count + (Get-SimulatedHost stall2).Violations.Count | Should -Be 0
    }
}

AfterAll {
    Disconnect-MigrationHost stall1, stall2
}

Describe 'A way that stalls <Point>' -ForEach $points {
    AfterEach {
        if ($relay) {
            $relay.Dispose()
        }

        Stop-MigrationReceiver stall2 -Force
    }

    It 'keeps neither Stop-Migration nor Ctrl+C, which say who has the domain' {
        $name = "free-$Call"
        $null = New-SimulatedDomain $name -HostName stall1 -Memory 8MB -OperationsPerSecond 20000

        # The peer timeout is long here: what returns has not waited for it.
        $relay = New-StallingWay $Call $Number 10min
        $begun = Start-Command "Invoke-PreRecordMigration $name localhost:$($relay.Port) -Method PostCopy -PeerTimeout 10min"
        try {
            $relay.Stalled.Wait($patience) | Should -BeTrue
            while ("$((Get-Migration $name).Holder)" -ne $Holder) {
                $null = [System.Threading.Thread]::Yield()
            }

            Stop-Migration $name -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused[0].FullyQualifiedErrorId | Should -Be 'MigrationNotStoppable,PreRecordMigration.Cmdlets.StopMigrationCommand'
            $refused[0].Exception.Message | Should -Match "'$name' has left.*$Says"
            $refused[0].ErrorDetails.RecommendedAction | Should -Match 'Resume-Migration'
            Stop-Command $begun
            "$((Get-Migration $name).State)" | Should -Be 'Stopping'
            @($begun.Host.Warnings).Count | Should -Be 1
            $begun.Host.Warnings[0] | Should -Match "past its commit, in its phase .*'$name' has left.*$Says.*Get-Migration -Id.*says nothing, or does nothing more for it, for 0:10:00"

            # And it is still the same migration, which the loss of its connections interrupts.
            $relay.Dispose()
            Wait-Interrupted $name
            Resume-There $name
        }
        finally {
            Close-Command $begun
        }
    }

    It 'is a lost connection after the peer timeout, on both sides' {
        $name = "late-$Call"
        $null = New-SimulatedDomain $name -HostName stall1 -Memory 8MB -OperationsPerSecond 20000
        $relay = New-StallingWay $Call $Number 5s
        $null = Start-Migration $name "localhost:$($relay.Port)" -Method PostCopy -PeerTimeout 5s
        Wait-Interrupted $name
        (Get-Migration $name).Error | Should -Match 'nothing for 5 s'
        Resume-There $name
    }

    It 'leaves a migration that can be given up' {
        $name = "lost-$Call"
        $null = New-SimulatedDomain $name -HostName stall1 -Memory 8MB -OperationsPerSecond 20000
        $relay = New-StallingWay $Call $Number 5s
        $null = Start-Migration $name "localhost:$($relay.Port)" -Method PostCopy -PeerTimeout 5s
        Wait-Interrupted $name
        $null = Stop-Migration $name -Force
        Get-MigrationDomain "$name*" | Should -BeNullOrEmpty
        "$((Get-Migration $name).Holder)" | Should -Be 'Nobody'
    }
}

Describe 'A way that stalls before the commit' {
    It 'does not keep Stop-Migration: the domain runs on at the source' {
        $null = New-SimulatedDomain rounds -HostName stall1 -Memory 64MB -OperationsPerSecond 20000
        $port = (Start-MigrationReceiver stall2).Port
        $relay = [PreRecordMigration.Tests.Relay]::new($port)
        try {
            (Get-SimulatedHost stall1).Faults.Before('Read', 20, (ConvertTo-Action $relay 'Stall'))
            $null = Start-Migration rounds "localhost:$($relay.Port)" -Method PreCopy -PeerTimeout 10min -BandwidthLimit 4MB
            $relay.Stalled.Wait($patience) | Should -BeTrue
            "$((Stop-Migration rounds).State)" | Should -Be 'Stopped'
            (Get-Migration rounds).Error | Should -Match "'rounds' runs on at 'stall1'"
            "$((Get-Migration rounds).Holder)" | Should -Be 'Source'
            "$((Get-MigrationDomain rounds -HostName stall1).State)" | Should -Be 'Running'
        }
        finally {
            $relay.Dispose()
            Stop-MigrationReceiver stall2 -Force
        }
    }
}

# A hypercall that does not return cannot be broken; who waits for it can.
Describe 'A hypercall that does not return' {
    BeforeEach {
        $name = "held-$([guid]::NewGuid().ToString('N').Substring(0, 6))"
        $null = New-SimulatedDomain $name -HostName stall1 -Memory 8MB -OperationsPerSecond 20000
        $entered = [System.Threading.ManualResetEventSlim]::new()
        $release = [System.Threading.ManualResetEventSlim]::new()
        $hold = [System.Delegate]::Combine((ConvertTo-Action $entered 'Set'), (ConvertTo-Action $release 'Wait'))
    }

    AfterEach {
        $release.Set()
    }

    It 'does not keep Stop-Migration, which says that the domain is at the source' {
        (Get-SimulatedHost stall1).Faults.Before('CaptureCoreState', 1, $hold)
        $null = Start-Migration $name stall2 -Method PostCopy
        $entered.Wait($patience) | Should -BeTrue
        $stopped = Stop-Migration $name -WarningAction SilentlyContinue -WarningVariable said
        "$($stopped.State)" | Should -Be 'Stopping'
        "$($stopped.Holder)" | Should -Be 'SourceStopped'
        "$said" | Should -Match "'$name' stands still at 'stall1', and nobody else has it"
        $release.Set()
        Wait-Migration $name -ErrorAction SilentlyContinue
        "$((Get-Migration $name).State)" | Should -Be 'Stopped'
        "$((Get-MigrationDomain $name -HostName stall1).State)" | Should -Be 'Running'
    }

    It 'does not keep <Command>, which says that the domain has not left' -ForEach @(
        @{ Command = 'Start-PreRecord'; Call = 'CaptureCoreState'; Script = { "Start-PreRecord $name -Mode Rollback -Window 40ms -Epoch 20ms" } }
        @{ Command = 'Restore-PageBackup'; Call = 'Write'; Script = { "Start-PreRecord $name -Mode Rollback -Window 40ms -Epoch 20ms | Restore-PageBackup" } }
        @{ Command = 'Test-Migration'; Call = 'StartDirtyTracking'; Script = { "Test-Migration $name stall2 -Window 40ms -Epoch 20ms" } }
    ) {
        (Get-SimulatedHost stall1).Faults.Before([PreRecordMigration.Simulated.SimulatedCall] $Call, 1, $hold)
        $begun = Start-Command (& $Script)
        try {
            $entered.Wait($patience) | Should -BeTrue
            Stop-Command $begun
            @($begun.Host.Warnings).Count | Should -Be 1
            $begun.Host.Warnings[0] | Should -Match "'$name'.*(has not left 'stall1'|at 'stall1' and has not left it)"
            $release.Set()
            while ($true) {
                Start-PreRecord $name -Window 20ms -Epoch 20ms -ErrorAction SilentlyContinue -ErrorVariable busy | Stop-PreRecord
                if (-not $busy) {
                    break
                }

                $busy[0].FullyQualifiedErrorId | Should -Match '^DomainBusy,'
                $null = [System.Threading.Thread]::Yield()
            }

            "$((Get-MigrationDomain $name -HostName stall1).State)" | Should -Be 'Running'
        }
        finally {
            Close-Command $begun
        }
    }

    It 'does not keep Ctrl+C at Stop-MigrationReceiver, nor the creation of a domain the token' {
        (Get-SimulatedHost stall2).Faults.Before('CreateIncoming', 1, $hold)
        $port = (Start-MigrationReceiver stall2).Port
        $null = Start-Migration $name "localhost:$port" -Method PostCopy
        $entered.Wait($patience) | Should -BeTrue
        $begun = Start-Command 'Stop-MigrationReceiver stall2'
        try {
            while ("$($begun.Shell.InvocationStateInfo.State)" -ne 'Running') {
                $null = [System.Threading.Thread]::Yield()
            }

            Stop-Command $begun
            "$((Get-MigrationReceiver stall2).Incoming[-1].State)" | Should -Be 'Creating'
        }
        finally {
            $release.Set()
            Close-Command $begun
        }

        Stop-MigrationReceiver stall2
        Stop-Migration $name -ErrorAction SilentlyContinue
        Wait-Migration $name -ErrorAction SilentlyContinue
        "$((Get-MigrationDomain $name -HostName stall1).State)" | Should -Be 'Running'
        Get-MigrationDomain "$name*" -HostName stall2 | Should -BeNullOrEmpty
    }
}
