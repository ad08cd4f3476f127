BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $null = New-SimulatedHost receiver1, receiver2
}

AfterAll {
    Disconnect-MigrationHost receiver1, receiver2
}

Describe 'Start-MigrationReceiver' {
    AfterEach {
        Get-MigrationReceiver receiver* | Stop-MigrationReceiver
    }

    It 'listens on loopback, on a free port' {
        $receiver = Start-MigrationReceiver receiver1
        $receiver.HostName | Should -Be 'receiver1'
        [System.Net.IPAddress]::IsLoopback($receiver.Endpoint.Address) | Should -BeTrue
        $receiver.Port | Should -BeGreaterThan 0
        $client = [System.Net.Sockets.TcpClient]::new()
        $client.Connect($receiver.Endpoint)
        $client.Connected | Should -BeTrue
        $client.Dispose()
    }

    It 'listens on the port that is asked for, and says so where that is taken' {
        $first = Start-MigrationReceiver receiver1
        Start-MigrationReceiver receiver2 -Port $first.Port -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'InvalidOption,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
        Stop-MigrationReceiver receiver1
        (Start-MigrationReceiver receiver2 -Port $first.Port).Port | Should -Be $first.Port
    }

    It 'takes hosts from the pipeline' {
        (Get-MigrationHost receiver* | Start-MigrationReceiver).HostName -join ',' | Should -Be 'receiver1,receiver2'
    }

    It 'starts nothing with -WhatIf' {
        Start-MigrationReceiver receiver1 -WhatIf | Should -BeNullOrEmpty
        Get-MigrationReceiver | Should -BeNullOrEmpty
    }

    It 'refuses a host that receives already' {
        $null = Start-MigrationReceiver receiver1
        Start-MigrationReceiver receiver1 -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ReceiverExists,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'ResourceExists'
    }

    It 'refuses a host that it does not know' {
        { Start-MigrationReceiver nowhere -ErrorAction Stop } | Should -Throw -ErrorId 'HostNotFound,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
    }

    It 'refuses a port that there cannot be' {
        { Start-MigrationReceiver receiver1 -Port 65536 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
    }
}

Describe 'Get-MigrationReceiver' {
    It 'shows what came in' {
        $null = New-SimulatedDomain traveller -HostName receiver1 -Memory 4MB -Workload Idle
        $null = Start-MigrationReceiver receiver2
        $null = Invoke-PreRecordMigration traveller -Destination receiver2 -Method PostCopy
        $patience = [System.Diagnostics.Stopwatch]::StartNew()
        do {
            $incoming = (Get-MigrationReceiver receiver2).Incoming
        } while ($incoming[0].State -ne 'Finished' -and $patience.Elapsed.TotalSeconds -lt 30)

        $incoming.Count | Should -Be 1
        $incoming[0].DomainName | Should -Be 'traveller'
        $incoming[0].State | Should -Be 'Finished'
        $incoming[0].MissingPages | Should -Be 0
        $incoming[0].RemotePF | Should -BeFalse
        (Get-MigrationHost receiver2).Receiver.Port | Should -Be (Get-MigrationReceiver receiver2).Port
        Stop-MigrationReceiver receiver2
    }

    It 'says so where a host does not receive' {
        Get-MigrationReceiver receiver1 -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ReceiverNotFound,PreRecordMigration.Cmdlets.GetMigrationReceiverCommand'
        Get-MigrationReceiver rec* | Should -BeNullOrEmpty
    }
}

Describe 'Stop-MigrationReceiver' {
    It 'stops listening' {
        $receiver = Start-MigrationReceiver receiver1
        $receiver | Stop-MigrationReceiver
        $client = [System.Net.Sockets.TcpClient]::new()
        { $client.Connect($receiver.Endpoint) } | Should -Throw
        $client.Dispose()
    }

    It 'leaves it with -WhatIf' {
        $null = Start-MigrationReceiver receiver1
        Stop-MigrationReceiver receiver1 -WhatIf
        (Get-MigrationReceiver).HostName | Should -Be 'receiver1'
        Stop-MigrationReceiver receiver1
    }

    It 'says so where a host does not receive' {
        { Stop-MigrationReceiver receiver1 -ErrorAction Stop } | Should -Throw -ErrorId 'ReceiverNotFound,PreRecordMigration.Cmdlets.StopMigrationReceiverCommand'
    }
}

# A migration is held at its first pages until the command that waits has shown its bar.
Describe 'Wait-MigrationReceiver' {
    BeforeAll {
        $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')

        function Invoke-Held([string] $name, [string] $command) {
            $null = New-SimulatedDomain $name -HostName receiver1 -Memory 8MB -OperationsPerSecond 20000
            $release = [System.Threading.ManualResetEventSlim]::new()
            $entered = [System.Threading.ManualResetEventSlim]::new()
            $hold = [System.Delegate]::Combine((ConvertTo-Action $entered 'Set'), (ConvertTo-Action $release 'Wait'))
            (Get-SimulatedHost receiver2).Faults.Before('Place', 1, $hold)
            $port = (Get-MigrationReceiver receiver2).Port
            $handle = Start-Migration $name "localhost:$port" -Method PostCopy
            $shell = [System.Management.Automation.PowerShell]::Create()
            $shell.Runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
                [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
            $shell.Runspace.Open()
            try {
                $entered.Wait([TimeSpan]::FromMinutes(2)) | Should -BeTrue
                $running = $shell.AddScript("Import-Module '$manifest'; $command").BeginInvoke()
                while ($shell.Streams.Progress.Count -eq 0 -and -not $running.IsCompleted) {
                    $null = [System.Threading.Thread]::Yield()
                }

                if ($command -notmatch '-Timeout') {
                    $release.Set()
                }

                [pscustomobject] @{
                    Output   = @($shell.EndInvoke($running))
                    Errors   = @($shell.Streams.Error)
                    Warnings = @($shell.Streams.Warning)
                    Debug    = @($shell.Streams.Debug.ForEach({ $_.Message }))
                    Progress = @($shell.Streams.Progress)
                }
            }
            finally {
                $release.Set()
                $shell.Runspace.Dispose()
                $shell.Dispose()
                $null = $handle | Wait-Migration -ErrorAction SilentlyContinue
            }
        }
    }

    BeforeEach {
        $null = Start-MigrationReceiver receiver2
    }

    AfterEach {
        Stop-MigrationReceiver receiver2 -Force -ErrorAction SilentlyContinue
    }

    It 'returns what came in, and completes its bar: <Arguments>' -ForEach @(
        @{ Name = 'arrived'; Arguments = '' }
        @{ Name = 'counted'; Arguments = '-Count 1' }
    ) {
        $there = Invoke-Held $Name "Wait-MigrationReceiver receiver2 $Arguments"
        $there.Errors.Count + $there.Warnings.Count + $there.Debug.Count | Should -Be 0
        $there.Output.Count | Should -Be 1
        $there.Output[0].DomainName | Should -Be $Name
        $there.Output[0].State | Should -Be 'Finished'
        $there.Progress[0].Activity | Should -Be "Receiving '$Name' on receiver2"
        "$($there.Progress[-1].RecordType)" | Should -Be 'Completed'
    }

    It 'tells of every record and state with -Debug' {
        $there = Invoke-Held told 'Wait-MigrationReceiver receiver2 -Debug'
        $there.Debug.Where({ $_ -notmatch "^'told': destination ((sent|received) [A-Za-z]+ on (bulk|demand), [0-9,]+ bytes|state [A-Za-z]+ -> [A-Za-z]+)$" }) -join "`n" |
            Should -BeExactly ''
        $there.Debug | Should -Contain "'told': destination state Naming -> Finished"
        # Where the page that is held came on demand, the pushed ones may all have come before anybody watched; the end had not.
        @($there.Debug.Where({ $_ -match 'sent Complete on bulk' })).Count | Should -Be 1
    }

    It 'gives up after its time, and the migration goes on' {
        $there = Invoke-Held late 'Wait-MigrationReceiver receiver2 -Timeout 300ms'
        $there.Errors[0].FullyQualifiedErrorId | Should -Be 'ReceiverWaitTimeout,PreRecordMigration.Cmdlets.WaitMigrationReceiverCommand'
        "$($there.Errors[0].CategoryInfo.Category)" | Should -Be 'OperationTimeout'
        $there.Errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        "$((Get-Migration late).State)" | Should -Be 'Completed'
    }

    It 'polls with a time of zero: what comes in is returned as it stands' {
        $there = Invoke-Held polled 'Wait-MigrationReceiver receiver2 -Timeout 0s'
        $there.Errors.Count | Should -Be 0
        $there.Output[0].DomainName | Should -Be 'polled'
        $there.Output[0].State | Should -Not -BeIn 'Finished', 'Aborted'
    }

    It 'warns of one that has lost its source, which has not ended; given up there, it is held here no more' {
        (Get-SimulatedHost receiver2).Faults.Fail('Place', 2)
        $there = Invoke-Held severed 'Wait-MigrationReceiver receiver2'
        $there.Output.Count | Should -Be 0
        "$($there.Warnings)" | Should -Match "'severed'.*Resume-Migration"
        $null = Stop-Migration severed -Force
        Stop-MigrationReceiver receiver2 -ErrorAction Stop
    }

    It 'returns at once where nothing is under way, and takes receivers from the pipeline' {
        Get-MigrationReceiver receiver2 | Wait-MigrationReceiver | Should -BeNullOrEmpty
    }

    It 'ends where the receiver is stopped before so many have come' {
        $shell = [System.Management.Automation.PowerShell]::Create()
        $shell.Runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
            [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
        $shell.Runspace.Open()
        $running = $shell.AddScript("Import-Module '$manifest'; Wait-MigrationReceiver receiver2 -Count 2").BeginInvoke()
        Stop-MigrationReceiver receiver2
        $shell.EndInvoke($running).Count | Should -Be 0
        $shell.Runspace.Dispose()
        $shell.Dispose()
    }

    It 'says so where a host does not receive, and refuses two days' {
        Wait-MigrationReceiver receiver1 -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ReceiverNotFound,PreRecordMigration.Cmdlets.WaitMigrationReceiverCommand'
        { Wait-MigrationReceiver -Timeout 2d } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.WaitMigrationReceiverCommand'
    }
}

Describe 'Stop-MigrationReceiver -PassThru' {
    It 'returns the receiver with all that came in' {
        $null = New-SimulatedDomain passed -HostName receiver1 -Memory 4MB -Workload Idle
        $receiver = Start-MigrationReceiver receiver2
        $null = Invoke-PreRecordMigration passed "localhost:$($receiver.Port)" -Method PostCopy
        (Stop-MigrationReceiver receiver2 -PassThru).Incoming.DomainName | Should -Be 'passed'
    }
}
