BeforeAll {
    $null = New-SimulatedHost receiver1, receiver2
}

AfterAll {
    Disconnect-MigrationHost receiver1, receiver2
}

Describe 'Start-MigrationReceiver' {
    AfterEach {
        Stop-MigrationReceiver receiver*
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
