# A move whose session ends, in each phase, over TLS and over ssh: real pwsh under a terminal of its own, which hangs up, types Ctrl+C, or stays, and the
# receiver in this process. Before the commit nothing of the domain is here afterwards; after it the session stays until the domain is here wholly.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SshStandIn.ps1'))
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    $null = New-SimulatedHost term1, term2
    $null = New-MigrationCertificate one, two -Path $TestDrive
    $receivers = @{
        TLS = Start-MigrationReceiver term1 -Certificate "$TestDrive/two.pem" -TrustedCertificate "$TestDrive/one.pem"
        ssh = Start-MigrationReceiver term2
    }
    Write-Ssh "$TestDrive/ssh"
    $ways = @{
        TLS = "-Address localhost:$($receivers.TLS.Port) -Certificate '$TestDrive/one.pem' -TrustedCertificate '$TestDrive/two.pem'"
        ssh = "-SshTarget root@xen2 -Port $($receivers.ssh.Port)"
    }

    # What a session does; it says through a pipe, with its process, that its move has come to the phase, which begins with a call at the source.
    function New-Session([string] $name, [string] $guest, [string] $way, [string] $move, [string] $call, [string] $holder, [string] $text) {
        $path = "$TestDrive/$name.ps1"
        & mkfifo "$path.there"
        $begun = "
            `$ProgressPreference = 'SilentlyContinue'
            Import-Module '$manifest'
            . '$PSScriptRoot/SimulatedFaults.ps1'
            `$null = New-SimulatedHost here
            `$null = New-SimulatedDomain $name -HostName here -Memory 8MB $guest
            `$null = Connect-MigrationHost far $($ways[$way])
            [System.AppDomain]::CurrentDomain.SetData('called', [System.Threading.ManualResetEventSlim]::new())
            (Get-SimulatedHost here).Faults.Before('$call', 1, (ConvertTo-Action ([System.AppDomain]::CurrentDomain.GetData('called')) 'Set'))"
        # A job loads the module when it first asks; the phase may be over by then.
        $there = "
            `$null = Get-Migration
            [System.AppDomain]::CurrentDomain.GetData('called').Wait()
            while (`"`$((Get-Migration $name).Holder)`" -ne '$holder') { `$null = [System.Threading.Thread]::Yield() }
            [System.IO.File]::WriteAllText('$path.there', `$PID)"
        [System.IO.File]::WriteAllText($path, $text.Replace('BEGUN', $begun).Replace('MOVE', "$name -Destination far $move").Replace('THERE', $there))
        $path
    }

    # Runs it in a terminal of its own, which shows all that is said in a file.
    function Start-Terminal([string] $script) {
        $words = @((New-FreshStart $script).ArgumentList).Where({ $_ -notlike '--default-signal*' }).ForEach({ "'$_'" }) -join ' '
        $start = New-FreshStart $script
        $start.FileName = 'script'
        $start.ArgumentList.Clear()
        $command = "exec env --default-signal=INT --default-signal=HUP --default-signal=TERM $words"
        foreach ($argument in '--quiet', '--return', '--flush', '--command', $command, "$script.said") { $start.ArgumentList.Add($argument) }
        $start.Environment['SHELL'] = '/bin/sh'
        $start.Environment['PATH'] = "${TestDrive}:$env:PATH"
        $terminal = [System.Diagnostics.Process]::Start($start)
        $null = $terminal.StandardOutput.ReadToEndAsync(), $terminal.StandardError.ReadToEndAsync()
        $terminal
    }

    # The process whose move has come to the phase.
    function Wait-There($terminal, [string] $script) {
        # Opened for both, a pipe waits for nobody.
        $pipe = [System.IO.FileStream]::new("$script.there", 'Open', 'ReadWrite', 'ReadWrite', 0)
        try {
            $id = [byte[]]::new(20)
            $reading = $pipe.ReadAsync($id, 0, $id.Length)
            if ([System.Threading.Tasks.Task]::WaitAny($reading, $terminal.WaitForExitAsync()) -eq 1) {
                throw "It ended before its move came there: $([System.IO.File]::ReadAllText("$script.said"))"
            }

            [System.Text.Encoding]::ASCII.GetString($id, 0, $reading.Result)
        }
        finally {
            $pipe.Dispose()
        }
    }
}

AfterAll {
    Stop-MigrationReceiver term1, term2
    Disconnect-MigrationHost term1, term2
}

Describe 'A session that ends in <Phase>, over <Way>' -ForEach @(
    foreach ($way in 'TLS', 'ssh') {
        @{ Way = $way; Phase = 'the window'; Move = '-Mode Observe -Window 10min -Epoch 20ms'; Call = 'BeginEpoch'; Holder = 'Source' }
        @{ Way = $way; Phase = "pre-copy's rounds"; Move = '-Method PreCopy -BandwidthLimit 512KB'; Call = 'StartDirtyTracking'; Holder = 'Source' }
        @{ Way = $way; Phase = 'the push'; Move = '-Method PostCopy -BandwidthLimit 4MB'; Call = 'CaptureCoreState'; Holder = 'Both' }
        @{ Way = $way; Phase = "hybrid's rounds"; Move = '-Method Hybrid -BandwidthLimit 512KB'; Call = 'StartDirtyTracking'; Holder = 'Source' }
        @{ Way = $way; Phase = "hybrid's push"; Move = '-Method Hybrid -BandwidthLimit 4MB'; Call = 'CaptureCoreState'; Holder = 'Both'; Restless = $true }
    }
) {
    # PowerShell kills the process of a job whose script has ended: what had left by then is another process' to take over.
    It 'by <End>' -ForEach (@(
        @{ End = 'its terminal, which is closed'; Text = 'BEGUN; $null = Start-ThreadJob { THERE }; Invoke-PreRecordMigration MOVE'; How = { param($terminal) $terminal.Kill() } }
        @{ End = 'Ctrl+C'; Text = 'BEGUN; $null = Start-ThreadJob { THERE }; Invoke-PreRecordMigration MOVE'
            How = { param($terminal) $terminal.StandardInput.Write([char] 3); $terminal.StandardInput.Flush() } }
        @{ End = 'TERM'; Text = 'BEGUN; $null = Start-ThreadJob { THERE }; Invoke-PreRecordMigration MOVE'; How = { param($terminal, $id) & kill -TERM $id }; SaysBefore = $true; SaysAfter = $true }
        @{ End = 'exit'; Text = 'BEGUN; $null = Start-Migration MOVE; THERE; exit'; SaysBefore = $true; SaysAfter = $true }
        @{ End = 'Stop-Job'; Text = 'BEGUN; $job = Start-ThreadJob { Invoke-PreRecordMigration MOVE }; THERE; Stop-Job $job; exit' }
        @{ End = 'the end of a job''s script'; Text = '$null = Start-Job { BEGUN; $null = Start-Migration MOVE; THERE } | Wait-Job; exit'; IsKilled = $true }
    ) | Where-Object { -not $_.IsKilled -or $Holder -ne 'Both' }) {
        $receiver = $receivers[$Way].HostName
        $name = 'm' + [guid]::NewGuid().ToString('N').Substring(0, 8)

        # What a restless guest writes its rounds cannot bring: half of it is left to be pushed.
        $guest = $Restless ? '-Workload UniformRandom -WritePercent 100 -OperationsPerSecond 400000' : '-OperationsPerSecond 20000'
        $script = New-Session $name $guest $Way $Move $Call $Holder $Text
        $terminal = Start-Terminal $script
        try {
            $id = Wait-There $terminal $script
            if ($How) { & $How $terminal $id }
            Wait-Gone $id
            $terminal.WaitForExit()
        }
        finally {
            if (-not $terminal.HasExited) { $terminal.Kill($true) }
            $terminal.Dispose()
        }

        # What it was told of the source's end may still be under way here.
        foreach ($incoming in [PreRecordMigration.Operations.Workspace]::OfProcess.Receivers.Get($receiver).Incoming) { $incoming.Ended.Wait() }
        $said = [System.IO.File]::ReadAllText("$script.said")
        if ($Holder -eq 'Both') {
            "$((Get-MigrationDomain $name -HostName $receiver).State)" | Should -Be 'Running' -Because $said
            if ($SaysAfter) { $said | Should -Match "'$name' is wholly at 'far'|'$name' has left" }
        }
        else {
            Get-MigrationDomain "$name*" -HostName $receiver | Should -BeNullOrEmpty
            if ($SaysBefore) { $said | Should -Match "'$name' runs on at 'here'" }
        }

        (Get-SimulatedHost $receiver).Violations | Should -BeNullOrEmpty
        foreach ($ssh in [System.IO.File]::Exists("$TestDrive/ssh.started") ? [System.IO.File]::ReadAllLines("$TestDrive/ssh.started") : @()) {
            Wait-Gone $ssh
        }
    }
}
