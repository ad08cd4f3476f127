# The debug stream: what went over the wire and which state followed, for whoever looks for what went wrong.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))

    # A line of the debug stream: no part of it comes out of a domain, a file, or a credential.
    # What the other side does is told where it is in this process.
    $line = "^Opened 'traced' on 'debug1' \(Simulated\)\.$|^'(traced)?': (destination )?(sent|received) [A-Za-z]+ on (bulk|demand), [0-9,]+ bytes$|" +
        "^'traced': (destination )?state [A-Za-z]+ -> [A-Za-z]+$|^'traced': [A-Z][a-z]+\.$|" +
        "^'traced': (outputs (can be|are) held back|suspended at the checkpoint|accesses are recorded(, pages are backed up)?|" +
        'core state captured, \d+ pages|runs on after the checkpoint|epoch \d+ ended, \d+ accesses|' +
        "paused at the window's end|accesses are not recorded any more|the domain is about to be stopped|" +
        'the handover has (not )?been rehearsed|the domain runs there, after \d+ ms in which this process compiled \d+ methods|' +
        'round \d+ ended, \d+ pages to send and \d+ left|' +
        'the order knows nothing of address spaces|page tables read, \d+ address spaces, \d+ tables(, not all)?|' +
        'the rollback is proved by (a second witness \(\d+ pages written\) and )?\d+ pages compared, \d+ changed)$'
}

Describe '-Debug' {
    BeforeEach {
        $null = New-SimulatedHost debug1, debug2
        $null = New-SimulatedDomain traced -HostName debug1 -Memory 8MB -OperationsPerSecond 20000
    }

    AfterEach {
        Disconnect-MigrationHost debug1, debug2
    }

    It 'of Invoke-PreRecordMigration tells of every record, state and step' {
        $there = Invoke-Elsewhere 'Invoke-PreRecordMigration traced debug2 -Mode Rollback -Window 40ms -Epoch 20ms -Debug'
        $there.Errors.Count | Should -Be 0
        $told = $there.Debug.ForEach({ $_.Message })
        $told.Where({ $_ -notmatch $line }) -join "`n" | Should -BeExactly ''
        foreach ($record in 'sent Hello on bulk', 'sent Hello on demand', 'received Welcome on bulk', 'sent Prepare on bulk', 'received Prepared on bulk',
            'sent CoreState on bulk', 'received Restored on bulk', 'sent Commit on bulk', 'received Running on bulk', 'sent PushComplete on bulk',
            'received Complete on bulk', 'sent Released on bulk', 'received Settled on bulk') {
            @($told.Where({ $_ -match $record })).Count | Should -Be 1 -Because $record
        }

        $states = $told.Where({ $_ -match "': state " }).ForEach({ $_.Split(' ')[-1] })
        $states -join ' ' | Should -Be 'Preparing Open Open Committing Committed Running Draining Releasing Finished'
        @($told.Where({ $_ -match 'epoch \d ended' })).Count | Should -Be 2
        foreach ($record in 'sent Welcome on bulk', 'sent Welcome on demand', 'received Prepare on bulk', 'sent Prepared on bulk',
            'received CoreState on bulk', 'sent Restored on bulk', 'received Commit on bulk', 'sent Running on bulk', 'received PushComplete on bulk',
            'sent Complete on bulk', 'received Released on bulk', 'sent Settled on bulk') {
            @($told.Where({ $_ -match "destination $record" })).Count | Should -Be 1 -Because $record
        }

        $states = $told.Where({ $_ -match ': destination state ' }).ForEach({ $_.Split(' ')[-1] })
        $states -join ' ' | Should -Be 'Creating Collecting Restoring Restored Starting Running Running Finishing Completed Naming Finished'
    }

    It 'does not ask between two steps, and shows the phases too' {
        $told = @(Invoke-PreRecordMigration traced debug2 -Method PostCopy -Debug 5>&1)
        $told[-1].DomainName | Should -Be 'traced'
        $lines = $told[0..($told.Count - 2)].ForEach({ $_.Message })
        $lines.Where({ $_ -notmatch $line }) -join "`n" | Should -BeExactly ''
        $lines | Should -Contain "'traced': Handover."
    }

    It 'of Wait-Migration tells of a migration that another command started' {
        $there = Invoke-Elsewhere 'Start-Migration traced debug2 -Method PreCopy -BandwidthLimit 16MB | Wait-Migration -Debug'
        $there.Errors.Count | Should -Be 0
        $told = $there.Debug.ForEach({ $_.Message })
        $told.Where({ $_ -notmatch $line }) -join "`n" | Should -BeExactly ''
        $told -join "`n" | Should -Match 'state Releasing -> Finished'
    }

    It 'of Start-PreRecord tells of every step' {
        $there = Invoke-Elsewhere 'Start-PreRecord traced -Mode Rollback -Window 40ms -Epoch 20ms -Debug | Stop-PreRecord'
        $told = $there.Debug.ForEach({ $_.Message })
        $told.Where({ $_ -notmatch $line }) -join "`n" | Should -BeExactly ''
        $told.Where({ $_ -cmatch "^'traced': [a-z]" }).ForEach({ $_.Split("': ", 2, 'None')[1] })[0..3] -join '; ' |
            Should -Be 'outputs can be held back; suspended at the checkpoint; outputs are held back; accesses are recorded, pages are backed up'
    }

    It 'is what $DebugPreference says, too; without either nothing is written' {
        (Invoke-Elsewhere '$DebugPreference = "Continue"; Start-PreRecord traced -Mode Rollback -Window 20ms | Stop-PreRecord').Debug.Count | Should -BeGreaterThan 3
        (Invoke-Elsewhere 'Start-PreRecord traced -Mode Rollback -Window 20ms | Stop-PreRecord').Debug.Count | Should -Be 0
        (Invoke-Elsewhere '$DebugPreference = "Continue"; Start-PreRecord traced -Mode Rollback -Window 20ms -Debug:$false | Stop-PreRecord').Debug.Count | Should -Be 0
    }
}
