# Settings: parameter before session before environment before the user's file before the system's before the default.

BeforeAll {
    $null = New-SimulatedHost set1, set2
    $null = New-SimulatedDomain configured -HostName set1 -Memory 4MB -Workload Idle
    $kept = @{}
    foreach ($variable in 'PRERECORD_CONFIGURATION', 'PRERECORD_SYSTEM_CONFIGURATION', 'PRERECORD_WINDOW') {
        $kept[$variable] = [Environment]::GetEnvironmentVariable($variable)
    }

    $user = [System.IO.Path]::Combine($TestDrive, 'user.json')
    $system = [System.IO.Path]::Combine($TestDrive, 'system.json')
    $env:PRERECORD_CONFIGURATION = $user
    $env:PRERECORD_SYSTEM_CONFIGURATION = $system
    function Get-Window { Get-MigrationConfiguration Window }
    function Remove-Settings {
        [System.IO.File]::WriteAllText($user, '')
        [System.IO.File]::WriteAllText($system, "`n")
        [Environment]::SetEnvironmentVariable('PRERECORD_WINDOW', $null)
        $null = Set-MigrationConfiguration Window -Clear
    }

    Remove-Settings
}

AfterAll {
    foreach ($variable in $kept.Keys) {
        [Environment]::SetEnvironmentVariable($variable, $kept[$variable])
    }

    Disconnect-MigrationHost set1, set2
}

Describe 'Get-MigrationConfiguration' {
    AfterEach {
        Remove-Settings
    }

    It 'shows every setting with its default, what is allowed, and its variable' {
        $settings = @(Get-MigrationConfiguration)
        $settings.Count | Should -BeGreaterThan 10
        foreach ($setting in $settings) {
            "$($setting.Source)" | Should -Be 'Default'
            $setting.Allowed | Should -Not -BeNullOrEmpty
            $setting.Variable | Should -Match '^PRERECORD_[A-Z_]+$'
        }

        (Get-MigrationConfiguration SuspendTimeout).Variable | Should -Be 'PRERECORD_SUSPEND_TIMEOUT'
        (Get-Window).Value | Should -Be ([TimeSpan]::FromMilliseconds(500))
    }

    It 'names the source of each value, the stronger before the weaker' {
        [System.IO.File]::WriteAllText($system, '{ "Window": "100ms", "Order": ["LinearRegression", "IssDbscan"] }')
        "$((Get-Window).Source)" | Should -Be 'SystemFile'
        (Get-Window).Origin | Should -Be $system
        (Get-MigrationConfiguration Order).Value -join ',' | Should -Be 'LinearRegression,IssDbscan'
        [System.IO.File]::WriteAllText($user, '{ "window": "200ms" }')
        "$((Get-Window).Source)" | Should -Be 'UserFile'
        (Get-Window).Value | Should -Be ([TimeSpan]::FromMilliseconds(200))
        $env:PRERECORD_WINDOW = '300ms'
        "$((Get-Window).Source)" | Should -Be 'Environment'
        (Get-Window).Origin | Should -Be 'PRERECORD_WINDOW'
        $null = Set-MigrationConfiguration Window 400ms
        "$((Get-Window).Source)" | Should -Be 'Session'
        (Get-Window).Value | Should -Be ([TimeSpan]::FromMilliseconds(400))
    }

    It 'is what cmdlets use where a parameter is not given' {
        [System.IO.File]::WriteAllText($user, '{ "Window": "40ms", "Epoch": "20ms", "Mode": "Observe" }')
        $recorded = Start-PreRecord configured
        "$($recorded.Mode)" | Should -Be 'Observe'
        $recorded.Window | Should -Be ([TimeSpan]::FromMilliseconds(40))
        $recorded.Trajectory.EpochCount | Should -Be 2
        $recorded | Stop-PreRecord
        $given = Start-PreRecord configured -Window 60ms
        $given.Window | Should -Be ([TimeSpan]::FromMilliseconds(60))
        $given | Stop-PreRecord
        "$((Invoke-PreRecordMigration configured set2 -WhatIf).Mode)" | Should -Be 'Observe'
    }

    It 'says how long a peer may be silent, from each source, to all who wait for one' {
        $setting = Get-MigrationConfiguration PeerTimeout
        $setting.Value | Should -Be ([TimeSpan]::FromSeconds(30))
        "$($setting.Source)" | Should -Be 'Default'
        $setting.Variable | Should -Be 'PRERECORD_PEER_TIMEOUT'
        [System.IO.File]::WriteAllText($user, '{ "PeerTimeout": "40s" }')
        (Get-MigrationConfiguration PeerTimeout).Value | Should -Be ([TimeSpan]::FromSeconds(40))
        "$((Get-MigrationConfiguration PeerTimeout).Source)" | Should -Be 'UserFile'
        try {
            $env:PRERECORD_PEER_TIMEOUT = '7s'
            (Get-MigrationConfiguration PeerTimeout).Value | Should -Be ([TimeSpan]::FromSeconds(7))
            (Get-MigrationConfiguration PeerTimeout).Origin | Should -Be 'PRERECORD_PEER_TIMEOUT'

            # A receiver that is refused does not listen: what is out of bounds is found before anything is done, in a file too.
            $env:PRERECORD_PEER_TIMEOUT = '1h'
            foreach ($command in { Start-MigrationReceiver set2 }, { Test-MigrationHost set2 }, { Test-Migration configured set2 }, { Start-Migration configured set2 }) {
                { & $command } | Should -Throw -ErrorId 'SettingInvalid,*' -ExpectedMessage 'PRERECORD_PEER_TIMEOUT*'
            }
        }
        finally {
            [Environment]::SetEnvironmentVariable('PRERECORD_PEER_TIMEOUT', $null)
        }
    }

    It 'refuses a -PeerTimeout that is out of bounds: <_>' -ForEach @(
        { Start-MigrationReceiver set2 -PeerTimeout 4s }
        { Test-MigrationHost set2 -PeerTimeout 4s }
        { Test-Migration configured set2 -PeerTimeout 11min }
        { Start-Migration configured set2 -PeerTimeout 11min }
        { Invoke-PreRecordMigration configured set2 -PeerTimeout 4s -WhatIf }
    ) {
        { & $_ } | Should -Throw -ErrorId 'InvalidOption,*' -ExpectedMessage '*PeerTimeout*00:00:05*00:10:00*'
        Get-MigrationReceiver set2* | Should -BeNullOrEmpty
    }

    It 'names the file, the key and what is allowed where <Case>' -ForEach @(
        @{ Case = 'a key is none'; Content = '{ "Windw": "1s" }'; Id = 'SettingUnknown'; Message = "'Windw'"; Remedy = 'Window' }
        @{ Case = 'a duration has no unit'; Content = '{ "Window": "5" }'; Id = 'SettingInvalid'; Message = "'Window'"; Remedy = '500ms' }
        @{ Case = 'a name is none'; Content = '{ "Mode": "Sideways" }'; Id = 'SettingInvalid'; Message = "'Sideways'"; Remedy = 'Rollback, Observe' }
        @{ Case = 'a number is too large'; Content = '{ "ThrottleLimit": 65 }'; Id = 'SettingInvalid'; Message = "'65'"; Remedy = '1 to 64' }
        @{ Case = 'a time is out of bounds'; Content = '{ "PeerTimeout": "4s" }'; Id = 'SettingInvalid'; Message = "'4s'"; Remedy = '5s to 10min' }
        @{ Case = 'a size is none'; Content = '{ "BandwidthLimit": "much" }'; Id = 'SettingInvalid'; Message = "'much'"; Remedy = '100MB/s' }
        @{ Case = 'it is no JSON'; Content = 'Window = 1s'; Id = 'SettingsUnreadable'; Message = 'JSON'; Remedy = 'JSON' }
    ) {
        [System.IO.File]::WriteAllText($user, $Content)
        foreach ($command in { Get-MigrationConfiguration }, { Start-PreRecord configured -WhatIf }, { Invoke-PreRecordMigration configured set2 -WhatIf }) {
            $failed = $null
            try {
                $null = & $command
            }
            catch {
                $failed = $_
            }

            $failed.FullyQualifiedErrorId.Split(',')[0] | Should -Be $Id
            "$($failed.CategoryInfo.Category)" | Should -Be 'InvalidData'
            $failed.Exception.Message | Should -Match ([regex]::Escape($user))
            $failed.Exception.Message | Should -Match $Message
            $failed.ErrorDetails.RecommendedAction | Should -Match $Remedy
            $failed.TargetObject | Should -Be $user
        }
    }

    It 'names the variable that names no file: <Variable>' -ForEach @(
        @{ Variable = 'PRERECORD_CONFIGURATION' }
        @{ Variable = 'PRERECORD_SYSTEM_CONFIGURATION' }
    ) {
        $file = [Environment]::GetEnvironmentVariable($Variable)
        [System.IO.File]::Delete($file)
        foreach ($command in { Get-MigrationConfiguration }, { Start-PreRecord configured -WhatIf }, { Start-MigrationReceiver set2 -WhatIf }) {
            $failed = $null
            try {
                $null = & $command
            }
            catch {
                $failed = $_
            }

            $failed.FullyQualifiedErrorId | Should -Match '^SettingsFileMissing,'
            "$($failed.CategoryInfo.Category)" | Should -Be 'ObjectNotFound'
            $failed.Exception.Message | Should -Match "$Variable names '$([regex]::Escape($file))'"
            $failed.ErrorDetails.RecommendedAction | Should -Match "$Variable.*take the variable away"
            $failed.TargetObject | Should -Be $file
        }

        # A variable that was taken away names nothing, and an empty file is one without settings.
        [Environment]::SetEnvironmentVariable($Variable, $null)
        "$((Get-Window).Source)" | Should -Be 'Default'
        [Environment]::SetEnvironmentVariable($Variable, $file)
        [System.IO.File]::WriteAllText($file, '')
        "$((Get-Window).Source)" | Should -Be 'Default'
    }

    It 'is not read where others may write it, and the error says who and what mends it: <Case>' -ForEach @(
        @{ Case = 'that of the user, by its group'; File = 'user.json'; Mode = 'UserRead, UserWrite, GroupWrite'; Reason = 'its group may write' }
        @{ Case = 'that of the system, by everybody'; File = 'system.json'; Mode = 'UserRead, UserWrite, OtherWrite'; Reason = 'everybody may write' }
        @{ Case = 'a folder above'; File = '.'; Mode = 'UserRead, UserWrite, UserExecute, OtherWrite, OtherExecute'; Reason = 'everybody may write the folder' }
    ) {
        $folder = [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine($TestDrive, [guid]::NewGuid().ToString())).FullName
        [System.IO.File]::WriteAllText("$folder/user.json", '{ "Window": "3s" }')
        [System.IO.File]::WriteAllText("$folder/system.json", '{}')
        try {
            $env:PRERECORD_CONFIGURATION = "$folder/user.json"
            $env:PRERECORD_SYSTEM_CONFIGURATION = "$folder/system.json"
            [System.IO.File]::SetUnixFileMode([System.IO.Path]::GetFullPath("$folder/$File"), [System.IO.UnixFileMode] $Mode)
            foreach ($command in { Get-MigrationConfiguration -ErrorAction Stop }, { Start-PreRecord configured -WhatIf -ErrorAction Stop }, { Start-MigrationReceiver set2 -WhatIf -ErrorAction Stop }) {
                $failed = $command | Should -Throw -PassThru -ErrorId 'FileNotTrusted,*'
                "$($failed.CategoryInfo.Category)" | Should -Be 'SecurityError'
                $failed.Exception.Message | Should -Match $Reason
                $failed.Exception.Message | Should -Match ([regex]::Escape($folder))
            }

            & sh -c ($failed.ErrorDetails.RecommendedAction -replace '^.* and then: ')
            (Get-Window).Value | Should -Be ([TimeSpan]::FromSeconds(3))
        }
        finally {
            $env:PRERECORD_CONFIGURATION = $user
            $env:PRERECORD_SYSTEM_CONFIGURATION = $system
        }
    }

    It 'is named by an absolute path only' {
        try {
            $env:PRERECORD_CONFIGURATION = 'prerecord/settings.json'
            $failed = { Get-MigrationConfiguration -ErrorAction Stop } | Should -Throw -PassThru -ErrorId 'FileNotTrusted,*'
            $failed.Exception.Message | Should -Match "'prerecord/settings.json' is not read: it is no absolute path"
        }
        finally {
            $env:PRERECORD_CONFIGURATION = $user
        }
    }

    It 'is never that of the current folder: <Case>' -ForEach @(
        @{ Case = 'a home without .config'; HomeFolder = 'home'; Config = $null; Found = '' }
        @{ Case = 'an empty HOME'; HomeFolder = ''; Config = $null; Found = '' }
        @{ Case = 'a relative HOME'; HomeFolder = '.'; Config = $null; Found = '' }
        @{ Case = 'a relative XDG_CONFIG_HOME, which counts as none'; HomeFolder = 'full'; Config = '.'; Found = 'full/.config' }
        @{ Case = 'an absolute XDG_CONFIG_HOME'; HomeFolder = 'full'; Config = 'other'; Found = 'other' }
    ) {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
        $folder = [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine($TestDrive, [guid]::NewGuid().ToString())).FullName
        foreach ($place in 'prerecord', '.config/prerecord', 'full/.config/prerecord', 'other/prerecord') {
            $null = [System.IO.Directory]::CreateDirectory("$folder/$place")
            [System.IO.File]::WriteAllText("$folder/$place/settings.json", '{ "Window": "3s" }')
        }

        $null = [System.IO.Directory]::CreateDirectory("$folder/home")
        $script = "$folder/ask.ps1"
        [System.IO.File]::WriteAllText($script, "Import-Module '$((Get-Module PreRecordMigration).Path -replace 'psm1$', 'psd1')'; (Get-MigrationConfiguration Window).Origin")
        $start = New-FreshStart $script
        $null = $start.Environment.Remove('PRERECORD_CONFIGURATION')
        $start.Environment['HOME'] = if ($HomeFolder -in '', '.') { $HomeFolder } else { "$folder/$HomeFolder" }
        $null = $start.Environment.Remove('XDG_CONFIG_HOME')
        if ($Config) {
            $start.Environment['XDG_CONFIG_HOME'] = if ($Config -eq '.') { '.' } else { "$folder/$Config" }
        }

        $process = [System.Diagnostics.Process]::Start($start)
        $process.StandardInput.Close()
        $errors = $process.StandardError.ReadToEndAsync()
        $output = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        $errors.Result | Should -BeNullOrEmpty
        $output.Trim() | Should -Be $(if ($Found) { "$folder/$Found/prerecord/settings.json" } else { '' })
    }

    It 'names the variable that has something wrong' {
        $env:PRERECORD_WINDOW = 'soon'
        { Get-MigrationConfiguration } | Should -Throw -ErrorId 'SettingInvalid,PreRecordMigration.Cmdlets.GetMigrationConfigurationCommand' -ExpectedMessage 'PRERECORD_WINDOW*'
    }

    It 'refuses a variable with its prefix that is none of its own: it was meant for something' {
        $env:PRERECORD_WINDOWS = '5s'
        try {
            foreach ($command in { Get-MigrationConfiguration }, { Start-MigrationReceiver never -ErrorAction Stop }) {
                $failed = $command | Should -Throw -PassThru -ErrorId 'VariableUnknown,*' -ExpectedMessage '*PRERECORD_WINDOWS*'
                $told = [regex]::Matches($failed.ErrorDetails.RecommendedAction, 'PRERECORD_[A-Z_]+').Value
            }

            # It tells all that the sources read.
            $sources = [System.IO.Directory]::GetFiles([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'src'), '*.cs', 'AllDirectories') -notmatch '/obj/|/bin/'
            $read = foreach ($file in $sources) { [regex]::Matches([System.IO.File]::ReadAllText($file), '"(PRERECORD_[A-Z_]+[A-Z])"').ForEach({ $_.Groups[1].Value }) }
            @($read).Count | Should -BeGreaterThan 3
            foreach ($variable in @($read) + 'PRERECORD_WINDOW') {
                $told | Should -Contain $variable
            }
        }
        finally {
            [Environment]::SetEnvironmentVariable('PRERECORD_WINDOWS', $null)
        }
    }

    It 'refuses a name that is none, and completes those that are' {
        Get-MigrationConfiguration Windw -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'SettingNotFound,PreRecordMigration.Cmdlets.GetMigrationConfigurationCommand'
        $line = 'Get-MigrationConfiguration Suspend'
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText |
            Should -Contain 'SuspendTimeout'
    }
}

Describe 'Set-MigrationConfiguration, with a value that a setting cannot have' {
    It 'says why: <Name> <Value>' -ForEach @(
        @{ Name = 'Window'; Value = '2d'; Why = "'2d' is longer than a day" }
        @{ Name = 'Window'; Value = '0s'; Why = "'0s' is too little" }
        @{ Name = 'PeerTimeout'; Value = '1h'; Why = "'1h' is outside of that range" }
    ) {
        Set-MigrationConfiguration $Name $Value -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'SettingInvalid,PreRecordMigration.Cmdlets.SetMigrationConfigurationCommand'
        $failed[0].Exception.Message | Should -Match ([regex]::Escape("The setting $Name cannot be '$Value'. $Why"))
    }
}

Describe 'Set-MigrationConfiguration' {
    AfterEach {
        Remove-Settings
    }

    It 'takes what the parameter takes: <Value>' -ForEach @(
        @{ Name = 'Window'; Value = [TimeSpan]::FromSeconds(1); Expected = '00:00:01' }
        @{ Name = 'Window'; Value = '1s'; Expected = '00:00:01' }
        @{ Name = 'Method'; Value = 'PostCopy'; Expected = 'PostCopy' }
        @{ Name = 'BandwidthLimit'; Value = 64MB; Expected = '67108864' }
        @{ Name = 'ThrottleLimit'; Value = 4; Expected = '4' }
    ) {
        $set = Set-MigrationConfiguration $Name $Value -PassThru
        "$($set.Value)" | Should -Be $Expected
        "$($set.Source)" | Should -Be 'Session'
        "$((Set-MigrationConfiguration $Name -Clear -PassThru).Source)" | Should -Be 'Default'
    }

    It 'sets nothing with -WhatIf' {
        Set-MigrationConfiguration Window 9s -WhatIf
        "$((Get-Window).Source)" | Should -Be 'Default'
    }

    It 'refuses <Name> <Value>: <Id>' -ForEach @(
        @{ Name = 'Window'; Value = '-1s'; Id = 'SettingInvalid' }
        @{ Name = 'Window'; Value = 5; Id = 'SettingInvalid' }
        @{ Name = 'Order'; Value = 'Random'; Id = 'SettingInvalid' }
        @{ Name = 'Colour'; Value = 'red'; Id = 'SettingNotFound' }
    ) {
        Set-MigrationConfiguration $Name $Value -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.SetMigrationConfigurationCommand"
        $failed[0].Exception.Message | Should -Match $Name
        $failed[0].Exception.Message | Should -Not -Match 'Set-MigrationConfiguration'
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'says nothing without -PassThru' {
        Set-MigrationConfiguration Window 1s | Should -BeNullOrEmpty
        Set-MigrationConfiguration Window -Clear | Should -BeNullOrEmpty
    }

    It 'takes what Get-MigrationConfiguration returned, all of it, live and from a file' {
        Set-MigrationConfiguration Order LinearRegression, IssDbscan
        Set-MigrationConfiguration BandwidthLimit 10Mbit/s
        $before = Get-MigrationConfiguration
        $file = [System.IO.Path]::Combine($TestDrive, 'kept.xml')
        $before | Export-Clixml $file
        foreach ($kept in $before, (Import-Clixml $file), ($before | ConvertTo-Json | ConvertFrom-Json)) {
            Set-MigrationConfiguration Window 9s
            Set-MigrationConfiguration Order -Clear
            Set-MigrationConfiguration BackupLimit 1MB
            $kept | Set-MigrationConfiguration -ErrorAction Stop
            foreach ($setting in Get-MigrationConfiguration) {
                $setting.Value -join ',' | Should -Be (@($before).Where({ $_.Name -eq $setting.Name })[0].Value -join ',') -Because $setting.Name
            }
        }

        Get-MigrationConfiguration | Set-MigrationConfiguration -Clear
    }

    It 'asks for a value where none is given' {
        Set-MigrationConfiguration Window $null -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'SettingValueMissing,PreRecordMigration.Cmdlets.SetMigrationConfigurationCommand'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match '-Clear'
    }
}
