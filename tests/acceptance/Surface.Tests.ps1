# What holds of every cmdlet alike: wrong arguments are refused when they are bound, objects of the pipeline find their
# parameter, and completion never fails. What each does is in the file of its area.

BeforeDiscovery {
    $exported = [System.IO.File]::ReadAllLines([System.IO.Path]::Combine($PSScriptRoot, 'Exports.txt')).ForEach({ $_.Split(' ')[0] })

    # Arguments that cannot be, for every cmdlet, and the id of the error that says so.
    $wrong = @(
        @{ Cmdlet = 'Connect-MigrationHost'; Arguments = "''"; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Disable-RemotePF'; Arguments = 'text'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Disconnect-MigrationHost'; Arguments = '-Name $null'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Enable-RemotePF'; Arguments = '-PreRecord $null'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Export-MigrationReport'; Arguments = 'x.html -InputObject 5 -Format Pdf'; Id = 'CannotConvertArgumentNoMessage' }
        @{ Cmdlet = 'Export-PreRecord'; Arguments = 'x.csv -PreRecord 5'; Id = 'CannotConvertArgumentNoMessage' }
        @{ Cmdlet = 'Get-Migration'; Arguments = '-Id abc'; Id = 'CannotConvertArgumentNoMessage' }
        @{ Cmdlet = 'Get-MigrationConfiguration'; Arguments = '-Key Window'; Id = 'NamedParameterNotFound' }
        @{ Cmdlet = 'Get-MigrationDomain'; Arguments = '-Port 7'; Id = 'NamedParameterNotFound' }
        @{ Cmdlet = 'Get-MigrationHost'; Arguments = '-Port 7'; Id = 'NamedParameterNotFound' }
        @{ Cmdlet = 'Get-MigrationReceiver'; Arguments = '-Port 7'; Id = 'NamedParameterNotFound' }
        @{ Cmdlet = 'Get-PageBackup'; Arguments = 'text'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Get-PageOrder'; Arguments = '$recorded -Strategy Alphabetical'; Id = 'CannotConvertArgumentNoMessage' }
        @{ Cmdlet = 'Get-PreRecord'; Arguments = '-Name @()'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Get-RemotePF'; Arguments = '-PreRecord text'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Import-PreRecord'; Arguments = 'x.csv -PageCount 0'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Invoke-PreRecordMigration'; Arguments = 'surface surface2 -ThrottleLimit 0'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Measure-Migration'; Arguments = 'surface surface2 -Repeat 0'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Measure-PageOrder'; Arguments = 'x.csv -RoundTrip soon'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'New-MigrationCertificate'; Arguments = 'x -ValidDays 0'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'New-SimulatedDomain'; Arguments = 'x -HostName surface1 -Memory heavy'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'New-SimulatedHost'; Arguments = 'x -Memory heavy'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Restore-PageBackup'; Arguments = 'text'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Resume-Migration'; Arguments = "surface -Destination ''"; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Set-Migration'; Arguments = 'surface -BandwidthLimit fast'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Set-MigrationConfiguration'; Arguments = "'' 5s"; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Set-PageOrder'; Arguments = '$recorded -Strategy @()'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Start-Migration'; Arguments = 'surface surface2 -Method Teleport'; Id = 'CannotConvertArgumentNoMessage' }
        @{ Cmdlet = 'Start-MigrationReceiver'; Arguments = 'surface2 -Port 65536'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Start-PreRecord'; Arguments = 'surface -Window 5'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Stop-Migration'; Arguments = '-Id abc'; Id = 'CannotConvertArgumentNoMessage' }
        @{ Cmdlet = 'Stop-MigrationReceiver'; Arguments = '-Port 7'; Id = 'NamedParameterNotFound' }
        @{ Cmdlet = 'Stop-PreRecord'; Arguments = '-PreRecord $null'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Test-Migration'; Arguments = 'surface surface2 -Bandwidth 0'; Id = 'ParameterArgumentValidationError' }
        @{ Cmdlet = 'Test-MigrationHost'; Arguments = '-Port 7'; Id = 'NamedParameterNotFound' }
        @{ Cmdlet = 'Wait-Migration'; Arguments = '-Timeout later'; Id = 'ParameterArgumentTransformationError' }
        @{ Cmdlet = 'Wait-MigrationReceiver'; Arguments = '-Count 0'; Id = 'ParameterArgumentValidationError' }
    )
}

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $null = New-SimulatedHost surface1, surface2
    $null = New-SimulatedDomain surface, spare -HostName surface1 -Memory 8MB -OperationsPerSecond 20000
    $recorded = Start-PreRecord surface -Mode Observe -Window 40ms -Epoch 20ms -HoldTime 1h
}

AfterAll {
    $recorded | Stop-PreRecord
    Disconnect-MigrationHost surface1, surface2
}

Describe 'Wrong arguments' {
    It 'have a row here for every cmdlet' -ForEach @(@{ Rows = $wrong.ForEach({ $_.Cmdlet }) -join ','; All = $exported -join ',' }) {
        $Rows | Should -Be $All
    }

    It 'of <Cmdlet> are refused when they are bound: <Arguments>' -ForEach $wrong {
        $class = (Get-Command $Cmdlet).ImplementingType.FullName
        { & ([scriptblock]::Create("$Cmdlet $Arguments -ErrorAction Stop")) } | Should -Throw -ErrorId "$Id,$class"
    }
}

Describe 'The pipeline' {
    It 'brings hosts and their names to Connect-MigrationHost, receivers and tests' {
        ('surface1' | Connect-MigrationHost).Name | Should -Be 'surface1'
        @(Get-MigrationHost surface1 | Test-MigrationHost).Count | Should -BeGreaterThan 10
        (Get-MigrationHost surface2 | Start-MigrationReceiver).HostName | Should -Be 'surface2'
        (Get-MigrationHost surface2 | Get-MigrationReceiver).HostName | Should -Be 'surface2'
        (Get-MigrationReceiver surface2 | Get-MigrationReceiver).HostName | Should -Be 'surface2'
        Get-MigrationReceiver surface2 | Stop-MigrationReceiver
        Get-MigrationReceiver surface2* | Should -BeNullOrEmpty
    }

    It 'brings settings and their names' {
        ('Window', 'Epoch' | Get-MigrationConfiguration).Name -join ',' | Should -Be 'Window,Epoch'
        try {
            (Get-MigrationConfiguration Window | Set-MigrationConfiguration -Value 750ms -PassThru).Value.TotalMilliseconds | Should -Be 750
        }
        finally {
            "$((Get-MigrationConfiguration Window | Set-MigrationConfiguration -Clear -PassThru).Source)" | Should -Not -Be 'Session'
        }
    }

    It 'brings domains to Test-Migration and to every cmdlet that moves or records' {
        (Get-MigrationDomain spare | Test-Migration -Destination surface2 -Window 40ms -Epoch 20ms).DomainName | Should -Be 'spare'
        (Get-MigrationDomain spare | Start-Migration -Destination surface2 -WhatIf).DomainName | Should -Be 'spare'
        (Get-MigrationDomain spare | Invoke-PreRecordMigration -Destination surface2 -WhatIf).DomainName | Should -Be 'spare'
    }

    It 'brings names by property name, as from a file with columns' {
        $row = [pscustomobject] @{ Name = 'spare'; HostName = 'surface1'; Destination = 'surface2' }
        ($row | Test-Migration -Window 40ms -Epoch 20ms).Destination | Should -Be 'surface2'
        ($row | Invoke-PreRecordMigration -WhatIf).Destination | Should -Be 'surface2'
        ($row | Start-Migration -WhatIf).Destination | Should -Be 'surface2'
        ($row | Start-PreRecord -Window 20ms | Stop-PreRecord -PassThru).Name | Should -Be 'spare'
        ($row | Get-MigrationDomain).HostName | Should -Be 'surface1'
        ([pscustomobject] @{ Name = 'surface2' } | Get-MigrationHost).Name | Should -Be 'surface2'
        ([pscustomobject] @{ Name = 'made'; HostName = 'surface2' } | New-SimulatedDomain -Memory 4MB -Workload Idle).Name | Should -Be 'made'
        $rows = @($row, [pscustomobject] @{ Name = 'spare'; HostName = 'surface1'; Destination = 'nowhere' })
        $planned = $rows | Invoke-PreRecordMigration -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        @($planned).Count | Should -Be 1
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostNotFound,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
    }

    It 'brings hosts to Get-MigrationDomain: their domains are meant' {
        (Get-MigrationHost surface1 | Get-MigrationDomain sp*).Name | Should -Be 'spare'
        (Get-MigrationHost surface? | Get-MigrationDomain).HostName | Should -Contain 'surface2'
    }

    It 'takes a domain for its migrations by its name, never by its number' {
        $null = New-SimulatedDomain meant -HostName surface1 -Memory 8MB -Workload Idle
        $null = Start-Migration meant surface2 -Method PostCopy | Wait-Migration
        $domain = Get-MigrationDomain meant
        $domain.Id | Should -BeGreaterThan 0
        foreach ($found in @($domain | Get-Migration)) {
            $found.DomainName | Should -Be 'meant'
        }

        Get-MigrationDomain spare | Stop-Migration -Force -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'MigrationNotFound,PreRecordMigration.Cmdlets.StopMigrationCommand'
        $failed[0].TargetObject | Should -Be 'spare'
    }

    It 'brings recordings to whatever looks at them' {
        @($recorded | Measure-PageOrder -Order Auto, Sequential).Count | Should -Be 2
        ($recorded | Get-PageOrder).DomainName | Should -Be 'surface'
        ($recorded | Get-PageBackup).DomainName | Should -Be 'surface'
        ($recorded | Get-RemotePF).DomainName | Should -Be 'surface'
    }

    It 'brings handles to Get-, Wait- and Stop-Migration' {
        $null = New-SimulatedDomain handle -HostName surface1 -Memory 8MB -Workload Idle
        $handle = Start-Migration handle surface2 -Method PostCopy
        ($handle | Get-Migration).Id | Should -Be $handle.Id
        ($handle | Wait-Migration).DomainName | Should -Be 'handle'
        $handle | Stop-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'MigrationNotStoppable,PreRecordMigration.Cmdlets.StopMigrationCommand'
    }
}

Describe 'Connect-MigrationHost' {
    It 'returns a host that is known already' {
        $known = Connect-MigrationHost surface1
        $known.Name | Should -Be 'surface1'
        $known.Hypervisor | Should -Be 'Simulated'
    }
}

Describe 'Completion of <_>' -ForEach $exported {
    It 'never fails, whatever was typed so far' {
        $completed = @((Get-Command $_).Parameters.Values).Where({
                $_.Attributes.Where({ $_ -is [System.Management.Automation.ArgumentCompleterAttribute] }) })
        foreach ($parameter in $completed) {
            $type = $parameter.Attributes.Where({ $_ -is [System.Management.Automation.ArgumentCompleterAttribute] })[0].Type
            $completer = [System.Activator]::CreateInstance($type)
            foreach ($word in '', 'sur', '*', '[', '[a', '`', '$(', "'", '"x', 'a b', $null) {
                $ast = [System.Management.Automation.Language.Parser]::ParseInput("$_ ", [ref] $null, [ref] $null).EndBlock.Statements[0].PipelineElements[0]
                $null = @($completer.CompleteArgument("$_", $parameter.Name, $word, $ast, @{}))
            }
        }
    }
}
