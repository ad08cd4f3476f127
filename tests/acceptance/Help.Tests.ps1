# The examples of the help print now what the help shows: each is run, in a process of its own, as it is written.

BeforeDiscovery {
    $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'en-US', 'PreRecordMigration.Cmdlets.dll-Help.xml')
    $number = 0
    $examples = foreach ($example in ([xml] [System.IO.File]::ReadAllText($path)).SelectNodes('//*[local-name()="example"]')) {
        $number++
        @{
            Number = $number
            Code   = $example.code
            Shown  = (@($example.remarks.para).ForEach({ $_ -is [string] ? $_ : $_.'#text' }) -join "`n")
        }
    }
}

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    $script = [System.IO.Path]::Combine($TestDrive, 'run.ps1')
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    [System.IO.File]::WriteAllText($script, "& '$PSScriptRoot/RunExamples.ps1' '$manifest' '$TestDrive'")
    $printed = [regex]::Split((Invoke-Fresh $script -Alone).Output, '(?m)^##### \d+\r?\n')

    # Table heads, which are the same at every run, and what would be done.
    function Get-Heads([string] $text) {
        $lines = $text.Split("`n").TrimEnd()
        for ($at = 0; $at -lt $lines.Count; $at++) {
            if ($lines[$at] -match '^What if: ' -or ($at + 1 -lt $lines.Count -and $lines[$at + 1] -match '^ *-+( +-+)* *$')) {
                [regex]::Replace($lines[$at], '\d+ ms', '# ms')
            }
        }
    }
}

Describe 'Example <Number> of the help, <Code>' -ForEach $examples {
    It 'prints what the help shows' {
        $Shown | Should -Not -Match '…|<>' -Because 'nobody learns from what is cut off'
        $own = ($printed[$Number] -split '(?m)^#####\r?\n')
        if ($Code -eq 'Connect-MigrationHost') {
            $own.Count | Should -Be 1 -Because 'Xen is not here'
            return
        }

        $own[1] | Should -Not -Match '^FAILED: '
        (Get-Heads $Shown) -join "`n" | Should -BeExactly ((Get-Heads $own[1]) -join "`n")
    }
}
