# What binds from the pipeline: names as they are, rows with options of their own, and what other cmdlets returned.

BeforeAll {
    function New-Hosts {
        $null = New-SimulatedHost row1, row2, row3
        $null = New-SimulatedDomain ra, rb, rc -HostName row1 -Memory 4MB -Workload Idle
    }

    function Get-Id($failed) {
        "$($failed[0].FullyQualifiedErrorId)".Split(',')[0]
    }
}


Describe 'Names on the pipeline' {
    BeforeEach {
        New-Hosts
    }

    AfterEach {
        Disconnect-MigrationHost row1, row2, row3
    }

    It 'bind to <_>' -ForEach 'Invoke-PreRecordMigration', 'Start-Migration', 'Test-Migration', 'Start-PreRecord', 'Get-MigrationDomain' {
        $more = @{}
        $command = Get-Command $_
        if ($command.Parameters.ContainsKey('Destination')) { $more.Destination = 'row2' }
        if ($command.Parameters.ContainsKey('Window')) { $more.Window = '20ms'; $more.Epoch = '10ms' }
        if ($command.Parameters.ContainsKey('WhatIf')) { $more.WhatIf = $true }
        @('ra', 'rb' | & $_ @more).Name -join ' ' | Should -Be 'ra rb'
    }

    It 'move domains' {
        @('ra', 'rb' | Invoke-PreRecordMigration -Destination row2 -Method PostCopy).Name -join ' ' | Should -Be 'ra rb'
        @('ra', 'rb' | Get-Migration).Name | Select-Object -Unique | Should -Be 'ra', 'rb'
        $null = 'ra', 'rb' | Start-Migration -Destination row1 -Method PostCopy
        @('ra', 'rb' | Wait-Migration).Destination -join ' ' | Should -Be 'row1 row1'
        @(Get-MigrationDomain ra, rb).HostName -join ' ' | Should -Be 'row1 row1'
    }
}

Describe 'Rows on the pipeline' {
    BeforeEach {
        New-Hosts
    }

    AfterEach {
        Disconnect-MigrationHost row1, row2, row3
    }

    It 'have each their own destination and options' {
        $rows = @'
Name,HostName,Destination,Method,Mode,Window,Epoch,BandwidthLimit,Order,SkipRollbackProof
ra,row1,row2,PostCopy,,,,,,
rb,,row3,PreRecord,Observe,40ms,20ms,100MB/s,"RecordedFirst,LinearRegression",
rc,row1,row2,,Rollback,60ms,,,,true
'@ | ConvertFrom-Csv
        $moved = @($rows | Invoke-PreRecordMigration)
        $moved.Name -join ' ' | Should -Be 'ra rb rc'
        $moved.Destination -join ' ' | Should -Be 'row2 row3 row2'
        $moved.Method -join ' ' | Should -Be 'PostCopy PreRecord PreRecord'
        $moved[1].Mode | Should -Be 'Observe'
        $moved[2].Mode | Should -Be 'Rollback'
        $moved[2].RollbackProof | Should -BeNullOrEmpty
        $window = @($moved[1].Phases).Where({ "$($_.Phase)" -eq 'Record' })[0].Duration.TotalMilliseconds
        $window | Should -BeGreaterOrEqual 40
        $window | Should -BeLessThan 400
    }

    It 'come from JSON and from hashtables as well' {
        $json = '[{"Name":"ra","Destination":"row2","Method":"PreCopy","Window":null},{"Name":"rc","Destination":"row2","Method":"PostCopy","Order":["RecordedFirst"]}]'
        $moved = @($json | ConvertFrom-Json | Invoke-PreRecordMigration)
        $moved.Method -join ' ' | Should -Be 'PreCopy PostCopy'
        (@{ Name = 'rb'; Destination = 'row3'; Method = 'PostCopy' } | Invoke-PreRecordMigration).HostName | Should -Be 'row3'
    }

    It 'give way to what the command line says, and leave nothing behind for the next' {
        $rows = @(
            [pscustomobject] @{ Name = 'ra'; Destination = 'row2'; Method = 'PostCopy'; Mode = '' }
            [pscustomobject] @{ Name = 'rb'; Destination = ''; Method = ''; Mode = 'Observe' }
        )
        $planned = @($rows | Invoke-PreRecordMigration -Destination row3 -WhatIf)
        $planned.Destination -join ' ' | Should -Be 'row3 row3'
        $planned.Recommendation -join ' ' | Should -Be 'PostCopy PreRecord'
        $planned[1].Mode | Should -Be 'Observe'
        @($rows[0], 'rb', (Get-MigrationDomain rc) | Invoke-PreRecordMigration -Destination row3 -WhatIf).Recommendation -join ' ' |
            Should -Be 'PostCopy PreRecord PreRecord'
    }

    It 'with a bad cell are an error that names the domain and the column, and the others go on: <Column>' -ForEach @(
        @{ Column = 'Method'; Value = 'Warp' }
        @{ Column = 'Mode'; Value = 'Sideways' }
        @{ Column = 'Window'; Value = 'soon' }
        @{ Column = 'Epoch'; Value = '5' }
        @{ Column = 'BandwidthLimit'; Value = 'fast' }
        @{ Column = 'BackupLimit'; Value = '1' }
        @{ Column = 'Order'; Value = 'Alphabetical' }
        @{ Column = 'RollbackProof'; Value = 'Perhaps' }
        @{ Column = 'SkipRollbackProof'; Value = 'perhaps' }
        @{ Column = 'MaximumExposure'; Value = '-' }
        @{ Column = 'MaximumDowntime'; Value = '300' }
        @{ Column = 'DowntimeAction'; Value = 'Perhaps' }
        @{ Column = 'Compression'; Value = 'Some' }
    ) {
        $rows = @(
            [pscustomobject] @{ Name = 'ra'; Destination = 'row2'; $Column = $Value }
            [pscustomobject] @{ Name = 'rb'; Destination = 'row2'; $Column = '' }
        )
        $planned = @($rows | Invoke-PreRecordMigration -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed)
        $planned.Name | Should -Be 'rb'
        $failed.Count | Should -Be 1
        Get-Id $failed | Should -Be 'BadCell'
        $failed[0].TargetObject | Should -Be 'ra'
        $failed[0].Exception.Message | Should -BeLike "*'ra'*$Column*'$Value'*"
    }

    It 'with a column that means nothing say so, once a column' {
        $rows = @(
            [pscustomobject] @{ Name = 'ra'; Destination = 'row2'; Metod = 'PostCopy' }
            [pscustomobject] @{ Name = 'rb'; Destination = 'row2'; Metod = 'PreCopy' }
        )
        $null = $rows | Invoke-PreRecordMigration -WhatIf -WarningAction SilentlyContinue -WarningVariable said
        $said.Count | Should -Be 1
        "$said" | Should -BeLike "*'Metod'*Invoke-PreRecordMigration*Method*"
    }

    It 'without a name or a destination are refused' {
        [pscustomobject] @{ Machine = 'ra' } | Invoke-PreRecordMigration -Destination row2 -WarningAction SilentlyContinue -ErrorAction SilentlyContinue -ErrorVariable failed
        Get-Id $failed | Should -Be 'InputWithoutName'
        [pscustomobject] @{ Name = ' '; Destination = 'row2' } | Invoke-PreRecordMigration -ErrorAction SilentlyContinue -ErrorVariable failed
        Get-Id $failed | Should -Be 'InputWithoutName'
        [pscustomobject] @{ Name = 'ra'; Destination = '' } | Invoke-PreRecordMigration -ErrorAction SilentlyContinue -ErrorVariable failed
        Get-Id $failed | Should -Be 'DestinationMissing'
        $failed[0].TargetObject | Should -Be 'ra'
    }

    It 'make hosts and domains' {
        try {
            $null = 'Name,Memory', 'rowmade,64MB' | ConvertFrom-Csv | New-SimulatedHost
            (Get-MigrationHost rowmade).FreeMemoryBytes | Should -Be 64MB
            $made = 'Name,HostName,Memory,Workload,VcpuCount', 'small,rowmade,8MB,Idle,2', 'usual,rowmade,16MB,,' | ConvertFrom-Csv | New-SimulatedDomain
            $made.MemoryBytes -join ' ' | Should -Be "$(8MB) $(16MB)"
            $made.VcpuCount -join ' ' | Should -Be '2 1'
        }
        finally {
            Disconnect-MigrationHost rowmade
        }
    }
}

Describe 'What a cmdlet returned' {
    It 'names the domain and its host to the next one: <What>' -ForEach @(
        @{ What = 'a result'; Make = { Invoke-PreRecordMigration d row2 -Method PostCopy }; On = 'row2' }
        @{ What = 'a handle'; Make = { $started = Start-Migration d row2 -Method PostCopy; $null = $started | Wait-Migration; $started | Get-Migration }; On = 'row2' }
        @{ What = 'a report'; Make = { Test-Migration d row2 -Window 20ms -Epoch 10ms }; On = 'row1' }
        @{ What = 'a recording'; Make = { Start-PreRecord d -Mode Observe -Window 20ms -Epoch 10ms | ForEach-Object { $null = Stop-PreRecord $_; $_ } }; On = 'row1' }
        @{ What = 'a domain'; Make = { Get-MigrationDomain d }; On = 'row1' }
    ) {
        New-Hosts
        try {
            $null = New-SimulatedDomain d -HostName row1 -Memory 4MB -Workload Idle
            $made = & $Make
            $made.Name | Should -Be 'd'
            $made.HostName | Should -Be $On
            ($made | Get-MigrationDomain).HostName | Should -Be $On
            ($made | Test-Migration -Destination row3 -Window 20ms -Epoch 10ms).HostName | Should -Be $On
            if ($What -ne 'a recording') {
                ($made | Invoke-PreRecordMigration -Destination row3).HostName | Should -Be 'row3'
                @($made | Get-Migration).Name | Should -Contain 'd'
            }
        }
        finally {
            Disconnect-MigrationHost row1, row2, row3
        }
    }

    It 'has its older names as aliases' {
        New-Hosts
        try {
            $report = Test-Migration ra row2 -Window 20ms -Epoch 10ms
            $report.DomainName | Should -Be 'ra'
            $report.SourceHost | Should -Be 'row1'
            (Invoke-PreRecordMigration ra row2 -Method PostCopy).DomainName | Should -Be 'ra'
        }
        finally {
            Disconnect-MigrationHost row1, row2, row3
        }
    }
}

Describe 'Rows of hosts' {
    BeforeAll {
        $folder = [System.IO.Path]::Combine($TestDrive, 'rows')
        $null = [System.IO.Directory]::CreateDirectory($folder)
        $pairs = 'Name,Path,ValidDays', "rowa,$folder,10", "rowb,$folder," | ConvertFrom-Csv | New-MigrationCertificate
    }

    BeforeEach {
        $null = New-SimulatedHost row1, row2
    }

    AfterEach {
        Disconnect-MigrationHost row1, row2
    }

    It 'make certificates, each with its own options' {
        $pairs.Name -join ' ' | Should -Be 'rowa rowb'
        [int] ($pairs[0].NotAfter - [DateTimeOffset]::Now).TotalDays | Should -Be 10
        [int] ($pairs[1].NotAfter - [DateTimeOffset]::Now).TotalDays | Should -Be 825
        $rows = 'Name,Path', "../rowc,$folder", "rowd,$folder" | ConvertFrom-Csv
        ($rows | New-MigrationCertificate -ErrorAction SilentlyContinue -ErrorVariable failed).Name | Should -Be 'rowd'
        Get-Id $failed | Should -Be 'CertificateNameInvalid'
    }

    It 'start receivers, each with its own options' {
        $rows = 'HostName,Port,PeerTimeout,Certificate,TrustedCertificate', 'row1,0,40s,,', "row2,,,$folder/rowa.pem,$folder/rowb.pem" | ConvertFrom-Csv
        $started = @($rows | Start-MigrationReceiver)
        try {
            $started.HostName -join ' ' | Should -Be 'row1 row2'
            $started[0].Port | Should -BeGreaterThan 0
            $null = New-SimulatedHost row3
            $null = New-SimulatedDomain tls -HostName row3 -Memory 4MB -Workload Idle

            # One of them asks for certificates, and so does not take what comes without.
            Invoke-PreRecordMigration tls "localhost:$($started[1].Port)" -Method PostCopy -ErrorAction SilentlyContinue -ErrorVariable failed
            Get-Id $failed | Should -Be 'TransportMismatch'
            (Invoke-PreRecordMigration tls "localhost:$($started[0].Port)" -Method PostCopy).Name | Should -Be 'tls'
        }
        finally {
            Stop-MigrationReceiver row1, row2
            Disconnect-MigrationHost row3
        }
    }

    It 'name hosts, each reached in its own way' {
        $rows = @(
            [pscustomobject] @{ Name = 'rowx'; Address = '192.0.2.1:7001'; SshTarget = ''; Port = '' }
            [pscustomobject] @{ Name = 'rowy'; Address = ''; SshTarget = 'root@192.0.2.2'; Port = '7002' }
            [pscustomobject] @{ Name = 'row1'; Address = ''; SshTarget = ''; Port = '' }
        )
        try {
            $named = @($rows | Connect-MigrationHost -Certificate "$folder/rowa.pem" -TrustedCertificate "$folder/rowb.pem")
            $named.Name -join ' ' | Should -Be 'rowx rowy row1'
            $named[0].Hypervisor | Should -Match 'TLS'
            $named[1].Hypervisor | Should -Match 'ssh'
            $named[2].Hypervisor | Should -Be 'Simulated'
        }
        finally {
            Disconnect-MigrationHost rowx, rowy
        }
    }

    It 'are refused where a cell cannot be, and the others go on: <Id>, <Cmdlet>' -ForEach @(
        @{ Id = 'BadCell'; Cmdlet = 'Start-MigrationReceiver'; Command = { [pscustomobject] @{ Name = 'row1'; Port = 'many' }, [pscustomobject] @{ Name = 'row2'; Port = '0' } | Start-MigrationReceiver -WhatIf @quiet } }
        @{ Id = 'BadCell'; Cmdlet = 'New-MigrationCertificate'; Command = { [pscustomobject] @{ Name = 'x'; ValidDays = '0' }, [pscustomobject] @{ Name = 'y' } | New-MigrationCertificate -Path $folder -WhatIf @quiet } }
        @{ Id = 'HostRowTwoWays'; Cmdlet = 'Connect-MigrationHost'; Command = { [pscustomobject] @{ Name = 'x'; Address = '192.0.2.1:7000'; SshTarget = 'root@x' }, [pscustomobject] @{ Name = 'row1' } | Connect-MigrationHost @quiet } }
        @{ Id = 'AddressMissing'; Cmdlet = 'Connect-MigrationHost'; Command = { [pscustomobject] @{ Name = 'x'; Port = '7000' }, [pscustomobject] @{ Name = 'row1' } | Connect-MigrationHost @quiet } }
    ) {
        $quiet = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'script:failed' }
        $null = & $Command
        $failed.Count | Should -Be 1
        Get-Id $failed | Should -Be $Id
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'with a column that means nothing say so to whatever makes hosts' {
        $null = [pscustomobject] @{ Name = 'row1'; Colour = 'red' } | Start-MigrationReceiver -WhatIf -WarningAction SilentlyContinue -WarningVariable warned
        "$warned" | Should -Match "'Colour'.*Start-MigrationReceiver.*Address, Certificate, PeerTimeout, Port, TrustedCertificate"
    }
}
