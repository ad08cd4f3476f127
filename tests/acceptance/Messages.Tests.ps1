# What errors say can be typed: parameters and cmdlets that there are, and an option by the name of its parameter. The texts are
# those of the resources and of the engine's source.

BeforeAll {
    $root = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', '..'))
    $commands = (Get-Module PreRecordMigration).ExportedCmdlets
    $parameters = [System.Collections.Generic.HashSet[string]]::new([string[]] @($commands.Values.Parameters.Keys))
    $texts = foreach ($file in [System.IO.Directory]::GetFiles([System.IO.Path]::Combine($root, 'src'), 'SR.resx', 'AllDirectories')) {
        ([xml] [System.IO.File]::ReadAllText($file)).root.data.ForEach({ $_.value })
    }
    $engine = [System.IO.Directory]::GetFiles([System.IO.Path]::Combine($root, 'src', 'Migration'), '*.cs', 'AllDirectories').Where({ $_ -notmatch '/(obj|bin)/' })
    $literals = foreach ($file in $engine) {
        foreach ($line in [System.IO.File]::ReadAllLines($file).Where({ $_ -notmatch '^\s*//' })) {
            [regex]::Matches($line, '"((?:[^"\\]|\\.)*)"').ForEach({ $_.Groups[1].Value })
        }
    }
}

Describe 'The texts of errors' {
    It 'are found, in both places' {
        $texts.Count | Should -BeGreaterThan 100
        $literals.Count | Should -BeGreaterThan 500
    }

    It 'name no parameter that there is not' {
        # Of Read-Host, which a password is asked for with, and of pwsh, which is started through ssh.
        $others = 'AsSecureString', 'NoProfile', 'NonInteractive', 'File', 'Command'
        foreach ($text in $texts + $literals) {
            foreach ($named in [regex]::Matches($text, '(?<![\w-])-(?<name>[A-Z][A-Za-z]+)\b')) {
                $name = $named.Groups['name'].Value
                ($parameters.Contains($name) -or $name -in $others) | Should -BeTrue -Because "-$name is in: $text"
            }
        }
    }

    It 'name no cmdlet that there is not' {
        foreach ($text in $texts + $literals) {
            foreach ($named in [regex]::Matches($text, '\b(Get|Set|Start|Stop|Wait|Resume|New|Test|Enable|Disable|Connect|Disconnect|Invoke|Import|Export|Measure|Restore)-[A-Z][A-Za-z]+\b')) {
                Get-Command $named.Value -ErrorAction SilentlyContinue | Should -Not -BeNullOrEmpty -Because "$named is in: $text"
            }
        }
    }

    It 'speak of no log that nobody writes' {
        @($texts + $literals).Where({ $_ -match "'s log\b(?!-)" }) | Should -BeNullOrEmpty
    }
}

Describe 'The engine''s options' {
    It 'have in errors the names of the parameters that set them' {
        # What no cmdlet sets: an engine's user has the property's name.
        $engineOnly = 'MaximumRounds', 'DirtyPageThreshold', 'ProcessCount', 'OutputInterval', 'StopAtOperations', 'Replay', 'RemotePF'
        $named = foreach ($file in 'Options/MigrationOptions.cs', 'Simulated/Guest/SimulatedDomainOptions.cs', 'Replay/ReplayOptions.cs') {
            $text = [System.IO.File]::ReadAllText([System.IO.Path]::Combine($root, 'src', 'Migration', $file))
            [regex]::Matches($text, '(?s)\bCheck\(\s*[^;]*?,\s*(?:nameof\((?<name>\w+)\)|"(?<name>\w+)"),').ForEach({ $_.Groups['name'].Value })
        }
        @($named).Count | Should -BeGreaterThan 20
        foreach ($name in @($named).Where({ $_ -notin $engineOnly })) {
            $parameters.Contains($name) | Should -BeTrue -Because $name
        }
    }

    It 'are the target of the error, by the parameter that was given: <Parameter>' -ForEach @(
        @{ Parameter = 'Memory'; Value = 4097 }
        @{ Parameter = 'UsedMemory'; Value = 0 }
        @{ Parameter = 'WorkingSet'; Value = 0 }
        @{ Parameter = 'VcpuCount'; Value = 17 }
        @{ Parameter = 'WritePercent'; Value = 101 }
        @{ Parameter = 'ContentPeriod'; Value = 8192 }
        @{ Parameter = 'OperationsPerSecond'; Value = 0 }
    ) {
        $null = New-SimulatedHost messages
        try {
            $given = @{ $Parameter = $Value }
            New-SimulatedDomain x -HostName messages @given -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Match '^InvalidOption,'
            $failed[0].Exception.Message | Should -Match "The option $Parameter "
        }
        finally {
            Disconnect-MigrationHost messages
        }
    }

    It 'of a simulated host are named by -Without' {
        $null = New-SimulatedHost lacking -Without RemotePF, SeveralVcpus
        try {
            foreach ($lacking in @(Test-MigrationHost lacking).Where({ -not $_.IsAvailable })) {
                "$($lacking.Reason) $($lacking.Remedy)" | Should -Not -Match 'Supports|Maximum'
                $lacking.Remedy | Should -Match "-Without"
            }
        }
        finally {
            Disconnect-MigrationHost lacking
        }
    }
}

Describe 'A folder where a file is meant' {
    It 'is called one' {
        $null = New-SimulatedHost folder
        $null = New-SimulatedDomain filed -HostName folder -Memory 4MB -Workload Idle
        $recorded = Start-PreRecord filed -Mode Observe -Window 20ms -Epoch 10ms
        try {
            $recorded | Export-PreRecord $TestDrive -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'FileIsFolder,PreRecordMigration.Cmdlets.ExportPreRecordCommand'
            Import-PreRecord $TestDrive -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'FileIsFolder,PreRecordMigration.Cmdlets.ImportPreRecordCommand'
            Import-PreRecord nothere -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].ErrorDetails.RecommendedAction | Should -Match '-LiteralPath'
        }
        finally {
            $recorded | Stop-PreRecord
            Disconnect-MigrationHost folder
        }
    }
}
