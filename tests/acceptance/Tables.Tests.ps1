# Every table on a screen of 80 columns, the last of which PowerShell leaves empty, with the least and the most that its columns can have to show: nothing that tells is cut, no word, number
# or date is broken over lines. A name, a path or an address of any length may be cut at its end; its list has the whole of it.

BeforeDiscovery {
    $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.Format.ps1xml')
    $tables = @(([xml] [System.IO.File]::ReadAllText($path)).Configuration.ViewDefinitions.View).Where({ $_.TableControl }).Name
}

BeforeAll {
    $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.Format.ps1xml')
    $views = @(([xml] [System.IO.File]::ReadAllText($path)).Configuration.ViewDefinitions.View)

    # What a person or a machine gave its name, of whatever length.
    $cuttable = 'Name', 'Domain', 'Host', 'Destination', 'Recording', 'Certificate', 'Receiver', 'Value'

    $assemblies = [System.AppDomain]::CurrentDomain.GetAssemblies().Where({ $_.GetName().Name -like 'PreRecordMigration.*' })
    $durations = 0, 0.0004, 0.04, 0.9996, 9.994, 9.996, 99.96, 999.4, 999.6, 9996, 59940, 59960, 596000, 598000, 3569000, 3571000, 86399000, 359819000, (8.6e7 * 999)
    $counts = 0, 99999, 100000, 999999, 1000000, 99949999, 99950000, 268435456
    $sizes = 0, 999, 1023, 1048575, 10475274, 1073741823, 107374182400, 1099511627775, 12TB
    $ratios = (0.0, 1.0, 195.835671, 999.994, 999.996, 999999.4, 12345678.0).ForEach({ [PreRecordMigration.Cmdlets.Flat]::WithText($_) }) + $null
    $dates = [DateTimeOffset]::new(2026, 11, 29, 23, 59, 59, 999, [TimeSpan]::Zero), [DateTimeOffset]::Now, [DateTimeOffset]::MaxValue
    $dates = $dates.ForEach({ [PreRecordMigration.Cmdlets.Flat]::WithText($_) })
    $names = 'a', 'production-database-primary-of-the-accounts-department-01', 'web[1] *?', 'bücher-und-straßen', '本番データベース一号機のとても長い名前', 'web🐘01'
    $paths = '/etc/prerecord/xen1.pem', '/var/lib/some/where/deep/in/a/tree/of/folders/with/long/names/xen1.pem'
    $sentences = 'The file /usr/lib/xen-4.17/x.so is none.', ('Set CONFIG_MEM_PAGING=y, and ask nobody. ' * 4).Trim(), ''
    $addresses = '127.0.0.1:7000', '255.255.255.255:65535', '[fe80::5054:ff:fe12:3456%2]:7000'
    $widest = '[2001:db8:1234:5678:9abc:def0:1234:5678]:65535'
    $texts = @{
        CertificatePath = $paths; KeyPath = $paths; Endpoint = $addresses + $widest; Receiver = $addresses + $null; Address = $addresses
        Holder = 'process 4194304, runspace 12345: Invoke-PreRecordMigration', 'process 1, runspace 1: Enable-RemotePF'
        Hypervisor = 'Simulated', 'Xen 4.17.5-prerecord', 'another machine, by TLS'; Thumbprint = @('0123456789ABCDEF' * 4)
        AtCheckpoint = @('0123456789abcdef' * 2); AfterWindow = @('fedcba9876543210' * 2)
        Reason = $sentences; Remedy = $sentences; Gain = $sentences; Error = $sentences; Message = $sentences
        ErrorId = [Enum]::GetNames([PreRecordMigration.Errors.MigrationErrorId])
        Methods = @(, @('PreCopy')), @(, @('PreCopy', 'PostCopy', 'Hybrid', 'PreRecord Observe', 'PreRecord Rollback'))
        Origin = '', 'PRERECORD_TRUSTED_CERTIFICATE_PATH', '/etc/prerecord/settings.json'
        State = 'Greeted', 'Collecting', 'Restoring', 'Completed', 'Decided'
        Name = $names; HostName = $names; Source = $names; Destination = $names
    }
    $strategies = @(, @('RecordedFirst', 'LinearRegression', 'IssDbscan')), @(, @('Auto'))
    $settings = [TimeSpan]::FromDays(1), [TimeSpan]::FromMilliseconds(0.5), [long]::MaxValue, 'PreRecord', (, $paths), (, @($strategies[0][0])), $null

    # What a property can be: of each kind the least, the most, and what lies beside a change of unit.
    function Get-Extremes([type] $type, [System.Reflection.PropertyInfo] $property) {
        $kind = [Nullable]::GetUnderlyingType($property.PropertyType) ?? $property.PropertyType
        $name = $property.Name
        if ($name -eq 'Recommendation') { return 'PreCopy', 'PreRecord', $null }
        if ($name -eq 'Mode' -and $type.Name -eq 'MigrationReport') { return $null, 'Rollback', $null }
        if ($type.Name -eq 'MigrationSettingInfo' -and $name -eq 'Name') { return (Get-MigrationConfiguration).Name }
        if ($type.Name -eq 'MigrationSettingInfo' -and $name -in 'Value', 'Default') { return $settings }
        if ($kind.IsEnum) { return [Enum]::GetNames($kind) }
        if ($kind -eq [bool]) { return $true, $false }
        if ($kind -eq [DateTimeOffset]) { return $dates }
        if ($texts.ContainsKey($name) -and $kind -ne [double]) { return $texts[$name] }
        if ($name -in 'Strategy', 'Order') { return $strategies }
        if ($name -eq 'Estimates') {
            return @(, @($durations.ForEach({ @{ Method = 'PreRecord'; Mode = 'Rollback'; Exposure = [TimeSpan]::FromMilliseconds($_); ClientsWait = [TimeSpan]::FromMilliseconds($_) } })))
        }
        if ($name -eq 'Incompatibilities') { return @(, @(1..12)), @(, @()) }
        if ($name -eq 'Incoming') {
            $incoming = foreach ($one in 'a', 'production-database', '本番データベース一号機') { @{ Name = $one; State = 'Restoring' } }
            return @(, @()), @(, @($incoming))
        }
        if ($kind -eq [double]) {
            return $name -match '^Stall|^Faults|^Precision|^Recall' -and $name -notin 'Stalled', 'StallTime' ? $ratios
                : $durations.ForEach({ [TimeSpan]::FromMilliseconds($_) })
        }
        if ($kind -in [int], [long]) {
            return $name -match 'Bytes|^Limit$|^Bandwidth' ? $sizes : $name -in 'VcpuCount', 'DomainCount' ? @(0, 512) : $name -eq 'Id' ? @(0, 32752) :
                $name -in 'Run', 'Repeat', 'Failures' ? @(0, 9999) : $counts
        }

        return $null
    }

    # As many objects of a view's type as its longest list of extremes has, in which each extreme occurs.
    function Get-Rows($view) {
        $full = $view.ViewSelectedBy.TypeName
        $type = @($assemblies.ForEach({ $_.GetType($full.Split('#')[0]) }).Where({ $_ }))[0]
        $extremes = [ordered] @{}
        foreach ($property in $type.GetProperties()) {
            $extremes[$property.Name] = @(Get-Extremes $type $property)
        }

        foreach ($at in 0..(@($extremes.Values.ForEach({ $_.Count })) | Measure-Object -Maximum).Maximum) {
            $row = [ordered] @{}
            foreach ($name in $extremes.Keys) {
                $all = $extremes[$name]
                $value = $all.Count -eq 0 ? $null : $all[$at % $all.Count]
                $row[$name] = $value
            }

            $row['PagesDone'] = [Math]::Min([long] $row['PagesDone'], [long] $row['PagesTotal'])
            $object = [pscustomobject] $row
            $object.PSTypeNames.Insert(0, "Deserialized.$full")
            $object
        }
    }

    function Get-Plain($text) { [regex]::Replace($text, "`e\[[0-9;]*m", '') }

    # A line with one character for each cell of the screen: behind a wide one stands a mark.
    function Get-Cells([string] $line) {
        [regex]::Replace($line, '[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]', "`$0`u{1}")
    }

    # What a column has to say of an object, in one line.
    function Get-Said($item, $object) {
        $said = $item.ScriptBlock ? (ForEach-Object -InputObject $object ([scriptblock]::Create($item.ScriptBlock))) : $object.($item.PropertyName)
        [regex]::Replace("$said", '\s+', ' ').Trim()
    }
}

Describe 'The table of <_>' -ForEach $tables {
    It 'cuts nothing that tells and breaks nothing over lines at 80 columns, whatever there is to show' {
        $name = $_
        $view = $views.Where({ $_.Name -eq $name })[0]
        $headers = @($view.TableControl.TableHeaders.TableColumnHeader)
        $items = @($view.TableControl.TableRowEntries.TableRowEntry.TableColumnItems.TableColumnItem)
        $seen = 0
        foreach ($object in Get-Rows $view) {
            [string[]] $lines = (Get-Plain ($object | Format-Table | Out-String -Width 79)).Split("`n").ForEach({ Get-Cells $_ })
            @($lines.Where({ $_.Length -gt 79 })).Count | Should -Be 0
            $from = [Array]::FindIndex($lines, [Predicate[string]] { $args[0] -match '^ *-+( +-+)+ *$' }) + 1
            $from | Should -BeGreaterThan 0
            $start = 0
            for ($at = 0; $at -lt $headers.Count; $at++) {
                $width = [int] $headers[$at].Width
                $width | Should -BeGreaterThan 0 -Because "the column $($headers[$at].Label) has a width of its own"
                $cells = $lines[$from..($lines.Count - 1)].ForEach({ $_.PadRight(80).Substring($start, $width).Trim() })
                $shown = [regex]::Replace(($cells -join ' ').Replace("`u{1}", ''), '\s+', ' ').Trim()
                $said = Get-Said $items[$at] $object
                $label = $headers[$at].Label
                if ($label -in $cuttable -and $shown.EndsWith('…')) {
                    $said.StartsWith($shown.TrimEnd('…')) -or $said -eq $shown | Should -BeTrue -Because "$label shows '$shown' for '$said'"
                }
                else {
                    $shown | Should -BeExactly $said -Because "$label has $width columns"
                    $label -notin $cuttable -and $said.Contains('…') -and $label -ne 'Incoming' | Should -BeFalse -Because "$label shows '$shown'"
                }

                $seen += [bool] $said
                $start += $width + 1
            }
        }

        $seen | Should -BeGreaterThan 3
    }
}

Describe 'The views' {
    It 'show the same in a session that has them without the module' {
        $null = New-SimulatedHost views1, views2
        $null = New-SimulatedDomain viewed -HostName views1 -Memory 4MB -Workload Idle
        $result = Invoke-PreRecordMigration viewed views2 -Method PostCopy
        Disconnect-MigrationHost views1, views2
        $here = (Get-Plain ($result | Format-Table | Out-String -Width 80)).Trim()
        $result | Export-Clixml "$TestDrive/result.xml"
        $alone = [powershell]::Create([System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault())
        try {
            $null = $alone.AddScript('param($views, $file) Update-FormatData $views; Import-Clixml $file | Format-Table | Out-String -Width 80')
            $there = $alone.AddArgument($path).AddArgument("$TestDrive/result.xml").Invoke()
            (Get-Plain $there[0]).Trim() | Should -BeExactly $here
        }
        finally {
            $alone.Dispose()
        }
    }

    It 'have no rule of their own for what all of them show in one way' {
        $scripts = @($views.ForEach({ $_.SelectNodes('.//ScriptBlock').ForEach({ $_.InnerText }) }))
        $scripts.Count | Should -BeGreaterThan 100
        foreach ($script in $scripts) {
            $script | Should -Not -Match '\{(duration|size|count|cut|words) ' -Because 'build.sh has written it out'
        }
    }
}
