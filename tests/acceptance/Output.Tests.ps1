# What is returned, as people, scripts, files and other sessions see it: tables of 80 columns, lists, CSV, JSON, and copies.

BeforeDiscovery {
    # Of every table view: the columns that tell most, which a screen of 80 columns must show.
    $tables = @(
        @{ Type = 'DomainInfo'; Telling = 'Name', 'Id', 'Host', 'State', 'Kind', 'vCPUs', 'Memory' }
        @{ Type = 'DowntimePartOutcome'; Telling = 'Part', 'Duration' }
        @{ Type = 'FaultWait'; Telling = 'Mean', 'Median', 'P99', 'Maximum', 'Total' }
        @{ Type = 'HistoryEntry'; Telling = 'Time', 'Domain', 'Side', 'Fate', 'Destination', 'Total' }
        @{ Type = 'IncomingMigrationInfo'; Telling = 'Domain', 'State', 'RemotePF', 'Missing', 'Faults', 'Error' }
        @{ Type = 'MeasuredRun'; Telling = 'Run', 'Domain', 'Method', 'Order', 'Downtime', 'Seen', 'Total' }
        @{ Type = 'MigrationCertificateInfo'; Telling = 'Name', 'Valid to', 'Certificate', 'SHA-256 thumbprint' }
        @{ Type = 'MigrationComparison'; Telling = 'Domain', 'Host', 'Against', 'Repeat', 'Failures' }
        @{ Type = 'MigrationEstimateInfo'; Telling = 'Method', 'Mode', 'Total', 'Downtime', 'Waits', 'Exposure', 'Faults', 'Sent', 'Converges' }
        @{ Type = 'MigrationHost'; Telling = 'Name', 'Hypervisor', 'Domains', 'Free memory', 'Receiver' }
        @{ Type = 'MigrationHostCapability'; Telling = 'Capability', 'Available', 'Reason and remedy' }
        @{ Type = 'MigrationIncompatibility'; Telling = 'Error', 'Stands against', 'Message and remedy' }
        @{ Type = 'MigrationInfo'; Telling = 'Id', 'Domain', 'Destination', 'State', 'Phase', 'Done', 'Elapsed' }
        @{ Type = 'MigrationOutcome'; Telling = 'Domain', 'Destination', 'Method', 'Mode', 'Total', 'Downtime', 'Waits', 'Exposure' }
        @{ Type = 'MigrationReceiverInfo'; Telling = 'Host', 'Endpoint', 'Incoming' }
        @{ Type = 'MigrationReport'; Telling = 'Domain', 'Destination', 'Advised', 'Waits', 'Exposure', 'Problems' }
        @{ Type = 'MigrationSettingInfo'; Telling = 'Name', 'Value', 'Source' }
        @{ Type = 'PageBackupInfo'; Telling = 'Domain', 'Host', 'Pages', 'Store', 'Limit' }
        @{ Type = 'PageOrderInfo'; Telling = 'Domain', 'Strategy', 'Pages', 'Recorded', 'Predicted' }
        @{ Type = 'PageOrderMeasure'; Telling = 'Recording', 'Order', 'Faults', 'Stalled', 'p99', 'x oracle' }
        @{ Type = 'PhaseOutcome'; Telling = 'Phase', 'Start', 'Duration' }
        @{ Type = 'PreRecord'; Telling = 'Domain', 'Host', 'Mode', 'Window', 'Recorded', 'Backups', 'Destination', 'RemotePF' }
        @{ Type = 'PreRecord#Held'; Telling = 'Domain', 'Host', 'State', 'Until', 'Holder' }
        @{ Type = 'RemotePFInfo'; Telling = 'Domain', 'Host', 'RemotePF', 'State', 'Missing', 'Faults', 'Waiting' }
        @{ Type = 'RollbackProof'; Telling = 'Proved', 'Kind', 'Compared', 'Changed', 'At checkpoint', 'After window' }
        @{ Type = 'SentPagesOutcome'; Telling = 'Kind', 'Pages' }
    )
}

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))
    $null = New-SimulatedHost shown1, shown2
    $null = New-SimulatedHost shown3 -Without RemotePF, Recording
    $null = New-SimulatedDomain shown, kept, measured -HostName shown1 -Memory 8MB -OperationsPerSecond 20000
    $null = Start-MigrationReceiver shown2
    $result = Invoke-PreRecordMigration shown shown2 -Mode Rollback -Window 100ms -Epoch 20ms
    $recorded = Start-PreRecord kept -Mode Rollback -Window 60ms -Epoch 20ms | Set-PageOrder -Strategy RecordedFirst | Enable-RemotePF -Destination shown2
    $objects = @{}
    foreach ($object in @(
            Get-MigrationDomain shown; $result; $result.FaultLatency; $result.Phases[0]; $result.DowntimeParts[0]; $result.Pages[0]; $result.RollbackProof
            Get-Migration -Id $result.Id; @(Get-Migration shown -History -Last 1)[0]; Get-MigrationReceiver shown2; (Get-MigrationReceiver shown2).Incoming[0]
            New-MigrationCertificate shown -Path $TestDrive; Get-MigrationHost shown2; Get-MigrationConfiguration Window
            @(Test-MigrationHost shown3).Where({ -not $_.IsAvailable })[0]
            $recorded; Get-PreRecord kept; $recorded | Get-PageOrder; $recorded | Get-PageBackup; $recorded | Get-RemotePF; @($recorded | Measure-PageOrder)[0]
            Measure-Migration measured shown2 -Method PostCopy, PreCopy -Repeat 1 -WarmUp 0 -Settle 0s -Beat operations
        )) {
        $objects[$object.PSTypeNames[0].Split('.')[-1]] = $object
    }

    $report = Test-Migration shown shown3 -Window 40ms -Epoch 20ms
    $objects['MigrationReport'] = $report
    $objects['MigrationIncompatibility'] = $report.Incompatibilities[0]
    $objects['MigrationEstimateInfo'] = $report.Estimates[0]

    function Get-PlainText($lines) { [regex]::Replace(($lines -join "`n"), "`e\[[0-9;]*m", '') }
}

AfterAll {
    $recorded | Stop-PreRecord
    Stop-MigrationReceiver shown2
    Disconnect-MigrationHost shown1, shown2, shown3
}

Describe 'The tables' {
    It 'are all here' -ForEach @(@{ Here = $tables.Type }) {
        $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.Format.ps1xml')
        $format = [xml] [System.IO.File]::ReadAllText($path)
        $types = @($format.Configuration.ViewDefinitions.View).Where({ $_.TableControl }).ForEach({ $_.ViewSelectedBy.TypeName.Split('.')[-1] })
        [string[]] $sorted = $types
        [Array]::Sort($sorted)
        $sorted -join ' ' | Should -Be ($Here -join ' ')
    }
}

Describe 'The table of <Type>' -ForEach $tables {
    It 'shows what tells most at 80 columns, and no word letter by letter' {
        $objects[$Type] | Should -Not -BeNullOrEmpty
        $lines = (Get-PlainText ($objects[$Type] | Format-Table | Out-String -Width 79)).Split("`n")
        foreach ($line in $lines) {
            $line.Length | Should -BeLessOrEqual 80
        }

        $header = @($lines).Where({ $_ -match '\S' -and $_ -notmatch '^ *Host: ' })[0]
        foreach ($label in $Telling) {
            $header | Should -Match ([regex]::Escape($label))
        }

        # A column of a letter leaves lines with next to nothing, one below the other.
        $short = 0
        foreach ($line in @($lines).Where({ $_ -match '\S' })) {
            $short = if ($line.Trim().Length -le 2) { $short + 1 } else { 0 }
            $short | Should -BeLessOrEqual 1 -Because ($lines -join "`n")
        }
    }
}

Describe 'The list of <Type>' -ForEach $tables {
    It 'shows a value wherever there is one' {
        $object = $objects[$Type]
        $text = Get-PlainText ($object | Format-List | Out-String -Width 400)
        foreach ($item in [regex]::Matches($text, '(?m)^(?<label>[A-Za-z0-9]+) *:(?<value>.*)$')) {
            $property = $object.PSObject.Properties[$item.Groups['label'].Value]
            if ($property -and "$($property.Value)" -and @($property.Value).Count -gt 0) {
                $item.Groups['value'].Value.Trim() | Should -Not -BeNullOrEmpty -Because "$Type has a $($property.Name): $($property.Value)"
            }
        }
    }
}

Describe 'A result' {
    It 'says which migration it is of, when that began and ended, and its average rate' {
        $result.Id | Should -BeGreaterThan 0
        $result.TotalTime | Should -BeOfType ([TimeSpan])
        $result.Started | Should -BeLessThan $result.Ended
        ($result.Ended - $result.Started) | Should -BeGreaterOrEqual $result.TotalTime
        $result.BytesPerSecond | Should -Be ([long] [Math]::Floor($result.BytesSent / $result.TotalTime.TotalSeconds))
        $handle = Get-Migration -Id $result.Id
        $handle.BytesPerSecond | Should -Be ([long] [Math]::Floor($result.BytesSent / $handle.Elapsed.TotalSeconds))
        $handle.Ended | Should -Be $result.Ended
        $handle.Elapsed | Should -Be $result.TotalTime -Because 'one time has one value'
        $handle.Result.Id | Should -Be $result.Id
    }

    It 'names its phases in a list' {
        $list = Get-PlainText ($result | Format-List | Out-String -Width 400)
        $list | Should -Match 'Phases *: .*Prepare .*Handover .*Finish'
        $list | Should -Match 'DowntimeParts *: Ask [0-9.]+ ms, Suspend .*Prove .*Capture .*Send .*Commit .*Restore .*Toolstack .*Resume .*OnTheWay [0-9.]+ ms'
        Get-PlainText (@(Get-Migration shown -History).Where({ "$($_.Side)" -eq 'Source' })[-1] | Format-List | Out-String -Width 400) | Should -Match 'DowntimeParts *: Ask [0-9.]+ s; .*OnTheWay [0-9.]+ s'
        $list | Should -Match 'Pages *: Core [0-9,]+, Early .*Again .*Recorded .*Predicted .*Rest .*Demanded .*Zero [0-9,]+'
    }

    It 'says all that the engine says' {
        $own = $result.PSObject.Properties.Name
        foreach ($property in [PreRecordMigration.Methods.MigrationResult].GetProperties().Name) {
            $own | Should -Contain $property
        }
    }

    It 'is flat in CSV, the same in every culture: <_>' -ForEach 'de-DE', 'tr-TR', 'ar-SA' {
        $here = [cultureinfo]::CurrentCulture
        try {
            [cultureinfo]::CurrentCulture = [cultureinfo]::InvariantCulture
            $invariant = $result | ConvertTo-Csv
            [cultureinfo]::CurrentCulture = $_
            $result | ConvertTo-Csv | Should -Be $invariant
        }
        finally {
            [cultureinfo]::CurrentCulture = $here
        }

        $row = $invariant | ConvertFrom-Csv
        $row.Method | Should -Be 'PreRecord'
        $row.Started | Should -Match '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$'
        [TimeSpan]::Parse($row.Downtime, [cultureinfo]::InvariantCulture) | Should -Be $result.Downtime
        $row.Phases | Should -Match '^Prepare [0-9.]+ s; .*Finish [0-9.]+ s$'
        $row.DowntimeParts | Should -Match '^Ask [0-9.]+ s; .*OnTheWay [0-9.]+ s$'
        $row.Pages | Should -Match '^Core [0-9]+; .*Zero [0-9]+$'
        $row.FaultLatency | Should -Match '^mean [0-9.]+ s, '
        foreach ($column in $row.PSObject.Properties) {
            $column.Value | Should -Not -Match '^(System|PreRecordMigration)\.' -Because $column.Name
        }
    }

    It 'is flat in JSON at its default depth: names, seconds, ISO dates' {
        $json = $result | ConvertTo-Json -WarningVariable cut
        $cut.Count | Should -Be 0
        $json | Should -Not -Match 'Ticks|TotalMilliseconds'
        $copy = $json | ConvertFrom-Json -DateKind String
        $copy.Method | Should -Be 'PreRecord'
        $copy.Mode | Should -Be 'Rollback'
        $copy.Downtime | Should -Be $result.Downtime.TotalSeconds
        $copy.Started | Should -Match '^\d{4}-\d\d-\d\dT'
        $copy.FaultLatency.Mean | Should -Be $result.FaultLatency.Mean.TotalSeconds
        $copy.Phases[0].Phase | Should -Be 'Prepare'
        $copy.Phases[0].Duration | Should -Be $result.Phases[0].Duration.TotalSeconds
        $copy.DowntimeParts[1].Duration | Should -Be $result.DowntimeParts[1].Duration.TotalSeconds
        ($copy.DowntimeParts.Duration | Measure-Object -Sum).Sum | Should -BeGreaterThan ($copy.Downtime - 1e-5)
        ($copy.DowntimeParts.Duration | Measure-Object -Sum).Sum | Should -BeLessThan ($copy.Downtime + 1e-5)
    }

    It 'keeps what is in it in a file, and through a job' {
        $file = [System.IO.Path]::Combine($TestDrive, 'result.xml')
        $result | Export-Clixml $file
        $copies = @(Import-Clixml $file)
        $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
        $copies += Start-Job {
            Import-Module $using:manifest
            $null = New-SimulatedHost a, b
            $null = New-SimulatedDomain jobbed -HostName a -Memory 4MB -Workload Idle
            Invoke-PreRecordMigration jobbed b -Mode Rollback -Window 40ms -Epoch 20ms
        } | Receive-Job -Wait -AutoRemoveJob
        $copies.Count | Should -Be 2
        foreach ($copy in $copies) {
            $copy.TotalTime | Should -BeOfType ([TimeSpan])
            $copy.FaultLatency.Mean | Should -BeOfType ([TimeSpan])
            $copy.RollbackProof.IsProved | Should -BeTrue
            $copy.Phases[0].Phase.ToString() | Should -Be 'Prepare'
            $copy.Phases[0].Duration | Should -BeOfType ([TimeSpan])
            Get-PlainText ($copy | Format-Table | Out-String -Width 80) | Should -Match 'Downtime'
        }
    }
}

Describe 'A handle' {
    It 'is flat in CSV and in JSON too, and keeps the result in it in a file' {
        $handle = Get-Migration -Id $result.Id
        $row = $handle | ConvertTo-Csv | ConvertFrom-Csv
        $row.State | Should -Be 'Completed'
        $row.Ended | Should -Match '^\d{4}-\d\d-\d\dT'
        $json = $handle | ConvertTo-Json
        $json | Should -Not -Match 'Ticks'
        ($json | ConvertFrom-Json).Elapsed | Should -Be $handle.Elapsed.TotalSeconds
        $file = [System.IO.Path]::Combine($TestDrive, 'handle.xml')
        $handle | Export-Clixml $file
        (Import-Clixml $file).Result.FaultLatency.Mean | Should -BeOfType ([TimeSpan])
    }
}

Describe 'What is returned' {
    BeforeDiscovery {
        $returned = [System.Collections.Generic.SortedSet[string]]::new()
        foreach ($command in (Get-Module PreRecordMigration).ExportedCmdlets.Values) {
            foreach ($type in $command.OutputType.Where({ $_.Name.StartsWith('PreRecordMigration.') })) {
                $null = $returned.Add($type.Name.Split('.')[-1])
            }
        }
    }

    It 'is flat text in CSV and in JSON at its default depth, the same in every culture: <_>' -ForEach $returned {
        $object = $objects[$_]
        $object | Should -Not -BeNullOrEmpty -Because 'every type that a cmdlet returns has an instance here'
        $here = [cultureinfo]::CurrentCulture
        try {
            [cultureinfo]::CurrentCulture = [cultureinfo]::InvariantCulture
            $csv = ($object | ConvertTo-Csv) -join "`n"
            $json = $object | ConvertTo-Json -WarningVariable cut -WarningAction SilentlyContinue
            $cut | Should -BeNullOrEmpty
            foreach ($culture in 'de-DE', 'tr-TR', 'ar-SA') {
                [cultureinfo]::CurrentCulture = $culture
                ($object | ConvertTo-Csv) -join "`n" | Should -BeExactly $csv -Because $culture
                $object | ConvertTo-Json | Should -BeExactly $json -Because $culture
            }
        }
        finally {
            [cultureinfo]::CurrentCulture = $here
        }

        $csv | Should -Not -Match '"(System|PreRecordMigration)\.' -Because 'a value has its text, not its type''s'
        $csv | Should -Not -Match '[A-Za-z]+ \{ [A-Za-z]+ = ' -Because 'a record in a column is a line for people'
        $json | Should -Not -Match '"(Ticks|TotalMilliseconds|AddressFamily|ScopeId|value__)":' -Because 'nothing is taken apart'
        $json | Should -Not -Match '"(System|PreRecordMigration)\.'

        # What PowerShell shows is what one works with, and an enumeration has its name in both.
        $copy = $json | ConvertFrom-Json -DateKind String
        $row = $csv | ConvertFrom-Csv
        foreach ($property in $object.PSObject.Properties) {
            $value = $property.Value
            if ($value -is [Enum]) {
                $copy.($property.Name) | Should -BeExactly "$value" -Because $property.Name
                $row.($property.Name) | Should -BeExactly "$value" -Because $property.Name
            }
            elseif ($value -is [TimeSpan] -and $_ -ne 'MigrationSettingInfo') {
                $copy.($property.Name) | Should -Be $value.TotalSeconds -Because $property.Name
            }
            elseif ($value -is [System.Net.IPEndPoint]) {
                $copy.($property.Name) | Should -BeExactly $value.ToString() -Because $property.Name
                $row.($property.Name) | Should -BeExactly $value.ToString() -Because $property.Name
            }
        }
    }

    It 'has in PowerShell the types that one works with' {
        $objects['MigrationReport'].RoundTrip | Should -BeOfType ([TimeSpan])
        $objects['MigrationReport'].SampleWindow | Should -Be ([TimeSpan]::FromMilliseconds(40))
        $objects['MigrationEstimateInfo'].Downtime | Should -BeOfType ([TimeSpan])
        $objects['MigrationIncompatibility'].Target | Should -BeOfType ([PreRecordMigration.Operations.MigrationHostCapability])
        $objects['PreRecord'].Window | Should -Be ([TimeSpan]::FromMilliseconds(60))
        $objects['PreRecord'].Epoch | Should -Be ([TimeSpan]::FromMilliseconds(20))
        $objects['PreRecord'].Trajectory.EpochCount | Should -BeGreaterThan 0
        $objects['PageOrderMeasure'].StallTime | Should -BeOfType ([TimeSpan])
        $objects['PageOrderMeasure'].StallToOracle | Should -BeOfType ([double])
        $objects['MigrationReceiverInfo'].Endpoint | Should -BeOfType ([System.Net.IPEndPoint])
        $objects['MigrationReceiverInfo'].Endpoint.Port | Should -Be $objects['MigrationReceiverInfo'].Port
        $objects['MigrationHost'].Receiver | Should -Be $objects['MigrationReceiverInfo'].Endpoint
        $objects['MigrationSettingInfo'].Value | Should -BeOfType ([TimeSpan])
        $objects['MigrationInfo'].Result | Should -BeOfType ([PreRecordMigration.Operations.MigrationOutcome])
    }

    It 'keeps lists and numbers as they are in JSON, and in one line in CSV' {
        $order = $objects['PageOrderInfo']
        ($order | ConvertTo-Json | ConvertFrom-Json).Pfn | Should -Be $order.Pfn
        ($order | ConvertTo-Csv | ConvertFrom-Csv).Pfn | Should -Be ($order.Pfn -join ' ')
        ($order | ConvertTo-Csv | ConvertFrom-Csv).Strategy | Should -Be 'RecordedFirst'
        ($objects['PageOrderMeasure'] | ConvertTo-Json | ConvertFrom-Json).StallToOracle | Should -Be $objects['PageOrderMeasure'].StallToOracle
        $report = $objects['MigrationReport'] | ConvertTo-Csv | ConvertFrom-Csv
        $report.Estimates | Should -Match '^PreCopy [0-9.]+ s, downtime [0-9.]+ s'
        $report.Incompatibilities | Should -Match 'PreRecord'
    }

    It 'has no enumeration that ConvertTo-Json would write as a number' {
        $seen = [System.Collections.Generic.HashSet[type]]::new()
        foreach ($command in (Get-Module PreRecordMigration).ExportedCmdlets.Values) {
            foreach ($type in $command.OutputType.Where({ $_.Type -and $_.Name.StartsWith('PreRecordMigration.') }).Type) {
                foreach ($property in $type.GetProperties()) {
                    foreach ($inner in @($property.PropertyType) + $property.PropertyType.GetGenericArguments()) {
                        if ($inner.IsEnum -and $inner.Namespace.StartsWith('PreRecordMigration.') -and $seen.Add($inner)) {
                            [Enum]::GetUnderlyingType($inner) | Should -Be ([long]) -Because "$type.$($property.Name)"
                        }
                    }
                }
            }
        }

        $seen.Count | Should -BeGreaterThan 5
    }
}

Describe 'Progress' {
    It 'of several domains is of children of one bar, the first one''s too' {
        $null = New-SimulatedDomain bar1, bar2, bar3 -HostName shown1 -Memory 4MB -Workload Idle
        $there = Invoke-Elsewhere 'Get-MigrationDomain bar? -HostName shown1 | Invoke-PreRecordMigration -Destination shown2 -Method PostCopy -ThrottleLimit 3'
        $there.Errors.Count | Should -Be 0
        $overall = @($there.Progress.Where({ $_.Activity -eq 'Moving domains' }))
        $overall.Count | Should -BeGreaterThan 0
        foreach ($domain in 'bar1', 'bar2', 'bar3') {
            $own = @($there.Progress.Where({ $_.Activity -match "'$domain'" }))
            $own[-1].ParentActivityId | Should -Be $overall[0].ActivityId
            "$($own[-1].RecordType)" | Should -Be 'Completed'
        }
    }

    It 'is shown while Test-Migration samples what is written, and what is touched' {
        $there = Invoke-Elsewhere 'Test-Migration shown shown1 -Window 1s -Epoch 20ms'
        $there.Errors.Count | Should -Be 0
        $own = @($there.Progress.Where({ $_.Activity -match "^Watching 'shown'" }))
        @($own.Where({ "$($_.RecordType)" -eq 'Processing' })).Count | Should -BeGreaterThan 3
        "$($own[-1].RecordType)" | Should -Be 'Completed'
    }
}

Describe 'Export-PreRecord' {
    It 'names a file for each recording by a script block, and returns files as Get-Item does' {
        $files = $recorded | Export-PreRecord -Path { [System.IO.Path]::Combine($TestDrive, "$($_.Name).prerecord") }
        $files.Name | Should -Be 'kept.prerecord'
        Get-PlainText ($files | Out-String -Width 120) | Should -Match '(?s)Directory: .*kept\.prerecord'
        ($files | Import-PreRecord).Name | Should -Be 'kept'
        $literal = $recorded | Export-PreRecord -LiteralPath { [System.IO.Path]::Combine($TestDrive, "$($_.Name)[1].prerecord") }
        $literal.Name | Should -Be 'kept[1].prerecord'
    }
}
