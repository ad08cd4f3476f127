# The end of a session that has something under way: what is waited for, how long at most, and what stays behind, in words.

BeforeDiscovery {
    # Who is started in the background by a shell without job control ignores what a terminal sends, and so do its children.
    $ignored = [System.IO.File]::Exists('/proc/self/status') ? [System.Convert]::ToInt64(([System.IO.File]::ReadAllText('/proc/self/status') -replace '(?s).*SigIgn:\s*(\w+).*', '$1'), 16) : 0
    $isIgnored = @{ INT = ($ignored -band 2) -ne 0; QUIT = ($ignored -band 4) -ne 0; HUP = ($ignored -band 1) -ne 0 }
}

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')

    # A session with two hosts and a domain, which does something and then ends as it says.
    function New-Session([string] $text) {
        $path = [System.IO.Path]::Combine($TestDrive, "$([guid]::NewGuid()).ps1")
        [System.IO.File]::WriteAllText($path, "
            `$ProgressPreference = 'SilentlyContinue'
            Import-Module '$manifest'
            . '$PSScriptRoot/SimulatedFaults.ps1'
            `$null = New-SimulatedHost end1, end2
            `$null = New-SimulatedDomain leaver -HostName end1 -Memory 16MB -OperationsPerSecond 20000
            function Wait-Phase([scriptblock] `$isThere) { while (-not (& `$isThere (Get-Migration leaver))) { `$null = [System.Threading.Thread]::Yield() } }
            $text")
        $path
    }

    # Begins one; what it says on standard error is read line by line.
    function Start-Session([string] $text) {
        $process = [System.Diagnostics.Process]::Start((New-FreshStart (New-Session $text)))
        $null = $process.StandardOutput.ReadToEndAsync()
        $process
    }

    function Read-Until($process, [string] $pattern) {
        while ($null -ne ($line = $process.StandardError.ReadLine())) {
            if ($line -match $pattern) {
                return $line
            }
        }

        throw "The session ended without saying '$pattern'."
    }

    function Close-Session($process) {
        if (-not $process.HasExited) {
            $process.Kill($true)
        }

        $process.Dispose()
    }
}

Describe 'A session that ends' {
    It 'says nothing where nothing is under way' {
        $child = Invoke-Fresh (New-Session '$null = Start-MigrationReceiver end2; $null = Invoke-PreRecordMigration leaver end2 -Method PostCopy; exit 3')
        $child.Errors | Should -BeExactly ''
        $child.ExitCode | Should -Be 3
    }

    It 'says that it stops what has not left: by <Way>' -ForEach (@(
        @{ Way = 'exit'; End = 'exit 3'; Code = 3 }
        @{ Way = 'its last line'; End = ''; Code = 0 }
        @{ Way = 'TERM'; End = "sh -c `"kill -TERM `$PID`"; [System.Threading.Thread]::Sleep(-1)"; Code = 143 }
        @{ Way = 'HUP'; End = "sh -c `"kill -HUP `$PID`"; [System.Threading.Thread]::Sleep(-1)"; Code = 129 }
        @{ Way = 'QUIT'; End = "sh -c `"kill -QUIT `$PID`"; [System.Threading.Thread]::Sleep(-1)"; Code = 131 }
    ) | Where-Object { -not $isIgnored[$_.Way] }) {
        $child = Invoke-Fresh (New-Session "`$null = Start-Migration leaver end2 -Window 10min -Epoch 20ms; Wait-Phase { `$args[0].Phase -eq 'Record' }; $End")
        $child.Errors | Should -Match "PreRecordMigration: Migration 1 of 'leaver' has ended with the session\. Stopped before the commit: 'leaver' runs on at 'end1'\."
        $child.Errors | Should -Match 'Simulated hosts end with the session, and their domains with them\.'
        $child.ExitCode | Should -Be $Code
    }

    It 'waits for what has left, and says so' {
        $child = Invoke-Fresh (New-Session '
            $null = Start-Migration leaver end2 -Method PostCopy -BandwidthLimit 4MB
            Wait-Phase { "$($args[0].Holder)" -eq "Both" }
            exit')
        $child.Errors | Should -Match "This session ends when migration 1 of 'leaver' has ended: it is past its commit, and [0-9,]+ of [0-9,]+ pages have arrived"
        $child.Errors | Should -Match "'leaver' has left: it runs at 'end2', and what is missing.*as long as pages arrive, and for 90 s at most where none does\. Ctrl\+C ends it at once"
        $child.Errors | Should -Match "Migration 1 of 'leaver' has ended with the session\. 'leaver' is wholly at 'end2'\."
        $child.Errors | Should -Not -Match ', 0 [a-z]+ to go'
    }

    It 'waits no longer than it says: a hypercall that does not return' {
        $process = Start-Session '
            $entered = [System.Threading.ManualResetEventSlim]::new()
            $never = [System.Threading.ManualResetEventSlim]::new()
            (Get-SimulatedHost end1).Faults.Before("CaptureCoreState", 1, [System.Delegate]::Combine((ConvertTo-Action $entered "Set"), (ConvertTo-Action $never "Wait")))
            $null = Start-Migration leaver end2 -Method PostCopy
            $entered.Wait()
            exit'
        try {
            Read-Until $process 'This session ends when migration' |
                Should -Match "has stopped, in 20 s at most\. 'leaver' stands still at 'end1', and nobody else has it\. Ctrl\+C ends.*mends the domain"
            Read-Until $process 'ends without' | Should -Match "without waiting for migration 1 of 'leaver', which has not stopped\. 'leaver' stands still at 'end1'.*recording or migration of 'leaver' on 'end1' mends"
            $process.WaitForExit()
        }
        finally {
            Close-Session $process
        }
    }

    It 'waits no longer after Ctrl+C' -Skip:$isIgnored.INT {
        # A destination that beats on and takes nothing, and a peer timeout of ten minutes.
        $process = Start-Session '
            $entered = [System.Threading.ManualResetEventSlim]::new()
            $never = [System.Threading.ManualResetEventSlim]::new()
            (Get-SimulatedHost end2).Faults.Before("Place", 3, [System.Delegate]::Combine((ConvertTo-Action $entered "Set"), (ConvertTo-Action $never "Wait")))
            $null = Start-Migration leaver end2 -Method PostCopy -PeerTimeout 10min
            $entered.Wait()
            Wait-Phase { "$($args[0].Holder)" -eq "Both" }
            exit'
        try {
            Read-Until $process 'This session ends when migration' | Should -Match 'for 0:11:00 at most where none does'
            [System.Diagnostics.Process]::Start('kill', "-INT $($process.Id)").WaitForExit()
            $said = Read-Until $process 'ends without'
            $said | Should -Match "past its commit\. 'leaver' has left: it runs at 'end2'"
            $said | Should -Not -Match 'TakeOver'
            $process.WaitForExit()
        }
        finally {
            Close-Session $process
        }
    }

    It 'ends a recording in its window in order: by <Signal>' -ForEach (@(
        @{ Signal = 'TERM'; Code = 143 }
        @{ Signal = 'HUP'; Code = 129 }
        @{ Signal = 'QUIT'; Code = 131 }
    ) | Where-Object { -not $isIgnored[$_.Signal] }) {
        $child = Invoke-Fresh (New-Session "
            `$entered = [System.Threading.ManualResetEventSlim]::new()
            (Get-SimulatedHost end1).Faults.Before('BeginEpoch', 3, (ConvertTo-Action `$entered 'Set'))
            `$null = Start-ThreadJob { (`$using:entered).Wait(); sh -c 'kill -$Signal `$PPID' }
            # The script must not end by itself beside the session.
            try { `$null = Start-PreRecord leaver -Mode Observe -Window 10min -Epoch 20ms } finally { [System.Threading.Thread]::Sleep(-1) }")
        $child.Errors | Should -Match "The recording of 'leaver' on 'end1' was stopped in its window: the domain runs on\."
        $child.ExitCode | Should -Be $Code
    }

    It 'begins nothing any more: a loop that goes on with the next domain' {
        $child = Invoke-Fresh (New-Session '
            $null = New-SimulatedDomain next -HostName end1 -Memory 16MB
            $null = Start-Migration leaver end2 -Method PostCopy -BandwidthLimit 4MB
            Wait-Phase { "$($args[0].Holder)" -eq "Both" }
            $null = Start-ThreadJob { sh -c "kill -TERM `$PPID" }
            foreach ($n in 1..10000) {
                try {
                    $null = Start-Migration next end2 -Window 10min -Epoch 20ms -ErrorAction Stop | Wait-Migration -ErrorAction Stop
                }
                catch {
                    # The one under way is stopped; the next one is refused.
                    if ($_.FullyQualifiedErrorId -match "SessionEnds") {
                        [System.Console]::Error.WriteLine("REFUSED $($_.FullyQualifiedErrorId)")
                        [System.Threading.Thread]::Sleep(-1)
                    }
                }
            }')
        $child.Errors | Should -Match 'REFUSED SessionEnds'
        $child.Errors | Should -Match "Migration 1 of 'leaver' has ended with the session\. 'leaver' is wholly at 'end2'\."
        $child.ExitCode | Should -Be 143
    }

    It 'waits for all that is to stop as long as for one of it: hypercalls that do not return' {
        $process = Start-Session '
            $never = [System.Threading.ManualResetEventSlim]::new()
            $null = New-SimulatedDomain second, third -HostName end1 -Memory 16MB
            foreach ($name in "leaver", "second", "third") { $null = Start-PreRecord $name -Mode Rollback -Window 20ms -Epoch 20ms }
            foreach ($n in 1..9) { (Get-SimulatedHost end1).Faults.Before("Resume", $n, (ConvertTo-Action $never "Wait")) }
            exit'
        try {
            Read-Until $process 'This session ends when the recording' | Should -Match "'leaver' on 'end1' has been let go, in 20 s at most"
            Read-Until $process 'could not be let go' | Should -Match "'leaver' on 'end1'.*the hypervisor does not answer"

            # The first wait used the whole time up: the others are not waited for, which there would be a word of.
            foreach ($name in 'second', 'third') {
                $process.StandardError.ReadLine() | Should -Match "The recording of '$name' on 'end1'.*could not be let go well: the hypervisor does not answer"
            }

            $process.WaitForExit()
        }
        finally {
            Close-Session $process
        }
    }

    It 'says that a held recording ends with it' {
        $child = Invoke-Fresh (New-Session '$null = Start-PreRecord leaver -Mode Rollback -Window 20ms -Epoch 20ms; exit')
        $child.Errors | Should -Match "The recording of 'leaver' on 'end1', which was held until [0-9:]+, ended with the session: the domain runs on\."
    }

    It 'says that a held recording could not be let go well' {
        $child = Invoke-Fresh (New-Session '
            $null = Start-PreRecord leaver -Mode Rollback -Window 20ms -Epoch 20ms
            foreach ($n in 1..9) { (Get-SimulatedHost end1).Faults.Fail("Resume", $n) }
            exit')
        $child.Errors | Should -Match "The recording of 'leaver' on 'end1' ended with the session, and could not be let go well: .*Resume.*mends the domain"
    }

    It 'says that an interrupted migration ends with it, who has the domain, and what comes next' {
        $child = Invoke-Fresh (New-Session '
            $null = Start-MigrationReceiver end2
            (Get-SimulatedHost end2).Faults.Fail("Place", 2)
            Invoke-PreRecordMigration leaver end2 -Method PostCopy -ErrorAction SilentlyContinue
            exit')
        $child.Errors | Should -Match "Migration 1 of 'leaver' is interrupted\. 'leaver' stands still on 'end1', and at least what has arrived of it is on 'end2'\."
        $child.Errors | Should -Match "The receiver of 'end2' ends with the session, and keeps 'leaver': what has arrived stands still there\."
        $child.Errors | Should -Match 'Simulated hosts end with the session, and their domains with them\.'
        $child.Errors | Should -Not -Match 'Destroy nothing|TakeOver'
    }

    It 'waits for what comes in from another one, and says so' {
        $null = New-SimulatedHost away1
        $null = New-SimulatedDomain comer -HostName away1 -Memory 16MB -OperationsPerSecond 20000
        $start = New-FreshStart (New-Session '"PORT $((Start-MigrationReceiver end2).Port)"; $null = [System.Console]::In.ReadLine(); exit')
        $process = [System.Diagnostics.Process]::Start($start)
        try {
            $port = [regex]::Match($process.StandardOutput.ReadLine(), 'PORT (\d+)').Groups[1].Value
            $handle = Start-Migration comer "localhost:$port" -Method PostCopy -BandwidthLimit 4MB
            while ("$((Get-Migration comer).Holder)" -ne 'Both') {
                $null = [System.Threading.Thread]::Yield()
            }

            $process.StandardInput.WriteLine()
            Read-Until $process 'This session ends' | Should -Match "what comes into 'end2' has arrived: 'comer', of which [0-9,]+ pages are missing.*for 90 s at most"
            (Wait-Migration -Id $handle.Id).Name | Should -Be 'comer'
            $process.WaitForExit()
        }
        finally {
            Close-Session $process
            Disconnect-MigrationHost away1
        }
    }
}
