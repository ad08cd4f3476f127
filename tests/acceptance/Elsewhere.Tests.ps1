# What other processes of the user have, seen from a third one: a receiver in one, a migration that is under way in another.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    $serving = [System.IO.Path]::Combine($TestDrive, 'serving.ps1')
    [System.IO.File]::WriteAllText($serving, @"
        `$ProgressPreference = 'SilentlyContinue'
        Import-Module '$manifest'
        . '$PSScriptRoot/SimulatedFaults.ps1'
        `$release = [System.Threading.ManualResetEventSlim]::new()
        [Console]::Out.WriteLine('ready')
        while (`$null -ne (`$line = [Console]::In.ReadLine())) {
            [Console]::Out.WriteLine("" + (Invoke-Expression `$line))
        }
"@)
    $processes = [System.Collections.Generic.List[object]]::new()

    # A process that does what it is told, a line at a time, and says what came of it in a line.
    function Start-Other {
        $process = [System.Diagnostics.Process]::Start((New-FreshStart $serving))
        $processes.Add($process)
        $null = $process.StandardError.ReadToEndAsync()
        $process.StandardOutput.ReadLine() | Should -Be 'ready'
        $process
    }

    function Invoke-There($process, [string] $command) {
        $process.StandardInput.WriteLine($command)
        $process.StandardOutput.ReadLine()
    }

    function Stop-Other($process) {
        if (-not $process.HasExited) {
            $process.StandardInput.Close()
            $process.WaitForExit()
        }
    }

    # The process that env starts is pwsh itself: env is replaced by it.
    function Get-Board($process) { @([System.IO.Directory]::GetFiles($env:PRERECORD_RUNTIME_DIRECTORY, "process-$($process.Id)-*.sock")) }

    # A migration of a process that is held at its first page, until that process is told to release it.
    function Start-Held($process, [string] $name, [string] $destination) {
        $null = Invoke-There $process "`$release.Reset(); `$null = New-SimulatedDomain $name -HostName far1 -Memory 8MB -OperationsPerSecond 20000; (Get-SimulatedHost far1).Faults.Before('CaptureCoreState', 1, (ConvertTo-Action `$release 'Wait')); `$null = Start-Migration $name $destination -Method PostCopy"
    }

    # Begins a command in a runspace of its own, and goes on when it has shown a bar: it waits then.
    function Start-Waiting([string] $command) {
        $shell = [System.Management.Automation.PowerShell]::Create()
        $shell.Runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
            [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
        $shell.Runspace.Open()

        # To load a module can show a bar, too.
        $null = $shell.AddScript("Import-Module '$manifest'").Invoke()
        $shell.Streams.ClearStreams()
        $shell.Commands.Clear()
        $running = $shell.AddScript($command).BeginInvoke()
        while ($shell.Streams.Progress.Count -eq 0 -and -not $running.IsCompleted) {
            $null = [System.Threading.Thread]::Yield()
        }

        [pscustomobject] @{ Shell = $shell; Running = $running }
    }

    function Receive-Waiting($waiting) {
        try {
            $output = @($waiting.Shell.EndInvoke($waiting.Running))
            [pscustomobject] @{
                Output   = $output
                Errors   = @($waiting.Shell.Streams.Error)
                Warnings = @($waiting.Shell.Streams.Warning)
                Progress = @($waiting.Shell.Streams.Progress)
            }
        }
        finally {
            $waiting.Shell.Runspace.Dispose()
            $waiting.Shell.Dispose()
        }
    }

    $receiving = Start-Other
    $port = Invoke-There $receiving '$null = New-SimulatedHost far2; (Start-MigrationReceiver far2).Port'
    $moving = Start-Other
    $null = Invoke-There $moving '$null = New-SimulatedHost far1, far3'
}

AfterAll {
    foreach ($process in $processes) {
        if (-not $process.HasExited) {
            $process.Kill($true)
            $process.WaitForExit()
        }

        $process.Dispose()
    }
}

Describe 'What other processes have' {
    It 'is shown behind what this one has, with its process' {
        Start-Held $moving seen "localhost:$port"
        $null = New-SimulatedHost near1, near2
        $null = New-SimulatedDomain own -HostName near1 -Memory 4MB -Workload Idle
        $null = Start-MigrationReceiver near2
        $null = Invoke-PreRecordMigration own near2 -Method PostCopy
        try {
            $all = @(Get-Migration -WarningVariable warned)
            $warned.Count | Should -Be 0
            $own = $all.Where({ $_.ProcessId -eq $PID })
            $own.Name | Should -Contain 'own'
            $all[0..($own.Count - 1)].ProcessId | Should -Be $own.ProcessId
            $seen = Get-Migration seen
            $seen.ProcessId | Should -Be $moving.Id
            "$($seen.State) $($seen.Source) $($seen.Destination) $($seen.Method)" | Should -Be "Running far1 localhost:$port PostCopy"
            $seen.Elapsed | Should -BeOfType [TimeSpan]
            Get-Migration see* | Select-Object -ExpandProperty InstanceId | Should -Be $seen.InstanceId
            ($seen | ConvertTo-Json -WarningAction SilentlyContinue | ConvertFrom-Json | Get-Migration).InstanceId | Should -Be $seen.InstanceId
            { Get-Migration -Id 32000 -ErrorAction Stop } | Should -Throw -ErrorId 'MigrationNotFound,*'

            # A process that has no migration itself.
            $asking = [System.IO.Path]::Combine($TestDrive, 'asking.ps1')
            [System.IO.File]::WriteAllText($asking, "Import-Module '$manifest'; Get-Migration -Id $($seen.Id) -ErrorVariable failed -ErrorAction SilentlyContinue
                ""`$(`$failed[0].FullyQualifiedErrorId): `$(`$failed[0]) `$(`$failed[0].ErrorDetails.RecommendedAction)""")
            (Invoke-Fresh $asking).Output |
                Should -Match "^MigrationElsewhere,.*: This process has no migration $($seen.Id)\. .* of 'seen' \(Running\) is in another process: process $($moving.Id) .*Name the domain instead: seen\. Get-Migration and Wait-Migration work"

            $table = $all | Format-Table | Out-String -Width 79
            $table | Should -Match "(?s)own.*In process $($moving.Id).*seen"
            $own | Format-Table | Out-String | Should -Not -Match 'In process'

            $receivers = @(Get-MigrationReceiver near2, far2)
            $receivers.HostName | Should -Be @('near2', 'far2')
            $receivers.ProcessId | Should -Be @($PID, $receiving.Id)
            $receivers[1].Port | Should -Be $port
            (Get-MigrationReceiver far*).Incoming[0].Name | Should -Be 'seen'
            (Get-MigrationReceiver).HostName | Should -Contain 'far2'
        }
        finally {
            $null = Invoke-There $moving '$release.Set()'
            $null = Wait-Migration seen
            Stop-MigrationReceiver near2
            Disconnect-MigrationHost near1, near2
        }
    }

    It 'is waited for by name, with a bar, and the result is the one that is there' {
        Start-Held $moving named far3
        $waiting = Start-Waiting 'Wait-Migration named'
        $null = Invoke-There $moving '$release.Set()'
        $there = Receive-Waiting $waiting
        $there.Errors.Count + $there.Warnings.Count | Should -Be 0
        $there.Output.Count | Should -Be 1
        $there.Output[0].PSObject.TypeNames[0] | Should -Be 'PreRecordMigration.Operations.MigrationOutcome'
        $result = Invoke-There $moving '(Get-Migration named).Result | ConvertTo-Json -Compress -Depth 4'
        $there.Output[0] | ConvertTo-Json -Compress -Depth 4 | Should -BeExactly $result
        "$($there.Progress[-1].RecordType)" | Should -Be 'Completed'

        # Once it has ended there is nothing to wait for, and the same to be had; a handle and an object of the domain mean it, too.
        (Wait-Migration named).Name | Should -Be 'named'
        (Get-Migration named | Wait-Migration).Name | Should -Be 'named'
        ([pscustomobject] @{ Name = 'named' } | Wait-Migration).Name | Should -Be 'named'
    }

    It 'is warned of where it is waited for' {
        $null = Invoke-There $moving '$null = New-SimulatedDomain warned -HostName far1 -Memory 8MB -Workload Idle; $null = Start-Migration warned far3 -Method PostCopy -BandwidthLimit 1KB/s'
        $waiting = Start-Waiting 'Wait-Migration warned'
        $null = Invoke-There $moving 'Set-Migration warned -MaximumExposure 1ms'
        $there = Receive-Waiting $waiting
        $there.Output[0].Name | Should -Be 'warned'
        @($there.Warnings.Message) | Should -Be (Get-Migration warned).Warnings
        $there.Warnings[0].Message | Should -Match 'The bandwidth limit of 1 KiB/s is lifted'
    }

    It 'is waited for with a limit, and goes on' {
        Start-Held $moving limited far3
        try {
            $handle = Wait-Migration limited -Timeout 0s
            "$($handle.ProcessId) $($handle.State)" | Should -Be "$($moving.Id) Running"
            $handle | Wait-Migration -Timeout 100ms -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Match '^WaitTimeout,'
        }
        finally {
            $null = Invoke-There $moving '$release.Set()'
        }

        ($handle | Wait-Migration).Name | Should -Be 'limited'
    }

    It 'has the error that is there, with what to do about it' {
        $null = Invoke-There $moving '$null = New-SimulatedDomain firm -HostName far1 -Memory 4MB -Workload Idle -RefuseSuspend; $null = Start-Migration firm far3 -Method PostCopy -SuspendTimeout 200ms'
        $command = 'Wait-Migration firm -ErrorAction SilentlyContinue -ErrorVariable failed'
        $there = Invoke-There $moving "$command; @(`$failed[0].FullyQualifiedErrorId, `$failed[0].CategoryInfo.Category, `$failed[0].TargetObject, `$failed[0].Exception.Message, `$failed[0].ErrorDetails.RecommendedAction) -join '|'"
        Invoke-Expression $command
        $failed[0].FullyQualifiedErrorId | Should -Match '^SuspendTimeout,'
        @($failed[0].FullyQualifiedErrorId, $failed[0].CategoryInfo.Category, $failed[0].TargetObject, $failed[0].Exception.Message, $failed[0].ErrorDetails.RecommendedAction) -join '|' |
            Should -BeExactly $there
    }

    It 'is waited for at its destination, with a bar, until it has come' {
        Start-Held $moving coming "localhost:$port"
        $null = Invoke-There $receiving "`$release.Reset(); (Get-SimulatedHost far2).Faults.Before('Place', 1, (ConvertTo-Action `$release 'Wait'))"
        $null = Invoke-There $moving '$release.Set()'
        $waiting = Start-Waiting 'Wait-MigrationReceiver far2 -Count 1'
        "$((Wait-MigrationReceiver far2 -Timeout 0s).Name)" | Should -Be 'coming'
        $null = Invoke-There $receiving '$release.Set()'
        $there = Receive-Waiting $waiting
        $there.Errors.Count + $there.Warnings.Count | Should -Be 0
        "$($there.Output.Name) $($there.Output.State) $($there.Output.MissingPages)" | Should -Be 'coming Finished 0'
        $there.Progress[0].Activity | Should -Be "Receiving 'coming' on far2"
        "$($there.Progress[-1].RecordType)" | Should -Be 'Completed'
        Wait-MigrationReceiver far2 | Should -BeNullOrEmpty
    }

    It 'is what a wait means that names nothing, in a process that has none itself' {
        $fresh = Start-Other
        Start-Held $moving unnamed far3
        "$(Invoke-There $fresh '(Wait-Migration -Timeout 0s).Name')" | Should -Be 'unnamed'
        $null = Invoke-There $fresh '$null = New-SimulatedHost own1, own2; $null = New-SimulatedDomain mine -HostName own1 -Memory 4MB -Workload Idle; $null = Invoke-PreRecordMigration mine own2 -Method PostCopy'
        "$(Invoke-There $fresh '@(Wait-Migration -WarningVariable said -WarningAction SilentlyContinue).Count, @($said).Count -join " "')" | Should -Be '0 1'

        # And a name means its own, though another process has one of that name under way.
        $null = Invoke-There $fresh '$null = New-SimulatedDomain unnamed -HostName own1 -Memory 4MB -Workload Idle; $null = Invoke-PreRecordMigration unnamed own2 -Method PostCopy'
        Invoke-There $fresh '(Wait-Migration unnamed).Destination' | Should -Be 'own2'
        Invoke-There $fresh '@(Get-Migration unnamed).Count' | Should -Be 2
        $null = Invoke-There $moving '$release.Set()'
        $null = Get-Migration unnamed | Wait-Migration
        Stop-Other $fresh
        Get-Board $fresh | Should -BeNullOrEmpty
    }

    It 'is not stopped, resumed or changed from here: the error says where it is: <Command>' -ForEach @(
        @{ Name = 'kept1'; Command = 'Stop-Migration kept1'; Id = 'MigrationElsewhere'; Process = 'moving' }
        @{ Name = 'kept2'; Command = 'Resume-Migration kept2'; Id = 'MigrationElsewhere'; Process = 'moving' }
        @{ Name = 'kept3'; Command = 'Get-Migration kept3 | Stop-Migration'; Id = 'MigrationElsewhere'; Process = 'moving' }
        @{ Name = 'kept4'; Command = 'Stop-Migration kept4*'; Id = 'MigrationElsewhere'; Process = 'moving' }
        @{ Name = 'kept6'; Command = 'Set-Migration kept6 -BandwidthLimit 1MB/s'; Id = 'MigrationElsewhere'; Process = 'moving' }
        @{ Name = 'kept5'; Command = 'Stop-MigrationReceiver far2'; Id = 'ReceiverElsewhere'; Process = 'receiving' }
    ) {
        Start-Held $moving $Name far3
        try {
            Invoke-Expression "$Command -ErrorAction SilentlyContinue -ErrorVariable failed" | Should -BeNullOrEmpty
            $there = (Get-Variable $Process).Value.Id
            $failed[0].FullyQualifiedErrorId | Should -Match "^$Id,"
            "$($failed[0].CategoryInfo.Category)" | Should -Be 'InvalidOperation'
            $failed[0].Exception.Message | Should -Match "process $there \("
            $failed[0].ErrorDetails.RecommendedAction | Should -Match "'kill $there'"
        }
        finally {
            $null = Invoke-There $moving '$release.Set()'
            $null = Get-Migration $Name | Wait-Migration
        }
    }

    It 'of one that hangs is a warning that names it, and hides no other' {
        $hanging = Start-Other
        $null = Invoke-There $hanging '$null = New-SimulatedHost hung; $null = Start-MigrationReceiver hung'
        (Get-MigrationReceiver hung).ProcessId | Should -Be $hanging.Id
        & kill -STOP $hanging.Id
        try {
            $found = Get-MigrationReceiver -WarningVariable warned -WarningAction SilentlyContinue
            $found.HostName | Should -Contain 'far2'
            $found.HostName | Should -Not -Contain 'hung'
            @($warned).Count | Should -Be 1
            "$warned" | Should -Match "process $($hanging.Id) \(.*has said nothing for 5 s"
        }
        finally {
            & kill -CONT $hanging.Id
        }

        (Get-MigrationReceiver hung -WarningAction Stop).ProcessId | Should -Be $hanging.Id
        Stop-Other $hanging
    }

    It 'says so where its process is killed while it is waited for: before it has left' {
        $doomed = Start-Other
        $null = Invoke-There $doomed '$null = New-SimulatedHost far1, far3'
        Start-Held $doomed lost far3
        $waiting = Start-Waiting 'Wait-Migration lost'
        $doomed.Kill()
        $there = Receive-Waiting $waiting
        $there.Output.Count + $there.Warnings.Count | Should -Be 0
        $there.Errors.Count | Should -Be 1
        $there.Errors[0].FullyQualifiedErrorId | Should -Match '^MigrationProcessEnded,'
        $there.Errors[0].TargetObject | Should -Be 'lost'
        $there.Errors[0].Exception.Message | Should -Match "process $($doomed.Id) \("
        $there.Errors[0].ErrorDetails.RecommendedAction | Should -Match "'lost' had not left.*'far1'.*Resume-Migration lost -TakeOver"
        Get-Board $doomed | Should -BeNullOrEmpty
        Get-Migration lost* | Should -BeNullOrEmpty
    }

    It 'says so where its process is killed while it is waited for: when it has left, at either side' {
        $source = Start-Other
        $null = Invoke-There $source '$null = New-SimulatedHost far1, far3'
        $destination = Start-Other
        $there = Invoke-There $destination "`$null = New-SimulatedHost far4; (Get-SimulatedHost far4).Faults.Before('Place', 2, (ConvertTo-Action `$release 'Wait')); (Start-MigrationReceiver far4).Port"
        $null = Invoke-There $source "`$null = New-SimulatedDomain torn -HostName far1 -Memory 8MB -OperationsPerSecond 20000; `$null = Start-Migration torn localhost:$there -Method PostCopy; while (`"`$((Get-Migration torn).Holder)`" -ne 'Both') { }"
        $atSource = Start-Waiting 'Wait-Migration torn'
        $atDestination = Start-Waiting 'Wait-MigrationReceiver far4'
        $source.Kill()
        $left = Receive-Waiting $atSource
        $left.Errors[0].FullyQualifiedErrorId | Should -Match '^MigrationProcessEnded,'
        $left.Errors[0].Exception.Message | Should -Match 'the domain with Both'
        $left.Errors[0].ErrorDetails.RecommendedAction | Should -Match "had left 'far1'.*destroy nothing.*Resume-Migration torn -TakeOver -Destination PLACE"
        $destination.Kill()
        $arriving = Receive-Waiting $atDestination
        $arriving.Errors.Count | Should -Be 1
        $arriving.Errors[0].FullyQualifiedErrorId | Should -Match '^ArrivalProcessEnded,'
        $arriving.Errors[0].Exception.Message | Should -Match "'torn' in at 'far4'.*process $($destination.Id) \("
        $arriving.Errors[0].ErrorDetails.RecommendedAction | Should -Match 'Resume-Migration torn at the source'
    }

    It 'is told to its end by a process that ends in order' {
        $leaving = Start-Other
        $null = Invoke-There $leaving '$null = New-SimulatedHost far1, far3'

        # What runs in a session ends with it: the migration is held by a process, which ends once it is seen from here that it is being stopped.
        $gate = Invoke-There $leaving ('$gate = [System.Diagnostics.Process]::Start("sleep", "600"); $null = New-SimulatedDomain early -HostName far1 -Memory 8MB; ' +
            '(Get-SimulatedHost far1).Faults.Before("CaptureCoreState", 1, (ConvertTo-Action $gate "WaitForExit")); ' +
            '$null = Start-Migration early far3 -Method PostCopy; $gate.Id')
        $waiting = Start-Waiting 'Wait-Migration early'
        $leaving.StandardInput.WriteLine('exit')
        while ("$((Get-Migration early).State)" -ne 'Stopping') {
            $null = [System.Threading.Thread]::Yield()
        }

        Stop-Process -Id $gate
        $there = Receive-Waiting $waiting
        $there.Errors[0].FullyQualifiedErrorId | Should -Match '^MigrationStopped,'
        $there.Errors[0].Exception.Message | Should -Match "'early'.*'far1'"
        $leaving.WaitForExit()
        Get-Board $leaving | Should -BeNullOrEmpty
    }
}
