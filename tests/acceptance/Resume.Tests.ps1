# After the commit a lost connection pauses, both sides keep what they have, and Resume-Migration goes on.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))
    $null = New-SimulatedHost resume1, resume2
    $place = [PreRecordMigration.Simulated.SimulatedCall]::Place

    function New-Worker([string] $name) {
        $null = New-SimulatedDomain $name -HostName resume1 -Memory 8MB -OperationsPerSecond 20000
    }

    # The source hears of a loss at once; the destination keeps what it has a moment later, on a thread of its own.
    function Wait-Kept([string] $name) {
        while ("$((Get-MigrationDomain "$name*" -HostName resume2).State)" -ne 'Paused') {
            $null = [System.Threading.Thread]::Yield()
        }
    }

    # Starts a migration that fails at the destination once pages arrive there.
    function Start-Interrupted([string] $name) {
        New-Worker $name
        (Get-SimulatedHost resume2).Faults.Fail($place, 2)
        $handle = Start-Migration $name resume2 -Method PostCopy
        $handle | Wait-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        Wait-Kept $name
        $handle | Add-Failed $failed
    }

    # The same through a receiver, which may not have noticed yet.
    function Invoke-Interrupted([string] $name) {
        New-Worker $name
        $receiver = Start-MigrationReceiver resume2
        (Get-SimulatedHost resume2).Faults.Fail($place, 2)
        Invoke-PreRecordMigration $name "localhost:$($receiver.Port)" -Method PostCopy -ErrorAction SilentlyContinue
    }

    filter Add-Failed($failed) { [pscustomobject] @{ Id = $_.Id; InstanceId = $_.InstanceId; Failed = @($failed)[0] } }
}

AfterAll {
    Disconnect-MigrationHost resume1, resume2
}

Describe 'Resume-Migration' {
    It 'goes on where a migration stopped after the commit' {
        $interrupted = Start-Interrupted again
        $interrupted.Failed.Exception.Message | Should -Match 'kept stopped here'
        $interrupted.Failed.ErrorDetails.RecommendedAction | Should -Match 'Resume-Migration'
        "$((Get-Migration -Id $interrupted.Id).State)" | Should -Be 'Interrupted'
        "$((Get-MigrationDomain again -HostName resume1).State)" | Should -Be 'Suspended'
        "$((Get-MigrationDomain again* -HostName resume2).State)" | Should -Be 'Paused'

        $result = $interrupted | Resume-Migration | Wait-Migration
        $result.DomainName | Should -Be 'again'
        $result.Phases.Phase -join ',' | Should -Match 'Resume'
        "$((Get-Migration -Id $interrupted.Id).State)" | Should -Be 'Completed'
        Get-MigrationDomain again* -HostName resume1 | Should -BeNullOrEmpty
        "$((Get-MigrationDomain again -HostName resume2).State)" | Should -Be 'Running'
        (Get-SimulatedHost resume2).Violations.Count | Should -Be 0
    }

    It 'works from another runspace' {
        $interrupted = Start-Interrupted apart
        $there = Invoke-Elsewhere 'Get-Migration apart | Resume-Migration | Wait-Migration'
        $there.Errors.Count | Should -Be 0
        $there.Output[0].DomainName | Should -Be 'apart'
    }

    It 'goes through a new tunnel where the old one was cut' {
        New-Worker rerouted
        $receiver = Start-MigrationReceiver resume2
        $first = Open-Tunnel $receiver.Port
        $second = Open-Tunnel $receiver.Port
        try {
            (Get-SimulatedHost resume2).Faults.Before($place, 3, (ConvertTo-Action $first.Cut 'Cancel'))
            Invoke-PreRecordMigration rerouted "localhost:$($first.Port)" -Method PostCopy -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'ConnectionLost,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            "$((Get-Migration rerouted).State)" | Should -Be 'Interrupted'
            (Get-MigrationReceiver resume2).Incoming[-1].MissingPages | Should -BeGreaterThan 0

            $result = Resume-Migration rerouted -Destination "localhost:$($second.Port)" | Wait-Migration
            $result.DomainName | Should -Be 'rerouted'

            # The receiver gives the domain its name when the source has gone; stopping waits for that.
            Stop-MigrationReceiver resume2
            "$((Get-MigrationDomain rerouted -HostName resume2).State)" | Should -Be 'Running'
        }
        finally {
            Close-Tunnel $first
            Close-Tunnel $second
            Get-MigrationReceiver resume2* | Stop-MigrationReceiver
        }
    }

    It 'keeps everything while nobody answers' {
        $interrupted = Start-Interrupted patient
        $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        $interrupted | Resume-Migration -Destination "localhost:$port" | Wait-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DestinationUnreachable,PreRecordMigration.Cmdlets.WaitMigrationCommand'
        "$((Get-Migration -Id $interrupted.Id).State)" | Should -Be 'Interrupted'
        $null = $interrupted | Resume-Migration | Wait-Migration
        "$((Get-MigrationDomain patient -HostName resume2).State)" | Should -Be 'Running'
    }

    It 'resumes nothing with -WhatIf' {
        $interrupted = Start-Interrupted unmoved
        $interrupted | Resume-Migration -WhatIf | Should -BeNullOrEmpty
        "$((Get-Migration -Id $interrupted.Id).State)" | Should -Be 'Interrupted'
        { Disconnect-MigrationHost resume2 -ErrorAction Stop } | Should -Throw -ErrorId 'HostBusy,PreRecordMigration.Cmdlets.DisconnectMigrationHostCommand'
        $null = $interrupted | Resume-Migration | Wait-Migration
    }

    It 'refuses <Case>' -ForEach @(
        @{ Case = 'one that is at its end'; Id = 'MigrationNotInterrupted'; Arguments = @{ Name = 'again' } }
        @{ Case = 'one that never was'; Id = 'MigrationNotFound'; Arguments = @{ Name = 'never' } }
    ) {
        if ($Arguments.Name -eq 'again') {
            $Arguments = @{ Id = (Get-Migration again).Id }
        }

        Resume-Migration @Arguments -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.ResumeMigrationCommand"
    }

    It 'says of one that this process does not know how to take it over: <_>' -ForEach @{ Name = 'never' }, @{ Id = 12345 } {
        $named = $_
        Resume-Migration @named -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].ErrorDetails.RecommendedAction | Should -Match 'process that moved a domain was killed .*Resume-Migration NAME -TakeOver -Destination PLACE'
    }

    It 'says how a host gets a receiver, and what to repeat then' {
        Start-Interrupted receiverless | Should -Not -BeNullOrEmpty
        { Resume-Migration receiverless -Destination resume1 } |
            Should -Throw -ErrorId 'ReceiverNotFound,PreRecordMigration.Cmdlets.ResumeMigrationCommand'
        $Error[0].ErrorDetails.RecommendedAction | Should -Match 'Start-MigrationReceiver resume1 makes one listen; then repeat Resume-Migration receiverless -Destination resume1\.$'
        $null = Resume-Migration receiverless | Wait-Migration
    }

    It 'refuses a way that is none' {
        { Resume-Migration again -Destination '192.0.2.1:7000' } | Should -Throw -ErrorId 'DestinationNotLoopback,PreRecordMigration.Cmdlets.ResumeMigrationCommand'
    }
}

Describe 'Stop-MigrationReceiver' {
    It 'keeps domains that wait to be resumed, unless it is forced to give them up' {
        Invoke-Interrupted kept
        Wait-Kept kept
        Stop-MigrationReceiver resume2 -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ReceiverHoldsDomains,PreRecordMigration.Cmdlets.StopMigrationReceiverCommand'
        $failed[0].Exception.Message | Should -Match "'kept'"
        "$((Get-MigrationDomain kept* -HostName resume2).State)" | Should -Be 'Paused'
        Stop-MigrationReceiver resume2 -Force
        Get-MigrationDomain kept* -HostName resume2 | Should -BeNullOrEmpty
        $null = Stop-Migration kept -Force
        Get-MigrationDomain kept* -HostName resume1 | Should -BeNullOrEmpty
    }

    It 'gives all of them up, whatever fails of one, which stays to be given up again' {
        Invoke-Interrupted first
        Wait-Kept first
        New-Worker second
        (Get-SimulatedHost resume2).Faults.Fail($place, 2)
        Invoke-PreRecordMigration second "localhost:$((Get-MigrationReceiver resume2).Port)" -Method PostCopy -ErrorAction SilentlyContinue
        Wait-Kept second
        foreach ($try in 1..3) {
            (Get-SimulatedHost resume2).Faults.Fail('DestroyIncoming', $try)
        }

        Stop-MigrationReceiver resume2 -Force -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].Exception.Message | Should -Match 'DestroyIncoming'
        "$((Get-MigrationDomain first* -HostName resume2).State)" | Should -Be 'Paused'
        Get-MigrationDomain second* -HostName resume2 | Should -BeNullOrEmpty
        Stop-MigrationReceiver resume2 -Force
        Get-MigrationReceiver resume2* | Should -BeNullOrEmpty
        Get-MigrationDomain first* -HostName resume2 | Should -BeNullOrEmpty
        $null = Stop-Migration first, second -Force
    }

    It 'keeps the domain that loses its source meanwhile, and goes on' {
        Invoke-Interrupted stopped

        # Whether the destination has noticed or not: stopping waits until it has.
        Stop-MigrationReceiver resume2 -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ReceiverHoldsDomains,PreRecordMigration.Cmdlets.StopMigrationReceiverCommand'
        (Resume-Migration stopped | Wait-Migration).DomainName | Should -Be 'stopped'
        Stop-MigrationReceiver resume2
        "$((Get-MigrationDomain stopped -HostName resume2).State)" | Should -Be 'Running'
    }
}

Describe 'Stop-Migration, while a migration is being resumed' {
    It 'says that it has left already, and it is finished: at <Call>' -ForEach @(@{ Call = 'Unpause' }, @{ Call = 'Place' }) {
        $interrupted = Start-Interrupted "coming-$Call"
        $entered = [System.Threading.ManualResetEventSlim]::new()
        $goOn = [System.Threading.ManualResetEventSlim]::new()
        (Get-SimulatedHost resume2).Faults.Before($Call, 1, [System.Delegate]::Combine((ConvertTo-Action $entered 'Set'), (ConvertTo-Action $goOn 'Wait')))
        try {
            $resuming = $interrupted | Resume-Migration
            $entered.Wait()
            Stop-Migration "coming-$Call" -Force -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused[0].FullyQualifiedErrorId | Should -Be 'MigrationNotStoppable,PreRecordMigration.Cmdlets.StopMigrationCommand'
        }
        finally {
            $goOn.Set()
        }

        $resuming | Wait-Migration -ErrorAction SilentlyContinue
        if ("$((Get-Migration -Id $interrupted.Id).State)" -eq 'Interrupted') {
            # It was stopped before the destination had said that the domain goes on there: everything is kept, and it is resumed again.
            $null = $interrupted | Resume-Migration | Wait-Migration
        }

        "$((Get-Migration -Id $interrupted.Id).State)" | Should -Be 'Completed'
        "$((Get-MigrationDomain "coming-$Call" -HostName resume2).State)" | Should -Be 'Running'
        Get-MigrationDomain "coming-$Call*" -HostName resume1 | Should -BeNullOrEmpty
        (Get-SimulatedHost resume2).Violations.Count | Should -Be 0
    }
}

Describe 'Stop-Migration, after the commit' {
    It 'gives an interrupted migration up with -Force only, and takes both halves away' {
        $interrupted = Start-Interrupted lost
        $interrupted | Stop-Migration -WhatIf
        "$((Get-Migration -Id $interrupted.Id).State)" | Should -Be 'Interrupted'

        # In a runspace with nobody to ask, as in a job, it is refused instead of asked.
        $there = Invoke-Elsewhere 'Get-Migration lost | Stop-Migration'
        $there.Errors[0].FullyQualifiedErrorId | Should -Be 'ForceNeeded,PreRecordMigration.Cmdlets.StopMigrationCommand'
        "$((Get-Migration -Id $interrupted.Id).State)" | Should -Be 'Interrupted'
        $ended = $interrupted | Stop-Migration -Force
        "$($ended.State)" | Should -Be 'Failed'
        $ended.Error | Should -Match 'Given up'
        Get-MigrationDomain lost* -HostName resume1 | Should -BeNullOrEmpty
        Get-MigrationDomain lost* -HostName resume2 | Should -BeNullOrEmpty
        $interrupted | Resume-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'MigrationNotInterrupted,PreRecordMigration.Cmdlets.ResumeMigrationCommand'
    }

    It 'takes away what it can, whatever fails of it, and says what is left' {
        $null = Start-Interrupted stuck
        foreach ($try in 1..3) {
            (Get-SimulatedHost resume1).Faults.Fail('DestroySource', $try)
        }

        Stop-Migration stuck -Force -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].Exception.Message | Should -Match 'DestroySource'

        # The half at the destination has gone all the same, and so has the receiver that was made for the migration.
        Get-MigrationDomain stuck* -HostName resume2 | Should -BeNullOrEmpty
        (Get-Migration stuck).Error | Should -Match "Given up.*not all that is left of 'stuck' here could be destroyed: .*DestroySource.*never runs here"
        Disconnect-MigrationHost resume2
        $null = New-SimulatedHost resume2
    }

    It 'takes its own two halves away, not those of another domain of that name' {
        $null = New-SimulatedHost resume3, resume4
        try {
            $twins = foreach ($way in @{ From = 'resume1'; To = 'resume2' }, @{ From = 'resume3'; To = 'resume4' }) {
                $null = New-SimulatedDomain twin -HostName $way.From -Memory 8MB -OperationsPerSecond 20000
                (Get-SimulatedHost $way.To).Faults.Fail($place, 2)
                $handle = Get-MigrationDomain twin -HostName $way.From | Start-Migration -Destination $way.To -Method PostCopy
                $handle | Wait-Migration -ErrorAction SilentlyContinue
                while ("$((Get-MigrationDomain twin* -HostName $way.To).State)" -ne 'Paused') {
                    $null = [System.Threading.Thread]::Yield()
                }

                $handle
            }

            $null = $twins[0] | Stop-Migration -Force
            Get-MigrationDomain twin* -HostName resume2 | Should -BeNullOrEmpty
            ($twins[1] | Resume-Migration | Wait-Migration).HostName | Should -Be 'resume4'
        }
        finally {
            Disconnect-MigrationHost resume3, resume4
        }
    }
}

Describe 'Stop-Migration -NeverRanThere' {
    BeforeAll {
        $null = New-SimulatedHost left1, left2
        $null = New-SimulatedDomain left -HostName left1 -Memory 8MB -OperationsPerSecond 20000

        # The destination's process is killed when it is about to start the domain, and the source's after that.
        $destination = Get-SimulatedHost left2
        $destination.Faults.Before([PreRecordMigration.Simulated.SimulatedCall]::MarkIncoming, 1, (ConvertTo-Action $destination KillTool))
        Invoke-PreRecordMigration left left2 -Method PostCopy -ErrorAction SilentlyContinue
        (Get-SimulatedHost left1).KillTool()
    }

    AfterAll {
        # What the killed process had of it cannot be given up any more, and is not listed after that.
        Stop-Migration left -Force -ErrorAction SilentlyContinue
        Disconnect-MigrationHost left1, left2
    }

    It 'is what a refusal names, with the place to look at' {
        Get-MigrationDomain left -HostName left1 | Start-PreRecord -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^DomainState,'
        $refused[0].Exception.Message | Should -Match 'may run at its destination, 127\.0\.0\.1:\d+'
        $refused[0].ErrorDetails.RecommendedAction | Should -Match 'Stop-Migration left -NeverRanThere -HostName left1'
    }

    It 'changes nothing with -WhatIf, and asks where nobody could answer' {
        Stop-Migration left -NeverRanThere -HostName left1 -WhatIf
        "$((Get-MigrationDomain left -HostName left1).State)" | Should -Be 'Suspended'
        $asked = Start-ThreadJob { Stop-Migration left -NeverRanThere -HostName left1 -ErrorAction SilentlyContinue -ErrorVariable refused; $refused[0].FullyQualifiedErrorId } |
            Receive-Job -Wait -AutoRemoveJob
        $asked | Should -Match '^ForceNeeded,'
        "$((Get-MigrationDomain left -HostName left1).State)" | Should -Be 'Suspended'
    }

    It 'wakes the domain, once' {
        $woken = Stop-Migration left -NeverRanThere -HostName left1 -Force
        "$($woken.State)" | Should -Be 'Running'
        (Get-SimulatedHost left2).Violations.Count | Should -Be 0
        Stop-Migration left -NeverRanThere -HostName left1 -Force -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^DomainState,'
    }

    It 'needs a name, and is what -HostName belongs to' {
        { Stop-Migration -NeverRanThere } | Should -Throw -ErrorId 'LeftNeedsName,*'
        { Stop-Migration left -HostName left1 -ErrorAction Stop } | Should -Throw -ErrorId 'HostNameOfLeft,*'
    }
}
