# What is decided about a recording before it is moved: the order of its pages, and where the domain goes.

BeforeAll {
    $null = New-SimulatedHost record1, record2
    $null = New-SimulatedDomain worker, second -HostName record1 -Memory 8MB -OperationsPerSecond 20000
    filter Where-Running { if ($_.State -eq 'Running') { $_ } }
    function Get-WorkerState { "$((Get-MigrationDomain worker -HostName record1).State)" }
}

AfterAll {
    Disconnect-MigrationHost record1, record2
}

Describe 'Get-PageOrder' {
    BeforeAll {
        $recorded = Start-PreRecord worker -Window 60ms -Epoch 20ms -Mode Observe
        Stop-PreRecord $recorded
    }

    It 'puts recorded pages first' {
        $order = $recorded | Get-PageOrder
        $order.Strategy -join ',' | Should -Be 'RecordedFirst'
        $order.RecordedCount | Should -Be $recorded.RecordedPages
        $touched = $recorded.Trajectory.PagesByFirstTouch()
        @($order.Pfn[0..($touched.Count - 1)] | Sort-Object) -join ',' | Should -Be (@($touched | Sort-Object) -join ',')
    }

    It 'has every page once, whatever the strategy' {
        foreach ($strategy in 'Sequential', 'RecordedFirst') {
            $order = Get-PageOrder $recorded -Strategy $strategy
            $distinct = [System.Collections.Generic.HashSet[int]]::new([int[]] $order.Pfn)
            $distinct.Count | Should -Be $order.Count
            $order.Count | Should -BeGreaterOrEqual 2048
        }
    }

    It 'is ascending where it is sequential' {
        $order = Get-PageOrder $recorded -Strategy Sequential
        $sorted = [int[]] $order.Pfn
        [Array]::Sort($sorted)
        $order.Pfn -join ',' | Should -Be ($sorted -join ',')
        $order.RecordedCount | Should -Be 0
    }

    It 'carries the recording on, with the order decided' {
        $order = Get-PageOrder $recorded -Strategy Sequential
        $order.PreRecord.Order -join ',' | Should -Be 'Sequential'
        $order.PreRecord.Id | Should -Be $recorded.Id
        $recorded.Order | Should -BeNullOrEmpty
    }

    It 'refuses a strategy that it does not know' {
        { Get-PageOrder $recorded -Strategy Guess } | Should -Throw -ErrorId 'CannotConvertArgumentNoMessage,PreRecordMigration.Cmdlets.GetPageOrderCommand'
    }

    It 'composes strategies' {
        $order = Get-PageOrder $recorded -Strategy LinearRegression, IssDbscan
        $order.Strategy -join ',' | Should -Be 'LinearRegression,IssDbscan'
        $order.RecordedCount | Should -Be $recorded.RecordedPages
        $order.PredictedCount | Should -BeGreaterOrEqual 0
    }

    It 'says what Auto chose, and why' {
        (Get-PageOrder $recorded -Strategy Auto).Reason | Should -Match '%'
        (Get-PageOrder $recorded -Strategy Sequential).Reason | Should -BeNullOrEmpty
    }

    It 'refuses strategies that do not go together' {
        Get-PageOrder $recorded -Strategy Sequential, IssDbscan -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'InvalidOption,PreRecordMigration.Cmdlets.GetPageOrderCommand'
    }
}

Describe 'Set-PageOrder' {
    BeforeAll {
        $recorded = Start-PreRecord worker -Window 60ms -Epoch 20ms -Mode Observe
        Stop-PreRecord $recorded
    }

    It 'decides about a recording, and leaves the given one as it is' {
        $decided = $recorded | Set-PageOrder -Strategy Auto
        $decided.Order -join ',' | Should -Be 'Auto'
        $decided.Id | Should -Be $recorded.Id
        $recorded.Order | Should -BeNullOrEmpty
        "$(($decided | Get-PageOrder).Reason)" | Should -Match '%'
    }

    It 'takes an order from the pipeline' {
        ($recorded | Get-PageOrder | Set-PageOrder -Strategy Sequential).Order -join ',' | Should -Be 'Sequential'
    }

    It 'hands the recording on unchanged with -WhatIf' {
        ($recorded | Set-PageOrder -Strategy Auto -WhatIf).Order | Should -BeNullOrEmpty
    }

    It 'refuses strategies that do not go together' {
        $recorded | Set-PageOrder -Strategy Auto, IssDbscan -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'InvalidOption,PreRecordMigration.Cmdlets.SetPageOrderCommand'
        $failed[0].TargetObject | Should -Be 'worker'
    }
}

Describe 'Get-RemotePF' {
    It 'says what is decided about a recording' {
        $recorded = Start-PreRecord worker -Window 20ms -Mode Observe
        ($recorded | Disable-RemotePF | Get-RemotePF).IsEnabled | Should -BeFalse
        $decided = $recorded | Enable-RemotePF -Destination record2 | Get-RemotePF
        $decided.IsEnabled | Should -BeTrue
        $decided.State | Should -Be 'Decided'
        $decided.HostName | Should -Be 'record2'
        $recorded | Stop-PreRecord
    }

    It 'says what is missing while a domain comes in' {
        $null = New-SimulatedDomain incoming -HostName record1 -Memory 8MB -OperationsPerSecond 20000
        $handle = Start-Migration incoming record2 -Method PostCopy -BandwidthLimit 2MB
        $seen = $null
        $patience = [System.Diagnostics.Stopwatch]::StartNew()
        while ($null -eq $seen -and $patience.Elapsed.TotalSeconds -lt 60) {
            $seen = @(Get-RemotePF incoming* | Where-Running)[0]
        }

        $seen.HostName | Should -Be 'record2'
        $seen.IsEnabled | Should -BeTrue
        $seen.MissingPages | Should -BeGreaterThan 0
        $null = $handle | Wait-Migration
        Get-RemotePF incoming* | Should -BeNullOrEmpty
    }

    It 'says so where no such domain comes in' {
        Get-RemotePF nobody -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'IncomingNotFound,PreRecordMigration.Cmdlets.GetRemotePFCommand'
    }
}

Describe 'Enable-RemotePF and Disable-RemotePF' {
    BeforeAll {
        $recorded = Start-PreRecord worker -Window 20ms -Mode Observe
        Stop-PreRecord $recorded
    }

    It 'decide about a recording, and leave the given one as it is' {
        ($recorded | Enable-RemotePF).RemotePF | Should -BeTrue
        ($recorded | Disable-RemotePF).RemotePF | Should -BeFalse
        $recorded.RemotePF | Should -BeNullOrEmpty
    }

    It 'take an order from the pipeline, and the destination' {
        $decided = $recorded | Get-PageOrder -Strategy Sequential | Enable-RemotePF -Destination record2
        $decided.RemotePF | Should -BeTrue
        $decided.Destination | Should -Be 'record2'
        $decided.Order -join ',' | Should -Be 'Sequential'
        ($decided | Disable-RemotePF).Destination | Should -Be 'record2'
    }

    It 'hand the recording on unchanged with -WhatIf' {
        ($recorded | Enable-RemotePF -WhatIf).RemotePF | Should -BeNullOrEmpty
        ($recorded | Disable-RemotePF -WhatIf).RemotePF | Should -BeNullOrEmpty
    }

    It 'refuse the destination <Destination>' -ForEach @(
        @{ Destination = 'nowhere'; Id = 'HostNotFound' }
        @{ Destination = '192.0.2.1:7000'; Id = 'DestinationNotLoopback' }
        @{ Destination = '192.0.2.1'; Id = 'DestinationNotLoopback' }
        @{ Destination = 'xen2.example.org:7000'; Id = 'DestinationNotLoopback' }
        @{ Destination = 'localhost:none'; Id = 'InvalidDestination' }
        @{ Destination = 'localhost:0'; Id = 'InvalidDestination' }
        @{ Destination = '127.0.0.1'; Id = 'InvalidDestination' }
        @{ Destination = 'localhost:70000'; Id = 'InvalidDestination' }
    ) {
        { $recorded | Enable-RemotePF -Destination $Destination } | Should -Throw -ErrorId "$Id,PreRecordMigration.Cmdlets.EnableRemotePFCommand"
        { $recorded | Disable-RemotePF -Destination $Destination } | Should -Throw -ErrorId "$Id,PreRecordMigration.Cmdlets.DisableRemotePFCommand"
    }
}
