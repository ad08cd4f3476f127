# What a name means, and what a handle means: exactly one thing or an error, whatever characters, culture or process.

BeforeDiscovery {
    $exported = [System.IO.File]::ReadAllLines([System.IO.Path]::Combine($PSScriptRoot, 'Exports.txt')).ForEach({ $_.Split(' ')[0] })

    # Names that Xen allows and PowerShell reads as something else.
    $hostile = 'db[1]', 'db1', 'web*', 'web1', 'x?', 'xy', '[ab]', 'a', 'it''s', ([string] [char] 0x2019 + 'q'), 'two words', '$HOME', 'tick`tock',
        'a`[1`]', 'a[1]', 'semi;colon', '-Force', '123', '1kb', 'a"b', '@x', '(y)', 'a,b', '#c', 'a|b'
    $hostile = $hostile.ForEach({ @{ Text = $_ } })
}

BeforeAll {
    $null = New-SimulatedHost name1, name2

    function New-Small([string[]] $name, [string] $on = 'name1') {
        $null = New-SimulatedDomain -Name $name -HostName $on -Memory 4MB -Workload Idle
    }

    # What completion inserts behind a parameter of a command.
    function Get-Inserted([string] $line) {
        @((TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches).ForEach({ $_.CompletionText })
    }

    # What it inserts for one name.
    function Get-InsertedFor([string] $name, [string] $line) {
        $inserted = @((TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches).Where({ $_.ListItemText -ceq $name })
        $inserted.Count | Should -Be 1 -Because "completion behind '$line' offers $name once"
        $inserted[0].CompletionText
    }

    function Get-Id($failed) {
        "$($failed[0].FullyQualifiedErrorId)".Split(',')[0]
    }
}

AfterAll {
    Disconnect-MigrationHost name1, name2
}

Describe 'A domain''s name' {
    BeforeAll {
        $null = New-SimulatedHost odd1, odd2
        New-Small 'db[1]', 'db1', 'web02', 'WEB02', 'web*', 'web1' odd1
    }

    AfterAll {
        Disconnect-MigrationHost odd1, odd2
    }

    It 'that exists means itself, brackets and stars regardless' {
        (Get-MigrationDomain 'db[1]').Name | Should -BeExactly 'db[1]'
        (Get-MigrationDomain 'web*').Name | Should -BeExactly 'web*'
        (Invoke-PreRecordMigration 'db[1]' odd2 -Method PostCopy).Name | Should -BeExactly 'db[1]'
        @(Get-MigrationDomain -HostName odd2).Name -join ' ' | Should -BeExactly 'db[1]'
        @(Get-MigrationDomain 'db[[]1]').Name | Should -BeExactly 'db[1]'
    }

    It 'moves one of two that differ in case only' {
        (Invoke-PreRecordMigration web02 odd2 -Method PostCopy).Name | Should -BeExactly 'web02'
        (Get-MigrationDomain WEB02).HostName | Should -Be 'odd1'
        (Get-MigrationDomain web02).HostName | Should -Be 'odd2'
        (Test-Migration WEB02 odd2 -Window 20ms -Epoch 10ms | Invoke-PreRecordMigration).Name | Should -BeExactly 'WEB02'
        (Get-MigrationDomain web02 | Invoke-PreRecordMigration -Destination odd1 -Method PostCopy).Name | Should -BeExactly 'web02'
        foreach ($name in @(Get-Migration WEB02).Name) {
            $name | Should -BeExactly 'WEB02'
        }
    }

    It 'in another case is refused where several are meant, and says which' {
        foreach ($command in 'Get-MigrationDomain', 'Test-Migration', 'Invoke-PreRecordMigration', 'Stop-Migration', 'Start-PreRecord') {
            $more = if ((Get-Command $command).Parameters.ContainsKey('Destination')) { @{ Destination = 'odd1' } } else { @{} }
            & $command Web02 @more -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
            Get-Id $failed | Should -Be 'AmbiguousName'
            "$($failed[0])" | Should -BeLike "*'WEB02', 'web02'*"
        }
    }

    It 'is found in any case and culture: <_>' -ForEach 'tr-TR', 'en-US', 'de-DE' {
        New-Small 'win01' odd1
        $before = [cultureinfo]::CurrentCulture
        try {
            [cultureinfo]::CurrentCulture = $_
            (Get-MigrationDomain WIN01).Name | Should -BeExactly 'win01'
            (Get-MigrationDomain 'WIN*').Name | Should -BeExactly 'win01'
            (Get-MigrationHost ODD1).Name | Should -BeExactly 'odd1'
            Get-Inserted 'Get-MigrationDomain WIN' | Should -Be 'win01'
        }
        finally {
            [cultureinfo]::CurrentCulture = $before
            $null = Invoke-PreRecordMigration win01 odd2 -Method PostCopy
            Disconnect-MigrationHost odd2
            $null = New-SimulatedHost odd2
        }
    }

    It 'that is none''s is never answered with silence: <Command>' -ForEach @(
        @{ Command = 'Get-MigrationDomain nix'; Id = 'DomainNotFound' }
        @{ Command = 'Get-MigrationDomain ''ni[x'''; Id = 'DomainNotFound' }
        @{ Command = 'Get-MigrationDomain ''ni`[x`]'''; Id = 'DomainNotFound' }
        @{ Command = 'Invoke-PreRecordMigration nix* odd2'; Id = 'DomainNotFound' }
        @{ Command = 'Start-Migration ''ni[x'' odd2'; Id = 'DomainNotFound' }
        @{ Command = 'Start-PreRecord nix*'; Id = 'DomainNotFound' }
        @{ Command = 'Test-Migration nix* odd2'; Id = 'DomainNotFound' }
        @{ Command = 'Get-Migration nix'; Id = 'MigrationNotFound' }
        @{ Command = 'Stop-Migration nix*'; Id = 'MigrationNotFound' }
        @{ Command = 'Wait-Migration nix*'; Id = 'MigrationNotFound' }
        @{ Command = 'Resume-Migration nix*'; Id = 'MigrationNotFound' }
        @{ Command = 'Get-MigrationHost nix'; Id = 'HostNotFound' }
        @{ Command = 'Test-MigrationHost nix*'; Id = 'HostNotFound' }
        @{ Command = 'Disconnect-MigrationHost nix*'; Id = 'HostNotFound' }
        @{ Command = 'Get-MigrationReceiver nix'; Id = 'ReceiverNotFound' }
        @{ Command = 'Stop-MigrationReceiver nix*'; Id = 'ReceiverNotFound' }
        @{ Command = 'Wait-MigrationReceiver nix*'; Id = 'ReceiverNotFound' }
        @{ Command = 'Get-RemotePF nix'; Id = 'IncomingNotFound' }
        @{ Command = 'Get-MigrationConfiguration nix'; Id = 'SettingNotFound' }
    ) {
        $found = & ([scriptblock]::Create("$Command -ErrorAction SilentlyContinue -ErrorVariable script:failed"))
        $found | Should -BeNullOrEmpty
        Get-Id $script:failed | Should -Be $Id
    }

    It 'as a pattern may mean none where something is only looked up: <_>' -ForEach 'Get-MigrationDomain', 'Get-Migration', 'Get-MigrationHost',
        'Get-MigrationReceiver', 'Get-RemotePF', 'Get-MigrationConfiguration' {
        & $_ 'nix*' -ErrorAction Stop | Should -BeNullOrEmpty
    }
}

Describe 'What completion inserts for <Text>' -ForEach $hostile {
    BeforeAll {
        $names = 'db[1]', 'db1', 'web*', 'web1', 'x?', 'xy', '[ab]', 'a', 'it''s', ([string] [char] 0x2019 + 'q'), 'two words', '$HOME', 'tick`tock',
            'a`[1`]', 'a[1]', 'semi;colon', '-Force', '123', '1kb', 'a"b', '@x', '(y)', 'a,b', '#c', 'a|b'
        $null = New-SimulatedHost from, to
        New-Small $names from
    }

    AfterAll {
        Disconnect-MigrationHost from, to
    }

    It 'means that domain, its migration, its recording, and nothing else' {
        $inserted = Get-InsertedFor $Text 'Get-MigrationDomain -HostName from -Name '
        @(& ([scriptblock]::Create("Get-MigrationDomain -HostName from $inserted"))).Name | Should -BeExactly $Text
        @(& ([scriptblock]::Create("Start-PreRecord -HostName from $inserted -Mode Observe -Window 4ms -Epoch 2ms | Stop-PreRecord -PassThru"))).Name |
            Should -BeExactly $Text
        @(& ([scriptblock]::Create("Invoke-PreRecordMigration -HostName from $inserted to -Method PreCopy"))).Name | Should -BeExactly $Text
        $moved = Get-InsertedFor $Text 'Get-Migration '
        foreach ($name in @(& ([scriptblock]::Create("Get-Migration $moved"))).Name) {
            $name | Should -BeExactly $Text
        }
    }
}

Describe 'What completion inserts for a host or a receiver' {
    It 'means that one: <_>' -ForEach 'h[1]', 'h*', 'it''s host', '$h', 'h`1' {
        $null = New-SimulatedHost $_, 'h1'
        try {
            (& ([scriptblock]::Create("Get-MigrationHost $(Get-InsertedFor $_ 'Get-MigrationHost ')"))).Name | Should -BeExactly $_
            $made = & ([scriptblock]::Create("Start-MigrationReceiver $(Get-InsertedFor $_ 'Start-MigrationReceiver ')"))
            $made.HostName | Should -BeExactly $_
            $receiver = Get-InsertedFor $_ 'Get-MigrationReceiver '
            (& ([scriptblock]::Create("Get-MigrationReceiver $receiver"))).HostName | Should -BeExactly $_
            (& ([scriptblock]::Create("Stop-MigrationReceiver $receiver -PassThru"))).HostName | Should -BeExactly $_
            New-Small "on$_" 'h1'
            $destination = Get-InsertedFor $_ 'Test-Migration x -Destination '
            (& ([scriptblock]::Create("Get-MigrationDomain -HostName h1 | Invoke-PreRecordMigration -Destination $destination -Method PreCopy"))).Destination |
                Should -BeExactly $_
            (& ([scriptblock]::Create("Get-MigrationDomain -HostName $destination"))).HostName | Should -BeExactly $_
        }
        finally {
            Get-MigrationHost | Where-Object Name -In $_, 'h1' | Disconnect-MigrationHost
        }
    }
}

Describe 'A host''s name' {
    BeforeAll {
        # A domain that is called as a host is.
        New-Small 'name2'
    }

    It 'never passes for a domain''s' {
        Get-MigrationHost name2 | Invoke-PreRecordMigration -Destination name2 -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        Get-Id $failed | Should -Be 'InputWithoutName'
        Get-MigrationHost name2 | Get-Migration -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        Get-Id $failed | Should -Be 'InputWithoutName'
    }

    It 'is the host where an object names both' {
        (Get-MigrationDomain name2 | Get-MigrationHost).Name | Should -Be 'name1'
        (Get-MigrationDomain name2 | Disconnect-MigrationHost -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed) | Should -BeNullOrEmpty
        foreach ($refused in @($failed)) {
            $refused.TargetObject | Should -Be 'name1'
        }
    }
}

Describe 'Nothing where something is meant' {
    BeforeDiscovery {
        $rows = foreach ($name in $exported) {
            foreach ($parameter in (Get-Command $name).Parameters.Values) {
                if ($parameter.Name -in [System.Management.Automation.PSCmdlet]::CommonParameters -or $parameter.ParameterType.IsValueType) {
                    continue
                }

                # A setting may have no value: nothing is one.
                if ($name -eq 'Set-MigrationConfiguration' -and $parameter.Name -eq 'Value') {
                    continue
                }

                @{ Cmdlet = $name; Parameter = $parameter.Name; IsText = $parameter.ParameterType -in [string], [string[]]; IsList = $parameter.ParameterType.IsArray }
            }
        }
    }

    It 'is refused when it is bound: <Cmdlet> -<Parameter>' -ForEach $rows {
        $values = @(
            , @($null)
            if ($IsText) { , @('') }
            if ($IsList) { , @(, @($null)); , @(, @()) }
            if ($IsText -and $IsList) { , @(, @('a', '')); , @(, @('a', $null)) }
        )
        foreach ($value in $values) {
            $given = @{ $Parameter = $value[0]; ErrorAction = 'Stop' }
            $caught = $null
            try { & $Cmdlet @given } catch { $caught = $_ }
            "$($caught.FullyQualifiedErrorId)" |
                Should -Match '^(ParameterArgumentValidationError|ParameterArgumentTransformationError|CannotConvertArgument)' -Because "$($value[0] | ConvertTo-Json -Compress)"
        }
    }

    It 'is refused from the pipeline too: <_>' -ForEach $exported {
        $command = Get-Command $_
        $takes = $command.Parameters.Values.Where({ $_.Attributes.Where({ $_ -is [System.Management.Automation.ParameterAttribute] -and $_.ValueFromPipeline }) })
        if (-not $takes) {
            return
        }

        # What else the command needs, so that the pipeline is reached at all.
        $needed = @{ 'Set-Migration' = @{ Clear = 'BandwidthLimit' }; 'Set-PageOrder' = @{ Strategy = 'Auto' }; 'Export-PreRecord' = @{ Path = 'never.csv' }; 'Export-MigrationReport' = @{ Path = 'never.html' } }[$_]
        $needed ??= @{}
        if ($command.Parameters.ContainsKey('Destination') -and $_ -ne 'Resume-Migration') { $needed.Destination = 'name2' }
        if ($_ -eq 'New-SimulatedDomain') { $needed.HostName = 'name1' }
        $failed = $null
        $null | & $_ @needed -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        "$($failed[0].FullyQualifiedErrorId)" | Should -Match '^(ParameterArgumentValidationError|ParameterArgumentTransformationError|InputObjectNotBound)'
    }
}

Describe 'A handle' {
    BeforeAll {
        New-Small 'handled', 'other'
        $own = Start-Migration handled name2 -Method PostCopy
        $null = $own | Wait-Migration

        function Copy-Through($value) {
            [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($value, 2))
        }
    }

    It 'means its own migration, also as a copy' {
        (Copy-Through $own | Get-Migration).InstanceId | Should -Be $own.InstanceId
        ($own | ConvertTo-Csv | ConvertFrom-Csv | Get-Migration).InstanceId | Should -Be $own.InstanceId
        ($own | ConvertTo-Json -WarningAction SilentlyContinue | ConvertFrom-Json | Get-Migration).InstanceId | Should -Be $own.InstanceId
    }

    It 'of another process means none of this one, whatever its number is: <_>' -ForEach 'Get-Migration', 'Wait-Migration', 'Stop-Migration', 'Resume-Migration' {
        # What a job returns: a migration of the same number and of a domain of the same name.
        $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
        $script:foreign ??= Start-Job {
            Import-Module $args[0]
            $null = New-SimulatedHost name1, name2
            $null = New-SimulatedDomain handled -HostName name1 -Memory 4MB -Workload Idle
            Start-Migration handled name2 -Method PostCopy
            $null = Wait-Migration
        } -ArgumentList $manifest | Receive-Job -Wait -AutoRemoveJob
        $script:foreign.Name | Should -Be 'handled'
        $script:foreign | & $_ -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        Get-Id $failed | Should -Be 'MigrationElsewhere'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match 'the process that started it'
    }

    It 'of one that has ended gets an answer by its domain''s name too' {
        ('handled' | Wait-Migration).HostName | Should -Be 'name2'
        foreach ($command in 'Stop-Migration', 'Resume-Migration') {
            & $command handled -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
            Get-Id $failed | Should -Match '^MigrationNot(Stoppable|Interrupted)$'
            & $command * -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
            Get-Id $failed | Should -Match '^MigrationNo'
        }
    }

    It 'without what tells it apart is refused' {
        [pscustomobject] @{ Id = $own.Id } | Stop-Migration -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        Get-Id $failed | Should -Be 'InputWithoutName'
    }

    It 'of a recording is good as a copy while this process holds it, and says so otherwise' {
        $recorded = Start-PreRecord other -Mode Observe -Window 20ms -Epoch 10ms | Set-PageOrder -Strategy LinearRegression |
            Disable-RemotePF -Destination name2
        $copy = Copy-Through $recorded
        ($copy | Get-PageOrder).Strategy | Should -Contain 'LinearRegression'
        ($copy | Get-RemotePF).IsEnabled | Should -BeFalse
        ($copy | Invoke-PreRecordMigration).HostName | Should -Be 'name2'
        $copy | Invoke-PreRecordMigration -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        Get-Id $failed | Should -Be 'RecordingCopy'
        $copy | Stop-PreRecord -ErrorAction SilentlyContinue -ErrorVariable failed
        Get-Id $failed | Should -Be 'ParameterArgumentTransformationError'
        $failed[0].Exception.Message | Should -Match 'in the process that recorded it'
    }

    It 'of a domain or a report is good as a copy: it names the domain and its host' {
        New-Small 'copied'
        (Copy-Through (Get-MigrationDomain copied) | Get-MigrationDomain).HostName | Should -Be 'name1'
        $tested = Test-Migration copied name2 -Window 20ms -Epoch 10ms
        $report = Copy-Through $tested
        ($report | Invoke-PreRecordMigration -WhatIf).Recommendation | Should -Be $tested.Recommendation
        ($report | Invoke-PreRecordMigration).HostName | Should -Be 'name2'
        (Copy-Through (Get-MigrationDomain copied) | Invoke-PreRecordMigration -Destination name1 -Method PostCopy).HostName | Should -Be 'name1'
    }
}
