# Through ssh to a machine where nothing receives: a receiver is found there, or started, and outlives the connection. That machine is this one, with
# programs, a runtime folder and processes of its own: its pwsh is the one that the tests run in, which makes a simulated host first.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SshStandIn.ps1'))
    $null = New-SimulatedHost near
    $machine = [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine($TestDrive, 'machine')).FullName
    $bin = [System.IO.Directory]::CreateDirectory("$machine/bin").FullName
    $runtime = "$machine/run"
    $modules = $env:PSModulePath
    $path = $env:PATH

    function Get-Lines([string] $name) { [System.IO.File]::Exists("$machine/$name") ? [System.IO.File]::ReadAllLines("$machine/$name") : @() }

    Write-Ssh "$TestDrive/ssh" @"
export PATH='$bin':'$path' PRERECORD_RUNTIME_DIRECTORY='$runtime' PRERECORD_STATE_DIRECTORY='$machine/state'
    [ -f '$machine/modules' ] && export PSModulePath="`$(cat '$machine/modules')"
"@

    # Not root's: a service that is installed on this machine is none of that one's.
    Write-Program "$bin/id" 'echo 1000'

    # The real PowerShell, with something to be done first.
    function Set-PowerShell([string] $first) {
        $start = New-FreshStart 'none'
        $words = @($start.ArgumentList).Where({ $_ -eq '-NoProfile' }, 'Until').Where({ $_ -notlike '-*' }).ForEach({ "'$_'" }) -join ' '
        [System.IO.File]::WriteAllText("$machine/first.ps1", $first)
        Write-Program "$bin/pwsh" "echo `$`$ >> '$machine/pwsh'`nexec $words -NoProfile -NonInteractive -Command `". '$machine/first.ps1'; `${@: -1}`""
    }

    # Ends what was started there, in order, and looks that nothing of it is left.
    function Stop-Machine {
        foreach ($id in Get-Lines pwsh) {
            if (Test-Running $id) { & kill -TERM $id }
        }

        foreach ($id in Get-Lines pwsh) {
            Wait-Gone $id
        }

        Get-Notes | Should -BeNullOrEmpty
        [System.IO.File]::Delete("$machine/pwsh")
        [System.IO.File]::Delete("$machine/modules")
    }

    function Get-Notes { [System.IO.Directory]::Exists($runtime) ? [System.IO.Directory]::GetFiles($runtime, 'receiver-*') : @() }
    function Get-Log { [System.IO.File]::Exists("$runtime/receiver.log") ? [System.IO.File]::ReadAllText("$runtime/receiver.log") : '' }
    function New-Worker([string] $name) { $null = New-SimulatedDomain $name -HostName near -Memory 8MB -OperationsPerSecond 20000 }
    $simulated = "Import-Module PreRecordMigration; `$null = New-SimulatedHost ([Environment]::MachineName)"
    $env:PATH = "${TestDrive}:$path"
}

AfterAll {
    $env:PATH = $path
    Disconnect-MigrationHost near
}

Describe 'Where nothing receives, through ssh without a port' {
    BeforeEach {
        Set-PowerShell $simulated
        $far = Connect-MigrationHost far -SshTarget root@xen2
    }

    AfterEach {
        Disconnect-MigrationHost far
        Stop-Machine
    }

    It 'starts a receiver that takes a domain in, outlives its ssh, is used again, and ends in order' {
        $far.Address | Should -Be 'root@xen2'
        (Test-MigrationHost far).Reason | Should -Match 'root@xen2'
        (Test-MigrationHost far).IsAvailable | Should -BeTrue
        New-Worker arriving
        (Start-Migration arriving -Destination far -Method PostCopy | Wait-Migration).Destination | Should -Be 'far'
        Get-MigrationDomain arriving* -HostName near | Should -BeNullOrEmpty

        # Everything through ssh is over; it is not, in a session of its own, away from ssh's streams and deaf to hanging up.
        foreach ($id in Get-Lines ../ssh.started) { Test-Running $id | Should -BeFalse }
        $started = @(Get-Lines pwsh)
        $started.Count | Should -Be 1
        ([System.IO.File]::ReadAllText("/proc/$started/stat") -split ' ')[5] | Should -Be $started
        foreach ($descriptor in 0, 1, 2) {
            [System.IO.File]::ResolveLinkTarget("/proc/$started/fd/$descriptor", $false).FullName | Should -BeIn '/dev/null', "$runtime/receiver.log"
        }

        & kill -HUP $started
        (Test-MigrationHost far).IsAvailable | Should -BeTrue
        @(Get-Lines pwsh).Count | Should -Be 1
        @(Get-Notes).Count | Should -Be 1
        [System.IO.File]::GetUnixFileMode($runtime) | Should -Be 'UserExecute, UserWrite, UserRead'
        Get-Log | Should -Match "\[$started\] Listening at 127\.0\.0\.1:\d+ for .*, started through ssh\."
        Stop-Machine
        Get-Log | Should -Match "\[$started\] Ending, as it was asked to\."
    }

    It 'starts one for two sources that ask at the same time' {
        $manifest = (Get-Module PreRecordMigration).Path -replace '\.psm1$', '.psd1'
        1..2 | ForEach-Object -Parallel { Import-Module $using:manifest; (Test-MigrationHost far).IsAvailable } | Should -Be $true, $true
        @(Get-Lines pwsh).Count | Should -Be 1
    }

    It 'starts another one where the first was killed, and the same host leads there' {
        (Test-MigrationHost far).IsAvailable | Should -BeTrue
        $killed = @(Get-Lines pwsh)
        & kill -KILL $killed
        Wait-Gone $killed
        New-Worker afterwards
        (Start-Migration afterwards -Destination far -Method PostCopy | Wait-Migration).Destination | Should -Be 'far'
        @(Get-Lines pwsh).Count | Should -Be 2
        @(Get-Notes).Count | Should -Be 1
    }

    It 'goes on where the ssh was cut: the receiver has kept the domain' {
        New-Worker cut
        [System.IO.File]::Delete("$TestDrive/ssh.started")
        $handle = Start-Migration cut -Destination far -Method PostCopy -BandwidthLimit 1MB
        do { $now = Get-Migration -Id $handle.Id } while ("$($now.State)" -eq 'Running' -and "$($now.Holder)" -ne 'Both')
        foreach ($id in Get-Lines ../ssh.started) {
            # Each is in a session of its own, with what carries its bytes.
            if (Test-Running $id) { & kill -KILL -- "-$id" }
        }

        $handle | Wait-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].ErrorDetails.RecommendedAction | Should -Match 'Resume-Migration'
        "$((Get-Migration -Id $handle.Id).State)" | Should -Be 'Interrupted'
        (Resume-Migration -Id $handle.Id | Wait-Migration).DomainName | Should -Be 'cut'
        @(Get-Lines pwsh).Count | Should -Be 1
    }

    It 'uses one that an administrator has started there' {
        $shell = "$machine/session.ps1"
        [System.IO.File]::WriteAllText($shell, "$simulated; `$null = Start-MigrationReceiver; [Console]::WriteLine('listening'); `$null = [Console]::ReadLine()")
        $start = New-FreshStart $shell
        $start.Environment['PRERECORD_RUNTIME_DIRECTORY'] = $runtime
        $session = [System.Diagnostics.Process]::Start($start)
        try {
            $session.StandardOutput.ReadLine() | Should -Be 'listening'
            (Test-MigrationHost far).IsAvailable | Should -BeTrue
            Get-Lines pwsh | Should -BeNullOrEmpty
        }
        finally {
            $session.StandardInput.Close()
            $session.WaitForExit()
            $session.Dispose()
        }
    }

    It 'says what is missing there, and what to do: <Case>' -ForEach @(
        @{ Case = 'no host'; First = ''; Modules = $null; Says = '.'; Remedy = '^On root@xen2: .' }
        @{ Case = 'no module'; First = ''; Modules = '/nowhere'; Says = 'There is no module PreRecordMigration where PowerShell looks there'; Remedy = 'Install this version of the module there' }
        @{ Case = 'an old module'; First = ''; Modules = 'old'; Says = 'The module there, 0\.0\.1 in .*, cannot be started through ssh yet'; Remedy = 'Install this version of the module there' }
    ) {
        Set-PowerShell $First
        if ($Modules -eq 'old') {
            $Modules = [System.IO.Directory]::CreateDirectory("$machine/old/PreRecordMigration").Parent.FullName
            [System.IO.File]::WriteAllText("$Modules/PreRecordMigration/PreRecordMigration.psd1", "@{ ModuleVersion = '0.0.1' }")
        }

        if ($Modules) { [System.IO.File]::WriteAllText("$machine/modules", $Modules) }
        $found = Test-MigrationHost far
        $found.IsAvailable | Should -BeFalse
        $found.Reason | Should -Match "^No migration receiver listens on the loopback of root@xen2, and none could be started: the one that was started there ended: $Says"
        $found.Remedy | Should -Match $Remedy
    }
}
