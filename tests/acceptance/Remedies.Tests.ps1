# What is said where silence, or something that does not fit, would mislead.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $null = New-SimulatedHost say1, say2, say3
    $null = New-SimulatedDomain said, twin -HostName say1 -Memory 4MB -Workload Idle
    function Complete([string] $line) {
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText
    }
}

AfterAll {
    Disconnect-MigrationHost say1, say2, say3 -ErrorAction SilentlyContinue
}

Describe 'Certificates that are configured and not used' {
    BeforeAll {
        $null = New-MigrationCertificate said -Path $TestDrive
        Set-MigrationConfiguration CertificatePath "$TestDrive/said.pem"
        Set-MigrationConfiguration TrustedCertificatePath "$TestDrive/said.pem"
    }

    AfterAll {
        Set-MigrationConfiguration CertificatePath -Clear
        Set-MigrationConfiguration TrustedCertificatePath -Clear
    }

    AfterEach {
        Stop-MigrationReceiver say2 -ErrorAction SilentlyContinue
    }

    It 'are warned of by a receiver on loopback' {
        $null = Start-MigrationReceiver say2 -WarningAction SilentlyContinue -WarningVariable warned
        @($warned).Count | Should -Be 1
        "$warned" | Should -Match "'$([regex]::Escape("$TestDrive/said.pem"))' is not used: at 127\.0\.0\.1:0 this receiver takes what comes"
    }

    It 'are none where a receiver is given one' {
        $null = Start-MigrationReceiver say2 -Certificate "$TestDrive/said.pem" -WarningAction SilentlyContinue -WarningVariable warned
        $warned | Should -BeNullOrEmpty
    }

    It 'are warned of by a move, once: <Case>' -ForEach @(
        @{ Case = 'loopback'; Command = { Invoke-PreRecordMigration said*, twin "localhost:$($receiver.Port)" -WhatIf @heard }; Why = "is on this machine's loopback" }
        @{ Case = 'another host of this session'; Command = { Invoke-PreRecordMigration said*, twin say3 -WhatIf @heard }; Why = "'say3' is a host of this session" }
        @{ Case = 'a handle'; Command = { Start-Migration said*, twin say3 -WhatIf @heard }; Why = "'say3' is a host of this session" }
    ) {
        $receiver = Start-MigrationReceiver say2 -WarningAction SilentlyContinue
        $heard = @{ WarningAction = 'SilentlyContinue'; WarningVariable = 'script:warned' }
        $null = & $Command
        @($warned).Count | Should -Be 1
        "$warned" | Should -Match "said\.pem' is not used: .*$Why"
    }

    It 'are none where nothing is configured' {
        Set-MigrationConfiguration CertificatePath -Clear
        Set-MigrationConfiguration TrustedCertificatePath -Clear
        try {
            $null = Start-MigrationReceiver say2 -WarningAction SilentlyContinue -WarningVariable warned
            $null = Invoke-PreRecordMigration said say3 -WhatIf -WarningAction SilentlyContinue -WarningVariable +warned
            $warned | Should -BeNullOrEmpty
        }
        finally {
            Set-MigrationConfiguration CertificatePath "$TestDrive/said.pem"
            Set-MigrationConfiguration TrustedCertificatePath "$TestDrive/said.pem"
        }
    }

    It 'are warned of by a resumption that goes another way' {
        $null = New-SimulatedDomain again -HostName say1 -Memory 8MB -OperationsPerSecond 20000
        $receiver = Start-MigrationReceiver say2 -WarningAction SilentlyContinue
        (Get-SimulatedHost say2).Faults.Fail('Place', 2)
        Invoke-PreRecordMigration again say2 -Method PostCopy -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
        $null = Resume-Migration again -Destination "localhost:$($receiver.Port)" -WarningAction SilentlyContinue -WarningVariable warned | Wait-Migration
        "$warned" | Should -Match "said\.pem' is not used"
    }
}

Describe 'What has ended' {
    BeforeAll {
        $null = New-SimulatedDomain endedwell, endedbadly -HostName say1 -Memory 4MB -Workload Idle
        $null = Invoke-PreRecordMigration endedwell say2 -Method PostCopy
        (Get-SimulatedHost say3).Faults.Fail('Restore', 1)
        Invoke-PreRecordMigration endedbadly say3 -Method PostCopy -ErrorAction SilentlyContinue
    }

    It 'is not stopped or resumed, and what it came to is said: <Name>' -ForEach @(
        @{ Name = 'endedwell'; Says = "it is Completed\. 'endedwell' is wholly at 'say2'" }
        @{ Name = 'endedbadly'; Says = "it is Failed\. 'endedbadly' runs at 'say1'" }
    ) {
        $id = (Get-Migration $Name).Id
        foreach ($given in @{ Name = $Name }, @{ Id = $id }, @{ InputObject = (Get-Migration $Name) }) {
            Stop-Migration @given -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
            $failed[0].FullyQualifiedErrorId | Should -Match '^MigrationNotStoppable,'
            $failed[0].Exception.Message | Should -Match $Says
            $failed[0].ErrorDetails.RecommendedAction | Should -Be "There is nothing left to do about it; Get-Migration -Id $id has what it did."
            Resume-Migration @given -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
            $failed[0].FullyQualifiedErrorId | Should -Match '^MigrationNotInterrupted,'
            $failed[0].Exception.Message | Should -Match $Says
            $failed[0].ErrorDetails.RecommendedAction | Should -Match "Get-Migration -Id $id has what it did"
        }
    }

    It 'is waited for by saying again what it came to' {
        (Wait-Migration endedwell).Destination | Should -Be 'say2'
        Wait-Migration endedbadly -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        $failed[0].Exception.Message | Should -Match 'Restore'
    }

    It 'leaves nothing to stop, to resume or to wait for, which is said where nothing was named' {
        Stop-Migration -WarningAction SilentlyContinue -WarningVariable warned | Should -BeNullOrEmpty
        "$warned" | Should -Match 'nothing was stopped'
        Resume-Migration -WarningAction SilentlyContinue -WarningVariable warned | Should -BeNullOrEmpty
        "$warned" | Should -Match 'nothing was resumed'
        Wait-Migration -WarningAction SilentlyContinue -WarningVariable warned | Should -BeNullOrEmpty
        "$warned" | Should -Match 'nothing to wait for'
    }

    It 'was a receiver: <_>' -ForEach 'Stop-MigrationReceiver', 'Wait-MigrationReceiver' {
        $command = $_
        $ended = Start-MigrationReceiver say2
        Stop-MigrationReceiver say2
        foreach ($given in { & $command say2 @quiet }, { $ended | & $command @quiet }) {
            $quiet = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'script:failed' }
            & $given | Should -BeNullOrEmpty
            $failed[0].FullyQualifiedErrorId | Should -Match '^ReceiverNotFound,'
            $failed[0].Exception.Message | Should -Match "'say2' has no receiver"
        }
    }
}

Describe 'A remedy' {
    It 'fits a name that is taken' {
        New-SimulatedDomain said -HostName say1 -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DomainExists,PreRecordMigration.Cmdlets.NewSimulatedDomainCommand'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match '^Give the new one another name.*Disconnect-MigrationHost say1'
        New-SimulatedDomain said -HostName say1 -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^DomainExists,'
    }

    It 'fits a file that is to be read: <Case>' -ForEach @(
        @{ Case = 'a certificate'; Command = { Start-MigrationReceiver say1 -Certificate "$TestDrive/none.pem" -TrustedCertificate ('A' * 64) @quiet }; Remedy = 'New-MigrationCertificate makes' }
        @{ Case = 'one that is trusted'; Command = { Connect-MigrationHost x -Address 192.0.2.1:7000 -TrustedCertificate "$TestDrive/none.pem" -Certificate "$TestDrive/none.pem" @quiet }; Remedy = 'brought from there' }
        @{ Case = 'a recording'; Command = { Import-PreRecord "$TestDrive/none" @quiet }; Remedy = '^Give the path of a file that is there\. -LiteralPath' }
        @{ Case = 'a recording to measure'; Command = { Measure-PageOrder "$TestDrive/none" @quiet }; Remedy = '^Give the path of a file that is there\.' }
    ) {
        $quiet = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'script:failed' }
        & $Command
        $failed[0].FullyQualifiedErrorId | Should -Match '^FileNotFound,'
        $failed[0].Exception.Message | Should -Match "There is no (certificate )?file '$([regex]::Escape($TestDrive))/none(\.pem)?'\."
        $failed[0].ErrorDetails.RecommendedAction | Should -Match $Remedy
    }

    It 'lists what is taken: no parameter has a choice that it refuses' {
        foreach ($command in (Get-Module PreRecordMigration).ExportedCmdlets.Values) {
            foreach ($parameter in $command.Parameters.Values) {
                $type = $parameter.ParameterType.IsArray ? $parameter.ParameterType.GetElementType() : $parameter.ParameterType
                if ($type.IsEnum -and $type.FullName -match '^PreRecordMigration') {
                    foreach ($set in $parameter.Attributes.Where({ $_ -is [System.Management.Automation.ValidateSetAttribute] })) {
                        $set.ValidValues | Sort-Object | Should -Be ([enum]::GetNames($type) | Sort-Object) -Because "$command -$($parameter.Name)"
                    }
                }
            }
        }

        { New-SimulatedDomain x say1 -Workload Walk } | Should -Throw '*Idle, Sequential, HotSet, ManyProcesses, Strided*'
        { New-SimulatedHost x -Without Wings } | Should -Throw '*Recording, Rollback, OutputIsolation, DirtyTracking, RemotePF, SeveralVcpus, InPlaceRollback*'
    }
}

Describe 'A recording from a file' {
    It 'is held until never' {
        $null = Start-PreRecord said -Mode Observe -Window 20ms -Epoch 10ms | Export-PreRecord "$TestDrive/said.prerecord"
        $read = Import-PreRecord "$TestDrive/said.prerecord"
        $read.HeldUntil | Should -BeNullOrEmpty
        $read | Format-List | Out-String | Should -Not -Match '0001'
        $read | Format-Table | Out-String | Should -Not -Match '0001'
        ($read | ConvertTo-Csv)[1] | Should -Not -Match '0001'
    }
}

Describe 'Completion of -Destination' {
    It 'leaves out where the domain is: <Line>' -ForEach @(
        @{ Line = 'Invoke-PreRecordMigration said -Destination sa'; Offered = 'say2 say3' }
        @{ Line = 'Invoke-PreRecordMigration said sa'; Offered = 'say2 say3' }
        @{ Line = 'Test-Migration -Name said, twin -Destination sa'; Offered = 'say2 say3' }
        @{ Line = 'Start-Migration -HostName say3 -Destination sa'; Offered = 'say1 say2' }
        @{ Line = 'Invoke-PreRecordMigration nobody -Destination sa'; Offered = 'say1 say2 say3' }
        @{ Line = 'Enable-RemotePF -Destination sa'; Offered = 'say1 say2 say3' }
    ) {
        (Complete $Line) -join ' ' | Should -Be $Offered
    }

    It 'offers all hosts for a domain that is on several' {
        $null = New-SimulatedDomain double -HostName say1 -Memory 4MB -Workload Idle
        $null = New-SimulatedDomain double -HostName say2 -Memory 4MB -Workload Idle
        (Complete 'Invoke-PreRecordMigration double -Destination sa') -join ' ' | Should -Be 'say1 say2 say3'
    }
}
