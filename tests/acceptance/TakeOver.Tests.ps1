# The process that moved a domain is killed after the commit: Resume-Migration -TakeOver goes on with its migration.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $null = New-SimulatedHost taken1, taken2
    $null = Start-MigrationReceiver taken2
    $place = [PreRecordMigration.Simulated.SimulatedCall]::Place

    # A migration that fails at the destination once pages arrive there, and whose process at the source is killed then.
    function Start-Killed([string] $name, [string] $destination = 'taken2') {
        $null = New-SimulatedDomain $name -HostName taken1 -Memory 8MB -OperationsPerSecond 20000
        (Get-SimulatedHost $destination).Faults.Fail($place, 2)
        Invoke-PreRecordMigration $name $destination -Method PostCopy -ErrorAction SilentlyContinue
        (Get-SimulatedHost taken1).KillTool()
        while ("$((Get-MigrationDomain "$name*" -HostName $destination).State)" -ne 'Paused') {
            $null = [System.Threading.Thread]::Yield()
        }
    }
}

AfterAll {
    # What the killed process had cannot be given up any more, and is not listed after that.
    Get-Migration | Where-Object State -EQ Interrupted | Stop-Migration -Force -ErrorAction SilentlyContinue
    Get-MigrationReceiver taken2 | Stop-MigrationReceiver -Force
    Disconnect-MigrationHost taken1, taken2, alone
}

Describe 'Resume-Migration -TakeOver' {
    It 'is what a refusal names, changes nothing with -WhatIf, and goes on to the end' {
        Start-Killed taken
        Get-MigrationDomain taken -HostName taken1 | Start-PreRecord -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^DomainState,'
        $refused[0].ErrorDetails.RecommendedAction | Should -Match 'Resume-Migration taken -TakeOver'
        Resume-Migration taken -TakeOver -Destination taken2 -HostName taken1 -WhatIf | Should -BeNullOrEmpty
        "$((Get-MigrationDomain taken -HostName taken1).State)" | Should -Be 'Suspended'

        $handle = Resume-Migration taken -TakeOver -Destination taken2 -HostName taken1
        $handle.PSObject.TypeNames[0] | Should -Be 'PreRecordMigration.Operations.MigrationInfo'
        "$($handle.Method)" | Should -Be 'PostCopy'
        $result = $handle | Wait-Migration
        $result.DomainName | Should -Be 'taken'
        "$((Get-Migration -Id $handle.Id).State)" | Should -Be 'Completed'
        Get-MigrationDomain taken* -HostName taken1 | Should -BeNullOrEmpty
        "$((Get-MigrationDomain taken -HostName taken2).State)" | Should -Be 'Running'
        (Get-SimulatedHost taken2).Violations.Count | Should -Be 0
    }

    It 'refuses a domain that was not leaving, which runs on' {
        $null = New-SimulatedDomain staying -HostName taken1 -Memory 8MB -OperationsPerSecond 20000
        Resume-Migration staying -TakeOver -Destination taken2 -HostName taken1 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^DomainState,'
        $refused[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        Resume-Migration staying -TakeOver -HostName taken1 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^DomainState,'
        "$((Get-MigrationDomain staying -HostName taken1).State)" | Should -Be 'Running'
    }

    It 'refuses a command that makes no sense, by <Id>' -ForEach @(
        @{ Id = 'HostNameOfTakenOver'; Arguments = @{ Name = 'taken'; HostName = 'taken1' } }
        @{ Id = 'TakeOverNeedsName'; Arguments = @{ TakeOver = $true; Destination = 'taken2' } }
    ) {
        { Resume-Migration @Arguments } | Should -Throw -ErrorId "$Id,*"
    }

    It 'goes where the killed process went, as that noted it' {
        Start-Killed noted
        (Resume-Migration noted -TakeOver -HostName taken1 | Wait-Migration).DomainName | Should -Be 'noted'
        "$((Get-MigrationDomain noted -HostName taken2).State)" | Should -Be 'Running'
    }

    It 'needs the destination where another process could not go there' {
        $null = New-SimulatedHost alone
        Start-Killed lost -Destination alone
        Resume-Migration lost -TakeOver -HostName taken1 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^TakeOverNeedsDestination,'
        $refused[0].ErrorDetails.RecommendedAction | Should -Match 'Resume-Migration lost -TakeOver -Destination'
    }

    It 'says how the destination gets a receiver, and takes nothing over before: a host of this session' {
        Start-Killed unheard
        $command = 'Resume-Migration unheard -TakeOver -HostName taken1 -Destination taken1'
        try {
            Invoke-Expression $command
            'nothing was refused' | Should -Be 'an error'
        }
        catch {
            $_.FullyQualifiedErrorId | Should -Match '^ReceiverNotFound,'
            $_.ErrorDetails.RecommendedAction | Should -Match "Start-MigrationReceiver taken1 makes one listen; then repeat $command\.$"
        }

        $null = Resume-Migration unheard -TakeOver -Destination taken2 -HostName taken1 | Wait-Migration
        "$((Get-MigrationDomain unheard -HostName taken2).State)" | Should -Be 'Running'
    }

    It 'is repeated where nothing listened at the destination, which the error says' {
        Start-Killed patient
        $closed = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
        $closed.Start()
        $port = $closed.LocalEndpoint.Port
        $closed.Stop()
        $taken = Resume-Migration patient -TakeOver -HostName taken1 -Destination "localhost:$port"
        $taken | Wait-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^DestinationUnreachable,'
        $failed[0].Exception.Message | Should -Match 'at the destination with at least what has arrived\.$'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match 'Start-MigrationReceiver.*Resume-Migration patient -Destination PLACE in this session, Resume-Migration patient -TakeOver -Destination PLACE'

        # The same command, to where the receiver is.
        $again = Resume-Migration patient -TakeOver -HostName taken1 -Destination taken2
        $again.InstanceId | Should -Be $taken.InstanceId
        ($again | Wait-Migration).DomainName | Should -Be 'patient'
        "$((Get-MigrationDomain patient -HostName taken2).State)" | Should -Be 'Running'
        (Get-SimulatedHost taken2).Violations.Count | Should -Be 0
    }

    It 'has an error for a domain that is not there' {
        Resume-Migration nobody -TakeOver -Destination taken2 -HostName taken1 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^DomainNotFound,'
    }
}
