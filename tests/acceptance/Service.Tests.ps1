# A receiver that is a service: what it is installed from, what it says to systemd, and how it ends.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    $service = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'service')
    $manage = [System.IO.Path]::Combine($service, 'ReceiverService.ps1')

    function New-Root { [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine($TestDrive, [guid]::NewGuid().ToString('N'))).FullName }

    # A socket that hears what a service tells systemd.
    function New-Manager([string] $name) {
        $socket = [System.Net.Sockets.Socket]::new('Unix', 'Dgram', 'Unspecified')
        $socket.ReceiveTimeout = 60000
        $socket.Bind([System.Net.Sockets.UnixDomainSocketEndPoint]::new($name.StartsWith('@') ? "`0" + $name.Substring(1) : $name))
        $socket
    }

    function Read-Manager($socket) {
        $datagram = [byte[]]::new(4096)
        [System.Text.Encoding]::UTF8.GetString($datagram, 0, $socket.Receive($datagram))
    }

    # A service in a process of its own, on a simulated host, with the settings that are given.
    function Start-Service([string] $settings, [string] $socket) {
        $file = [System.IO.Path]::Combine($TestDrive, "receiver-$([guid]::NewGuid().ToString('N')).json")
        [System.IO.File]::WriteAllText($file, $settings)
        $script = [System.IO.Path]::ChangeExtension($file, '.ps1')
        [System.IO.File]::WriteAllText($script, @"
Import-Module PreRecordMigration
`$null = New-SimulatedHost served
& '$service/Receive.ps1' -Settings '$file'
"@)
        $start = New-FreshStart $script
        $start.Environment['NOTIFY_SOCKET'] = $socket
        [System.Diagnostics.Process]::Start($start)
    }

    function Send-Signal([string] $signal, $process) { & kill "-$signal" $process.Id }
}

Describe 'The service' {
    It 'says that it is ready, takes migrations in, and ends in order: <Case>' -ForEach @(
        @{ Case = 'a socket at a path'; Socket = { [System.IO.Path]::Combine($TestDrive, 'notify') } }
        @{ Case = 'an abstract socket'; Socket = { "@prerecord-$([guid]::NewGuid().ToString('N'))" } }
    ) {
        $name = & $Socket
        $manager = New-Manager $name
        $process = Start-Service '{ "HostName": "served", "PeerTimeout": "30s" }' $name
        try {
            $ready = Read-Manager $manager
            $ready | Should -Match '^READY=1\nSTATUS=Receiving: served at 127\.0\.0\.1:(\d+); 0 migrations under way'
            $null = $ready -match '127\.0\.0\.1:(?<Port>\d+)'
            $destination = "localhost:$($Matches.Port)"
            $null = New-SimulatedHost serving
            $null = New-SimulatedDomain "served $Case" -HostName serving -Memory 4MB -Workload Idle
            (Invoke-PreRecordMigration "served $Case" $destination -Method PostCopy).Destination | Should -Be $destination
            Send-Signal TERM $process
            do { $last = Read-Manager $manager } until ($last.StartsWith('STOPPING=1'))
            $process.WaitForExit(60000) | Should -BeTrue
            $process.ExitCode | Should -BeIn 0, 143
            $process.StandardError.ReadToEnd() | Should -BeNullOrEmpty
            @(Get-Migration "served $Case" -History).ForEach({ "$($_.Side) $($_.Fate)" }) | Sort-Object | Should -Be 'Destination Moved', 'Source Moved'
        }
        finally {
            if (-not $process.HasExited) { $process.Kill() }
            $process.Dispose()
            $manager.Dispose()
            Disconnect-MigrationHost serving -ErrorAction SilentlyContinue
        }
    }

    It 'makes room for its successor when it holds nothing, where it is to be started anew' {
        $name = "@prerecord-$([guid]::NewGuid().ToString('N'))"
        $manager = New-Manager $name
        $process = Start-Service '{ "HostName": "served" }' $name
        try {
            Read-Manager $manager | Should -Match '^READY=1'
            Send-Signal HUP $process
            do { $last = Read-Manager $manager } until ($last.StartsWith('STOPPING=1'))
            $process.WaitForExit(60000) | Should -BeTrue
            $process.ExitCode | Should -Be 0
            $process.StandardError.ReadToEnd() | Should -BeNullOrEmpty
        }
        finally {
            if (-not $process.HasExited) { $process.Kill() }
            $process.Dispose()
            $manager.Dispose()
        }
    }

    It 'finishes what it has, and lets in what comes, before it makes room for its successor' {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
        $name = "@prerecord-$([guid]::NewGuid().ToString('N'))"
        $manager = New-Manager $name
        $process = Start-Service '{ "HostName": "served" }' $name
        try {
            $null = (Read-Manager $manager) -match '127\.0\.0\.1:(?<Port>\d+)'
            $destination = "localhost:$($Matches.Port)"
            $null = New-SimulatedHost renewing
            $null = New-SimulatedDomain 'under way', 'comes later' -HostName renewing -Memory 4MB -Workload Idle

            # The first has not left when the service is asked; it does when the other one has come and gone.
            $faults = (Get-SimulatedHost renewing).Faults
            $asked = [System.Threading.ManualResetEventSlim]::new()
            $may = [System.Threading.ManualResetEventSlim]::new()
            $faults.Before('CaptureCoreState', 1, [System.Delegate]::Combine((ConvertTo-Action $asked 'Set'), (ConvertTo-Action $may 'Wait')))
            $first = Start-Migration 'under way' $destination -Method PreCopy
            $asked.Wait()
            Send-Signal HUP $process
            do { $said = Read-Manager $manager } until ($said -match 'successor')
            $said | Should -Match '1 migrations under way'
            (Invoke-PreRecordMigration 'comes later' $destination -Method PostCopy).Destination | Should -Be $destination
            $may.Set()
            ($first | Wait-Migration).DomainName | Should -Be 'under way'
            do { $last = Read-Manager $manager } until ($last.StartsWith('STOPPING=1'))
            $process.WaitForExit(60000) | Should -BeTrue
            $process.ExitCode | Should -Be 0
            $process.StandardError.ReadToEnd() | Should -BeNullOrEmpty
        }
        finally {
            if (-not $process.HasExited) { $process.Kill() }
            $process.Dispose()
            $manager.Dispose()
            Disconnect-MigrationHost renewing -ErrorAction SilentlyContinue
        }
    }

    It 'writes its metrics where its settings say, and takes them away at its end' {
        $metrics = [System.IO.Path]::Combine($TestDrive, 'prerecord.prom')
        $name = "@prerecord-$([guid]::NewGuid().ToString('N'))"
        $manager = New-Manager $name
        $process = Start-Service (@{ HostName = 'served'; MetricsFile = $metrics } | ConvertTo-Json) $name
        try {
            Read-Manager $manager | Should -Match '^READY=1'
            while (-not [System.IO.File]::Exists($metrics) -and -not $process.HasExited) { $null = [System.Threading.Thread]::Yield() }
            [System.IO.File]::ReadAllText($metrics) | Should -Match '(?s)# TYPE prerecord_domain_interrupted gauge\n.*prerecord_receiver_count 1\n'
            Send-Signal TERM $process
            $process.WaitForExit(60000) | Should -BeTrue
            [System.IO.File]::Exists($metrics) | Should -BeFalse
        }
        finally {
            if (-not $process.HasExited) { $process.Kill() }
            $process.Dispose()
            $manager.Dispose()
        }
    }

    It 'does not start, and says why, with settings that cannot be: <Case>' -ForEach @(
        @{ Case = 'a key that is none'; Settings = '{ "HostName": "served", "Prot": 7000 }'; Says = "has a 'Prot'" }
        @{ Case = 'a place for metrics that is no full path'; Settings = '{ "HostName": "served", "MetricsFile": "metrics.prom" }'; Says = 'has a MetricsFile that is not one full path' }
        @{ Case = 'no JSON'; Settings = '{ "HostName": '; Says = 'is no JSON' }
        @{ Case = 'nothing'; Settings = ''; Says = 'names no receiver' }
        @{ Case = 'a value that cannot be'; Settings = '{ "HostName": "served", "Port": "high" }'; Says = 'Port' }
        @{ Case = 'a host that is none'; Settings = '{ "HostName": "nowhere" }'; Says = 'nowhere' }
    ) {
        $name = [System.IO.Path]::Combine($TestDrive, "notify-$([guid]::NewGuid().ToString('N'))")
        $process = Start-Service $Settings $name
        try {
            $process.StandardInput.Close()
            $errors = $process.StandardError.ReadToEndAsync()
            $null = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            $process.ExitCode | Should -Not -Be 0
            [regex]::Replace($errors.Result, "\e\[[0-9;]*m|\s+\|? *", ' ') | Should -BeLike "*$Says*"
        }
        finally {
            $process.Dispose()
        }
    }
}

Describe 'Installing the service' {
    It 'writes a unit and settings, which are found to be right, and taken away again' {
        $root = New-Root
        $found = @(& $manage -Install -Root $root -Address 10.77.0.2 -Port 7001)
        $found.Count | Should -BeGreaterThan 2
        $found.Where({ -not $_.IsRight }).Problem | Should -BeNullOrEmpty
        $unit = [System.IO.Path]::Combine($root, 'etc/systemd/system/prerecord-receiver.service')
        $text = [System.IO.File]::ReadAllText($unit)
        $text | Should -Match '(?m)^ExecStart="/.*" "-File" ".*/service/Receive\.ps1"$'
        $text | Should -Match '(?m)^Type=notify$'
        $text | Should -Match '(?m)^Restart=always$'
        $text | Should -Match '(?m)^ExecReload=/bin/kill -HUP \$MAINPID$'
        $text | Should -Not -Match '@'
        $settings = [System.IO.Path]::Combine($root, 'etc/prerecord/receiver.json')
        $written = [System.IO.File]::ReadAllText($settings) | ConvertFrom-Json
        $written.Address | Should -Be '10.77.0.2'
        $written.Port | Should -Be 7001

        # Again is no matter, and settings that somebody has changed stay.
        [System.IO.File]::WriteAllText($settings, '{ "Port": 7002 }')
        $null = & $manage -Install -Root $root
        [System.IO.File]::ReadAllText($settings) | Should -Be '{ "Port": 7002 }'
        & $manage -Remove -Root $root -Confirm:$false
        [System.IO.File]::Exists($unit) | Should -BeFalse
        [System.IO.File]::Exists($settings) | Should -BeTrue
    }

    It 'refuses an address that the settings there do not have, and changes it where that is forced: <Case>' -ForEach @(
        @{ Case = 'another address'; There = '{ "Address": "10.77.0.2", "Port": 7001, "PeerTimeout": "45s" }'; Given = @{ Address = '10.77.0.3' }; Says = 'Address 10\.77\.0\.2'; Then = '10.77.0.3 7001 45s' }
        @{ Case = 'another port'; There = '{ "Address": "10.77.0.2", "Port": 7001 }'; Given = @{ Port = 7002 }; Says = 'Port 7001'; Then = '10.77.0.2 7002 ' }
        @{ Case = 'none'; There = '[{ "PeerTimeout": "45s" }]'; Given = @{ Address = '10.77.0.3' }; Says = 'Address none'; Then = '10.77.0.3  45s' }
    ) {
        $root = New-Root
        $settings = [System.IO.Path]::Combine($root, 'etc/prerecord/receiver.json')
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($settings))
        [System.IO.File]::WriteAllText($settings, $There)
        $refused = { & $manage -Install -Root $root @Given } | Should -Throw -ErrorId 'SettingsExist*' -PassThru
        $refused.Exception.Message | Should -Match $Says
        $refused.ErrorDetails.RecommendedAction | Should -Match '-Force'
        [System.IO.File]::ReadAllText($settings) | Should -Be $There
        [System.IO.Directory]::Exists("$root/etc/systemd") | Should -BeFalse
        foreach ($time in 1, 2) {
            # The second time it is so already.
            $null = & $manage -Install -Root $root @Given -Force:($time -eq 1)
            $now = [System.IO.File]::ReadAllText($settings) | ConvertFrom-Json
            "$($now.Address) $($now.Port) $($now.PeerTimeout)" | Should -Be $Then
        }
    }

    It 'changes no settings of which it does not know what is meant: <Case>' -ForEach @(
        @{ Case = 'two receivers'; There = '[{ "Port": 7001 }, { "Port": 7002 }]'; ErrorId = 'SettingsExist*' }
        @{ Case = 'no JSON'; There = '{ "Port": '; ErrorId = 'SettingsNotUnderstood*' }
    ) {
        $root = New-Root
        $settings = [System.IO.Path]::Combine($root, 'etc/prerecord/receiver.json')
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($settings))
        [System.IO.File]::WriteAllText($settings, $There)
        { & $manage -Install -Root $root -Port 7003 -Force } | Should -Throw -ErrorId $ErrorId
        [System.IO.File]::ReadAllText($settings) | Should -Be $There
    }

    It 'changes nothing where it is to ask and nobody answers: <_>' -ForEach @('-NoProfile', '-NonInteractive') {
        $root = New-Root
        $start = New-FreshStart $manage
        $start.ArgumentList.Insert($start.ArgumentList.IndexOf('-File'), $_)
        foreach ($argument in '-Install', '-Root', "$root/host", '-Confirm') { $start.ArgumentList.Add($argument) }
        $process = [System.Diagnostics.Process]::Start($start)
        try {
            $process.StandardInput.Close()
            $errors = $process.StandardError.ReadToEndAsync()
            $output = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            [regex]::Replace($errors.Result, "\e\[[0-9;]*m|\s+\|? *", ' ') | Should -BeLike '*Nobody can be asked whether to go on: *Nothing was changed.*'
            "$output$($errors.Result)" | Should -Not -Match 'TypeData'
        }
        finally {
            $process.Dispose()
        }

        [System.IO.Directory]::Exists("$root/host") | Should -BeFalse
    }

    It 'does not begin on a machine without systemd' -Skip:([System.IO.Directory]::Exists('/run/systemd/system')) {
        { & $manage -Install -WhatIf } | Should -Throw -ErrorId 'SystemdNotRunning*'
    }

    It 'writes and takes away nothing with -WhatIf' {
        $root = New-Root
        & $manage -Install -Root $root -WhatIf | Should -BeNullOrEmpty
        [System.IO.Directory]::GetFileSystemEntries($root) | Should -BeNullOrEmpty
        $null = & $manage -Install -Root $root
        & $manage -Remove -Root $root -WhatIf
        @(& $manage -Check -Root $root).Where({ -not $_.IsRight }) | Should -BeNullOrEmpty
    }

    It 'says what is not as it should be' {
        $root = New-Root
        $found = @(& $manage -Root $root)
        $found.Where({ -not $_.IsRight }).Name | Should -Be 'Unit', 'Settings'
        $found.Where({ -not $_.IsRight }).Remedy | Should -Match 'Install'
        { & $manage -Remove -Root $root -Confirm:$false } | Should -Throw -ErrorId 'ServiceNotInstalled*'
        $null = & $manage -Install -Root $root
        [System.IO.File]::AppendAllText([System.IO.Path]::Combine($root, 'etc/systemd/system/prerecord-receiver.service'), "# mine`n")
        [System.IO.File]::SetUnixFileMode([System.IO.Path]::Combine($root, 'etc/prerecord/receiver.json'), [System.IO.UnixFileMode] 'UserRead, UserWrite, OtherWrite')
        $found = @(& $manage -Check -Root $root)
        $found.Where({ -not $_.IsRight }).Problem | Should -Match 'is not what this module writes|everybody may write'
        { & $manage -Install -Root $root } | Should -Throw -ErrorId 'FileExists*'
        $null = & $manage -Install -Root $root -Force
        @(& $manage -Check -Root $root).Where({ -not $_.IsRight }).Name | Should -Be 'Settings'
    }

    It 'leaves the unit of a package to apt, and looks at what that unit runs' {
        # As dpkg unpacks it: what the unit names is below the root.
        $root = New-Root
        $unit = [System.IO.Path]::Combine($root, 'lib/systemd/system/prerecord-receiver.service')
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($unit))
        [System.IO.File]::WriteAllText($unit, "[Service]`nExecStart=`"/usr/bin/a `\`"50%%`\`" pwsh`" `"-NoProfile`" `"-NonInteractive`" `"-File`" `"$service/Receive.ps1`"`n")
        $program = [System.IO.Path]::Combine($root, 'usr/bin/a "50%" pwsh')
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($program))
        $entry = [System.IO.Path]::Join($root, $service, 'Receive.ps1')
        @(& $manage -Check -Root $root).Where({ -not $_.IsRight }).Problem | Should -Be "There is no '$root/etc/prerecord/receiver.json'.", "There is no '$program'.", "There is no '$entry'."
        [System.IO.File]::WriteAllText($program, '')
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($entry))
        [System.IO.File]::WriteAllText($entry, '')
        @(& $manage -Check -Root $root).Where({ -not $_.IsRight }).Name | Should -Be 'Settings'
        $refused = { & $manage -Remove -Root $root } | Should -Throw -ErrorId 'ServiceIsPackaged*' -PassThru
        $refused.ErrorDetails.RecommendedAction | Should -Match '^apt remove prerecord-migration '
        [System.IO.File]::Exists($unit) | Should -BeTrue

        # Another module's goes before it.
        $null = & $manage -Install -Root $root
        [System.IO.File]::Exists("$root/etc/systemd/system/prerecord-receiver.service") | Should -BeTrue
        & $manage -Remove -Root $root
        { & $manage -Remove -Root $root } | Should -Throw -ErrorId 'ServiceIsPackaged*'
    }

    It 'looks at the programs that the unit runs, not at those that look' {
        $root = New-Root
        $null = & $manage -Install -Root $root
        $unit = [System.IO.Path]::Combine($root, 'etc/systemd/system/prerecord-receiver.service')
        [System.IO.File]::WriteAllText($unit, [regex]::Replace([System.IO.File]::ReadAllText($unit), '(?m)^ExecStart=.* "-NoProfile"', 'ExecStart="/nowhere/pwsh" "-NoProfile"'))
        @(& $manage -Check -Root $root).Where({ -not $_.IsRight }).Problem | Should -Be "'$unit' is not what this module writes.", "There is no '/nowhere/pwsh'."
    }

    It 'has a unit that systemd understands' {
        if (-not (Get-Command systemd-analyze -CommandType Application -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'systemd is not installed here'
            return
        }

        $root = New-Root
        $null = & $manage -Install -Root $root
        $said = & systemd-analyze verify ([System.IO.Path]::Combine($root, 'etc/systemd/system/prerecord-receiver.service')) 2>&1
        $LASTEXITCODE | Should -Be 0 -Because "$said"
        @($said).Where({ $_ -match 'prerecord' }) | Should -BeNullOrEmpty
    }
}
