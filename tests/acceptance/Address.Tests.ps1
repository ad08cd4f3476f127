# Addresses: one rule wherever one stands. Four plain decimal numbers, an IPv6 address in brackets, or a name; anything else is
# refused by saying what to write. The engine's HostAddressTests have every notation; here is that each place keeps the rule.

BeforeDiscovery {
    $notations = '7000', '127.1', '010.077.000.002', '0x7f.0.0.1', '127.0.0.256', '10.0.0.0.1', '[127.0.0.1]', '[::1', 'fe80::1%nowhere', 'a..b', '-x.example'
}

BeforeAll {
    $null = New-SimulatedHost address1, address2
    $null = New-SimulatedDomain addressed -HostName address1 -Memory 4MB -Workload Idle
    $null = New-MigrationCertificate one -Path $TestDrive
    $null = New-MigrationCertificate two -Path $TestDrive
    $one = [System.IO.Path]::Combine($TestDrive, 'one.pem')
    $two = [System.IO.Path]::Combine($TestDrive, 'two.pem')
}

AfterAll {
    Get-MigrationReceiver address* | Stop-MigrationReceiver
    Disconnect-MigrationHost address1, address2
}

Describe 'The address <_>' -ForEach $notations {
    BeforeEach {
        $notation = $_
        function Get-Refusal([scriptblock] $command) {
            try {
                $null = & $command
                'nothing was refused' | Should -Be 'an error'
            }
            catch {
                "$($_.Exception.Message) $($_.ErrorDetails.RecommendedAction)"
            }
        }
    }

    It 'is refused wherever an address stands, by saying what to write' {
        Get-Refusal { Start-MigrationReceiver address2 -Address $notation -ErrorAction Stop } | Should -Match 'Write four decimal numbers'
        Get-Refusal { Connect-MigrationHost far -Address "${notation}:7000" -Certificate $one -TrustedCertificate $two -ErrorAction Stop } | Should -Match 'Write four decimal numbers'
        Get-Refusal { Invoke-PreRecordMigration addressed "${notation}:7000" -ErrorAction Stop } | Should -Match 'Write four decimal numbers'
        Get-Refusal { Start-Migration addressed "${notation}:7000" -ErrorAction Stop } | Should -Match 'Write four decimal numbers'
        Get-Refusal { Test-Migration addressed "${notation}:7000" -ErrorAction Stop } | Should -Match 'Write four decimal numbers'
        Get-MigrationReceiver address* | Should -BeNullOrEmpty
    }
}

Describe 'A receiver''s address' {
    AfterEach {
        Get-MigrationReceiver address2* | Stop-MigrationReceiver
    }

    It 'may be a number to PowerShell, and is refused all the same' {
        { Start-MigrationReceiver address2 -Address 7000 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
        { Start-MigrationReceiver address2 -Address 127.1 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
    }

    It 'is refused as a name, which may stand for several addresses; but localhost is loopback' {
        { Start-MigrationReceiver address2 -Address xen2.example.org } | Should -Throw -ExpectedMessage '*several addresses*'
        "$((Start-MigrationReceiver address2 -Address localhost).Endpoint.Address)" | Should -Be '127.0.0.1'
    }

    It 'needs no certificate on loopback: <Address>' -ForEach @(
        @{ Address = '127.0.0.1'; Expected = '127.0.0.1' }
        @{ Address = '127.8.9.10'; Expected = '127.8.9.10' }
        @{ Address = '::1'; Expected = '::1' }
        @{ Address = '[::1]'; Expected = '::1' }
        @{ Address = '[::1%lo]'; Expected = '::1' }
        @{ Address = '::ffff:127.0.0.1'; Expected = '127.0.0.1' }
        @{ Address = [System.Net.IPAddress]::Parse('::ffff:127.0.0.1'); Expected = '127.0.0.1' }
    ) {
        $receiver = Start-MigrationReceiver address2 -Address $Address
        "$($receiver.Endpoint.Address)".Split('%')[0] | Should -Be $Expected
        $destination = if ($Expected -eq '::1') { "[::1]:$($receiver.Port)" } else { "${Expected}:$($receiver.Port)" }
        $null = New-SimulatedDomain visiting -HostName address1 -Memory 4MB -Workload Idle
        (Invoke-PreRecordMigration visiting $destination -Method PostCopy).DomainName | Should -Be 'visiting'
        Stop-MigrationReceiver address2
        $null = Invoke-PreRecordMigration visiting address1 -Method PostCopy
        Disconnect-MigrationHost address1
        $null = New-SimulatedHost address1
        $null = New-SimulatedDomain addressed -HostName address1 -Memory 4MB -Workload Idle
    }

    It 'of all addresses, ::, takes both families in' {
        $receiver = Start-MigrationReceiver address2 -Address :: -Certificate $two -TrustedCertificate $one
        foreach ($family in '127.0.0.1', '[::1]') {
            $null = Connect-MigrationHost "far" -Address "${family}:$($receiver.Port)" -Certificate $one -TrustedCertificate $two
            (Test-MigrationHost far).IsAvailable | Should -BeTrue -Because $family
            Disconnect-MigrationHost far
        }
    }
}

Describe 'A destination''s address' {
    It 'is asked for its port where it has none: <_>' -ForEach '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]' {
        { Invoke-PreRecordMigration addressed $_ } | Should -Throw -ErrorId 'InvalidDestination,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand' -ExpectedMessage '*no port*'
    }

    It 'of ssh is refused where it ends in a number and is no address' {
        { Connect-MigrationHost far -SshTarget root@127.1 -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidOption,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
    }
}
