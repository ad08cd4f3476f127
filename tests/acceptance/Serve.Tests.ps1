# The script by which the lab has one PowerShell in dom0 run many commands (tests/lab/images/share/serve.ps1), in a process of its own.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    $module = (Get-Module PreRecordMigration).ModuleBase
    $script = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', 'lab', 'images', 'share', 'serve.ps1'))

    # One process for all tests, as in the lab.
    $start = New-FreshStart $script
    '-Module', $module | ForEach-Object { $start.ArgumentList.Add($_) }
    $served = [System.Diagnostics.Process]::Start($start)
    $state = @{ Id = 0 }
    $served.StandardOutput.ReadLine() | Should -BeExactly '{"ready":true}'

    function Send-Line($message) {
        $served.StandardInput.WriteLine((ConvertTo-Json $message -Compress))
    }

    # Sends a command; returns its number.
    function Send-Command([string] $command) {
        $state.Id++
        Send-Line @{ id = $state.Id; command = $command }
        $state.Id
    }

    # The answers to commands that were sent, which come in their order.
    function Receive-Answer([int[]] $id) {
        foreach ($one in $id) {
            $answer = ConvertFrom-Json $served.StandardOutput.ReadLine()
            $answer.id | Should -Be $one
            $answer
        }
    }

    # Runs commands to their end.
    function Invoke-Served([string[]] $command) {
        Receive-Answer $command.ForEach({ Send-Command $_ })
    }
}

AfterAll {
    # With its input it ends, and has said nothing but its answers.
    $served.StandardInput.Close()
    $rest = $served.StandardOutput.ReadToEnd() + $served.StandardError.ReadToEnd()
    $served.WaitForExit()
    $code = $served.ExitCode
    $served.Dispose()
    "$code $rest" | Should -BeExactly '0 '
}

Describe 'Serving' {
    It 'answers in order, keeps a session, and gives each command a scope of its own' {
        $answers = Invoke-Served '$x = 2; "x is $x"', '"x is $x"', '$null = New-SimulatedHost served', '(Get-MigrationHost served).Name', "'ü'; 'no end of line'"
        $answers.exitCode | Should -Be @(0, 0, 0, 0, 0)
        $answers.stdout | Should -BeExactly @("x is 2`n", "x is `n", '', "served`n", "ü`nno end of line`n")
        -join $answers.stderr | Should -BeExactly ''
    }

    It 'formats output as in a terminal of 120 columns' {
        $answers = Invoke-Served '[pscustomobject] @{ Name = "one"; State = "Running" } | Format-Table', '[pscustomobject] @{ Long = "x" * 200 }'
        $answers[0].stdout.Trim() | Should -BeExactly "Name State`n---- -----`none  Running"
        $answers[1].stdout.Split("`n").ForEach({ $_.Length }) | Measure-Object -Maximum | ForEach-Object Maximum | Should -Be 120
    }

    It 'says of an error its id and its remedy, with what was printed before, and goes on: <Command>' -ForEach @(
        @{ Command = "'before'; Get-MigrationHost nowhere"; Code = 1; Says = 'Get-MigrationHost: .*nowhere', 'error id: HostNotFound', 'recommended: \w' }
        @{ Command = "'before'; Get-MigrationHost nowhere -ErrorAction Stop; 'after'"; Code = 1; Says = 'error id: HostNotFound', 'recommended: \w' }
        @{ Command = "'before'; Get-MigrationHost nowhere; 'after'"; Code = 0; Says = 'error id: HostNotFound' }
        @{ Command = "'before'; throw 'thrown'"; Code = 1; Says = 'thrown' }
        @{ Command = "'before'; sh -c 'exit 3'"; Code = 1; Says = '' }
        @{ Command = 'if ('; Code = 1; Says = 'Missing' }
        @{ Command = '1 +'; Code = 1; Says = 'value expression' }
        @{ Command = "'before'; Read-Host"; Code = 1; Says = 'user interaction' }
    ) {
        $answers = Invoke-Served $Command, "'next'"
        $answers.exitCode | Should -Be @($Code, 0)
        $answers[0].stdout | Should -BeExactly ($Command -match '^.before.' ? ($Command -match 'after' -and $Code -eq 0 ? "before`nafter`n" : "before`n") : '')
        $Says | ForEach-Object { $answers[0].stderr | Should -Match $_ }
        $answers[1].stdout | Should -BeExactly "next`n"
    }

    It 'passes on warnings, information and what is asked for' {
        $answers = Invoke-Served "Write-Warning 'careful'; Write-Host 'by the way'; Write-Verbose 'step' -Verbose; Write-Debug 'never'"
        $answers[0].stderr | Should -BeExactly "WARNING: careful`nby the way`nVERBOSE: step`n"
        $answers[0].stdout | Should -BeExactly ''
    }

    It 'stops what runs, as Ctrl+C does, and runs nothing that was cancelled before its turn' {
        $begun = "$TestDrive/begun"
        $first = Send-Command "'printed'; try { [IO.File]::WriteAllText('$begun', ''); while (`$true) { } } finally { [IO.File]::WriteAllText('$begun.undone', '') }"
        $second = Send-Command "'never'"
        $third = Send-Command "'third'"
        while (-not [System.IO.File]::Exists($begun) -and -not $served.HasExited) {
            $null = [System.Threading.Thread]::Yield()
        }

        Send-Line @{ cancel = $second }
        Send-Line @{ cancel = $first }

        # One that has not come, and one that has been answered, hit nothing.
        Send-Line @{ cancel = $third + 1 }
        Send-Line @{ cancel = $first - 1 }
        $fourth = Send-Command "'fourth'"
        $answers = Receive-Answer $first, $second, $third, $fourth
        $answers.exitCode | Should -Be @(130, 130, 0, 0)
        $answers.cancelled | Should -Be @($true, $true, $false, $false)
        $answers[1..3].stdout | Should -BeExactly @('', "third`n", "fourth`n")
        [System.IO.File]::Exists("$begun.undone") | Should -BeTrue
    }
}
