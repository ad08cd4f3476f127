BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'FakePeer.ps1'))
    $null = New-SimulatedHost here, there

    # A domain that works while it is moved.
    function New-Worker([string] $name) {
        $null = New-SimulatedDomain $name -HostName here -Memory 8MB -OperationsPerSecond 50000 -Seed 3
    }

    function Get-State([string] $name, [string] $hostName) {
        "$((Get-MigrationDomain $name -HostName $hostName).State)"
    }
}

AfterAll {
    Disconnect-MigrationHost here, there
}

Describe 'Invoke-PreRecordMigration' {
    It 'moves a running domain by <Method> <Mode>' -ForEach @(
        @{ Method = 'PreCopy'; Mode = ''; Arguments = @{ Method = 'PreCopy' } }
        @{ Method = 'PostCopy'; Mode = ''; Arguments = @{ Method = 'PostCopy' } }
        @{ Method = 'Hybrid'; Mode = ''; Arguments = @{ Method = 'Hybrid' } }
        @{ Method = 'PreRecord'; Mode = 'Observe'; Arguments = @{ Mode = 'Observe'; Window = '60ms'; Epoch = '20ms' } }
        @{ Method = 'PreRecord'; Mode = 'Rollback'; Arguments = @{ Mode = 'Rollback'; Window = '60ms'; Epoch = '20ms' } }
    ) {
        $name = "by$Method$Mode"
        New-Worker $name
        $result = Invoke-PreRecordMigration $name -Destination there @Arguments
        $result.PSTypeNames[0] | Should -Be 'PreRecordMigration.Operations.MigrationOutcome'
        $result.DomainName | Should -Be $name
        $result.Source | Should -Be 'here'
        $result.Destination | Should -Be 'there'
        "$($result.Method)" | Should -Be $Method
        "$($result.Mode)" | Should -Be $Mode
        $result.Downtime | Should -BeOfType ([TimeSpan])
        $result.TotalTime | Should -BeGreaterThan $result.Downtime
        $result.BytesSent | Should -BeGreaterThan 1MB
        $result.PageTablePages | Should -BeGreaterThan 0
        Get-State $name there | Should -Be 'Running'
        Get-MigrationDomain "$name*" -HostName here | Should -BeNullOrEmpty
    }

    It 'proves the rollback' {
        New-Worker proved
        $result = Invoke-PreRecordMigration proved there -Mode Rollback -Window 60ms -Epoch 20ms
        $result.RollbackProof.IsProved | Should -BeTrue
        "$($result.RollbackProof.Kind)" | Should -Be 'Witness'
        $result.RollbackProof.PagesCompared | Should -BeGreaterThan 0
        $result.RollbackProof.WrittenPages | Should -BeGreaterThan 0
        $result.RollbackProof.ChangedPages | Should -BeGreaterThan 0
        $result.BackedUpPages | Should -BeGreaterThan 0
        $result.RecordedPages | Should -BeGreaterThan 0
        $result.DiscardedExecution | Should -BeGreaterThan ([TimeSpan]::Zero)
    }

    It 'proves the rollback by all memory where that is asked for' {
        New-Worker wholly
        $result = Invoke-PreRecordMigration wholly there -Mode Rollback -Window 60ms -Epoch 20ms -RollbackProof Full
        $result.RollbackProof.IsProved | Should -BeTrue
        $result.RollbackProof.PagesCompared | Should -BeGreaterOrEqual 2048
    }

    It 'takes domains from the pipeline, and wildcards' {
        New-Worker fleet1
        New-Worker fleet2
        (Get-MigrationDomain fleet* | Invoke-PreRecordMigration -Destination there -Method PostCopy).DomainName -join ',' | Should -Be 'fleet1,fleet2'
        (Invoke-PreRecordMigration fleet* -Destination here -Method PostCopy).DomainName -join ',' | Should -Be 'fleet1,fleet2'
        Get-State fleet2 here | Should -Be 'Running'
    }

    It 'goes to the receiver of an address' {
        New-Worker tunnelled
        $receiver = Start-MigrationReceiver there
        $result = Invoke-PreRecordMigration tunnelled -Destination "localhost:$($receiver.Port)" -Method PostCopy
        $result.Destination | Should -Be "localhost:$($receiver.Port)"
        Stop-MigrationReceiver there
        Get-State tunnelled there | Should -Be 'Running'
    }

    It 'moves a recording that was held, with what was decided about it' {
        New-Worker stepwise
        $result = Start-PreRecord stepwise -Mode Rollback -Window 60ms -Epoch 20ms |
            Get-PageOrder -Strategy RecordedFirst |
            Enable-RemotePF -Destination there |
            Invoke-PreRecordMigration
        $result.DomainName | Should -Be 'stepwise'
        "$($result.Mode)" | Should -Be 'Rollback'
        $result.RollbackProof.IsProved | Should -BeTrue
        Get-State stepwise there | Should -Be 'Running'
    }

    It 'sends every page before the domain runs where RemotePF is off' {
        New-Worker whole
        $result = Start-PreRecord whole -Window 20ms -Mode Observe | Disable-RemotePF -Destination there | Invoke-PreRecordMigration
        $result.RemoteFaults | Should -Be 0
        $result.PagesDemanded | Should -Be 0
        Get-State whole there | Should -Be 'Running'
    }

    It 'keeps to a bandwidth limit' {
        New-Worker slow
        $result = Invoke-PreRecordMigration slow there -Method PreCopy -BandwidthLimit 16MB/s
        ($result.BytesSent / $result.TotalTime.TotalSeconds) | Should -BeLessThan 20MB
    }

    It 'moves nothing with -WhatIf, and returns what it would do' {
        New-Worker still
        $report = Invoke-PreRecordMigration still there -WhatIf
        $report.DomainName | Should -Be 'still'
        $report.Destination | Should -Be 'there'
        "$($report.Recommendation) $($report.Mode)" | Should -Be 'PreRecord Observe'
        $report.Estimates[0].BytesSent | Should -Be 8MB
        $report.SampleWindow | Should -Be ([TimeSpan]::Zero)
        Get-State still here | Should -Be 'Running'
        Get-MigrationDomain still* -HostName there | Should -BeNullOrEmpty
    }

    It 'says what -WhatIf would run into' {
        Invoke-PreRecordMigration nothere there -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DomainNotFound,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
    }

    It 'reports what it did on the information stream' {
        New-Worker told
        $null = Invoke-PreRecordMigration told there -Method PostCopy -InformationVariable said
        "$said" | Should -Match "'told' runs on there"
    }
}

Describe 'Invoke-PreRecordMigration, given something wrong' {
    BeforeAll {
        New-Worker victim
        function Invoke-Wrongly([hashtable] $arguments) {
            try {
                $null = Invoke-PreRecordMigration @arguments -ErrorAction Stop
            }
            catch {
                return $_
            }
        }
    }

    AfterEach {
        Get-State victim here | Should -Be 'Running'
        Get-MigrationDomain victim* -HostName there | Should -BeNullOrEmpty
    }

    It 'refuses <Case>: <Id>' -ForEach @(
        @{ Case = 'unknown domain'; Id = 'DomainNotFound'; Category = 'ObjectNotFound'; Arguments = @{ Name = 'nothere'; Destination = 'there' } }
        @{ Case = 'unknown source'; Id = 'HostNotFound'; Category = 'ObjectNotFound'; Arguments = @{ Name = 'victim'; HostName = 'nowhere'; Destination = 'there' } }
        @{ Case = 'unknown destination'; Id = 'HostNotFound'; Category = 'ObjectNotFound'; Arguments = @{ Name = 'victim'; Destination = 'nowhere' } }
        @{ Case = 'destination is source'; Id = 'DestinationIsSource'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'here' } }
        @{ Case = 'not loopback'; Id = 'DestinationNotLoopback'; Category = 'SecurityError'; Arguments = @{ Name = 'victim'; Destination = '192.0.2.7:7000' } }
        @{ Case = 'window of zero'; Id = 'InvalidOption'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Window = '0s' } }
        @{ Case = 'epoch of zero'; Id = 'InvalidOption'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Epoch = '0s' } }
        @{ Case = 'epoch over window'; Id = 'InvalidOption'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Window = '10ms'; Epoch = '1s' } }
        @{ Case = 'bandwidth of zero'; Id = 'InvalidOption'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; BandwidthLimit = 0 } }
        @{ Case = 'window without a recording'; Id = 'OptionNotForMethod'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Method = 'PostCopy'; Window = '1s' } }
        @{ Case = 'mode without a recording'; Id = 'OptionNotForMethod'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Method = 'PreCopy'; Mode = 'Observe' } }
        @{ Case = 'packets held back without a rollback'; Id = 'OptionNotForMode'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Mode = 'Observe'; PacketLimit = '8MB' } }
        @{ Case = 'writes set aside without a rollback'; Id = 'OptionNotForMode'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Mode = 'Observe'; OverlayLimit = '8MB' } }
        @{ Case = 'backups without a rollback'; Id = 'OptionNotForMode'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Mode = 'Observe'; BackupLimit = '8MB' } }
        @{ Case = 'a proof without a rollback'; Id = 'OptionNotForMode'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Mode = 'Observe'; SkipRollbackProof = $true } }
        @{ Case = 'a kind of proof without a rollback'; Id = 'OptionNotForMode'; Category = 'InvalidArgument'; Arguments = @{ Name = 'victim'; Destination = 'there'; Mode = 'Observe'; RollbackProof = 'Full' } }
    ) {
        $failed = Invoke-Wrongly $Arguments
        $failed.FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand"
        "$($failed.CategoryInfo.Category)" | Should -Be $Category
        $failed.TargetObject | Should -Not -BeNullOrEmpty
        $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'explains the ways where the destination is another machine' {
        $failed = Invoke-Wrongly @{ Name = 'victim'; Destination = '192.0.2.7:7000' }
        $failed.ErrorDetails.RecommendedAction | Should -Match '-Address 192\.0\.2\.7:7000 .*-SshTarget root@192\.0\.2\.7 -Port 7000'
    }

    It 'says that nobody listens' {
        $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        $failed = Invoke-Wrongly @{ Name = 'victim'; Destination = "localhost:$port"; Window = '20ms' }
        $failed.FullyQualifiedErrorId | Should -Be 'DestinationUnreachable,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        "$($failed.CategoryInfo.Category)" | Should -Be 'ConnectionError'
        $failed.TargetObject | Should -Be 'victim'
    }

    It 'says that the destination lacks memory' {
        $null = New-SimulatedHost tiny -Memory 1MB
        try {
            $failed = Invoke-Wrongly @{ Name = 'victim'; Destination = 'tiny'; Window = '20ms' }
            $failed.FullyQualifiedErrorId | Should -Be 'OutOfMemory,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            $failed.Exception.Message | Should -Match 'memory'
            Get-MigrationDomain -HostName tiny | Should -BeNullOrEmpty
        }
        finally {
            Disconnect-MigrationHost tiny
        }
    }

    It 'says that the destination cannot do it' {
        $null = New-SimulatedHost old -Without RemotePF
        try {
            $failed = Invoke-Wrongly @{ Name = 'victim'; Destination = 'old'; WhatIf = $true }
            $failed.FullyQualifiedErrorId | Should -Be 'NotSupported,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            { Invoke-PreRecordMigration victim -Destination old -Method PreCopy -WhatIf -ErrorAction Stop } | Should -Not -Throw
        }
        finally {
            Disconnect-MigrationHost old
        }
    }

    It 'refuses garbage from the peer' {
        $peer = Start-FakePeer ([byte[]] (@(0xFF) * 64))
        try {
            $failed = Invoke-Wrongly @{ Name = 'victim'; Destination = "localhost:$($peer.Port)"; Window = '20ms' }
            $failed.FullyQualifiedErrorId | Should -Be 'ProtocolViolation,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            "$($failed.CategoryInfo.Category)" | Should -Be 'ProtocolError'
        }
        finally {
            Stop-FakePeer $peer
        }
    }

    It 'refuses a peer of another protocol version' {
        $welcome = [PreRecordMigration.Transfer.RecordCodec]::Encode([PreRecordMigration.Transfer.WelcomeRecord]::new(99, 0))
        $peer = Start-FakePeer $welcome
        try {
            $failed = Invoke-Wrongly @{ Name = 'victim'; Destination = "localhost:$($peer.Port)"; Window = '20ms' }
            $failed.FullyQualifiedErrorId | Should -Be 'ProtocolVersion,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            $failed.Exception.Message | Should -Match '99'
        }
        finally {
            Stop-FakePeer $peer
        }
    }

    It 'says that the connection was lost, and the domain runs on' {
        $peer = Start-FakePeer ([byte[]] @())
        try {
            $failed = Invoke-Wrongly @{ Name = 'victim'; Destination = "localhost:$($peer.Port)"; Window = '20ms' }
            $failed.FullyQualifiedErrorId | Should -Be 'ConnectionLost,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        }
        finally {
            Stop-FakePeer $peer
        }
    }

    It 'says where a recording does not know where to go, and keeps it' {
        $recorded = Start-PreRecord victim -Window 20ms
        $recorded | Invoke-PreRecordMigration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DestinationMissing,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        Stop-PreRecord $recorded
    }

    It 'discards a recording whose move fails, and the domain runs on' {
        $peer = Start-FakePeer ([byte[]] @())
        try {
            $recorded = Start-PreRecord victim -Window 20ms
            $recorded | Invoke-PreRecordMigration -Destination "localhost:$($peer.Port)" -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed.Count | Should -Be 1
            $recorded | Invoke-PreRecordMigration -Destination there -ErrorAction SilentlyContinue -ErrorVariable again
            $again[0].FullyQualifiedErrorId | Should -Be 'RecordingNotHeld,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        }
        finally {
            Stop-FakePeer $peer
        }
    }
}

Describe 'A guest that does not play along' {
    It 'and refuses to suspend runs on at the source' {
        $null = New-SimulatedDomain stubborn2 -HostName here -Memory 4MB -Workload Idle -RefuseSuspend
        foreach ($arguments in @{ Method = 'PostCopy' }, @{ Method = 'PreCopy' }, @{ Window = '20ms' }) {
            Invoke-PreRecordMigration stubborn2 there @arguments -SuspendTimeout 200ms -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'SuspendTimeout,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            Get-State stubborn2 here | Should -Be 'Running'
            Get-MigrationDomain stubborn2* -HostName there | Should -BeNullOrEmpty
        }
    }

    It 'and whose outputs cannot be held back moves by Observe, not by Rollback' {
        $null = New-SimulatedDomain chatty2 -HostName here -Memory 4MB -Workload Idle -NoOutputIsolation
        Invoke-PreRecordMigration chatty2 there -Mode Rollback -Window 20ms -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'OutputNotIsolable,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        Get-State chatty2 here | Should -Be 'Running'
        $result = Invoke-PreRecordMigration chatty2 there -Window 20ms
        "$($result.Mode)" | Should -Be 'Observe'
        $result.ModeReason | Should -Match 'Rollback is not possible.*out0'
    }
}
