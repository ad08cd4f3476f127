# docs/powershell.md names the test of every convention and of every cmdlet: what it names must be there.

BeforeDiscovery {
    $exported = [System.IO.File]::ReadAllLines([System.IO.Path]::Combine($PSScriptRoot, 'Exports.txt')).ForEach({ $_.Split(' ')[0] })
}

BeforeAll {
    $root = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', '..'))
    $lines = [System.IO.File]::ReadAllLines([System.IO.Path]::Combine($root, 'docs', 'powershell.md'))

    # The test files that a cell names, each with the titles behind it.
    function Get-Named([string] $cell) {
        foreach ($part in [regex]::Matches($cell, '(?<file>`tests/unit/[A-Za-z/]+`|\b[A-Za-z]+\.Tests\b): (?<titles>(\*[^*]+\*(, )?)+)')) {
            $file = $part.Groups['file'].Value.Trim('`')
            $path = if ($file.StartsWith('tests/')) { "$file.cs" } else { "tests/acceptance/$file.ps1" }
            foreach ($title in [regex]::Matches($part.Groups['titles'].Value, '\*([^*]+)\*')) {
                [pscustomobject] @{ Path = [System.IO.Path]::Combine($root, $path); Title = $title.Groups[1].Value }
            }
        }
    }

    function Test-Named($named) {
        $text = [System.IO.File]::ReadAllText($named.Path).Replace("''", "'")
        $needle = if ($named.Path.EndsWith('.cs')) { "$($named.Title)(" } else { "It '$($named.Title)'" }
        $text.Contains($needle, [StringComparison]::Ordinal) | Should -BeTrue -Because "$($named.Path) has no test '$($named.Title)'"
    }
}

Describe 'The rule of <_>' -ForEach 'identity', 'binding', 'files', 'addresses', 'units' {
    It 'is a sentence, and names tests that there are' {
        $kind = $_
        $row = @($lines.Where({ $_.StartsWith("| $kind | ") }))
        $row.Count | Should -Be 1
        $row[0].Split(' | ')[1] | Should -Match '^[A-Z].*\.$'
        $named = @(Get-Named $row[0])
        $named.Count | Should -BeGreaterThan 0
        foreach ($test in $named) {
            Test-Named $test
        }
    }
}

Describe 'docs/architecture.md' {
    It 'names every folder that there is: <_>' -ForEach '.', 'src', 'src/Migration', 'native', 'tests', 'tools' {
        $text = [System.IO.File]::ReadAllText([System.IO.Path]::Combine($root, 'docs', 'architecture.md'))
        foreach ($entry in git -C $root ls-tree --name-only HEAD "$_/") {
            $name = [System.IO.Path]::GetFileName($entry)
            if ([System.IO.Path]::GetExtension($name) -or $name -in 'docs', 'src', 'native', 'LICENSE', 'demo', 'run') {
                continue
            }

            $text | Should -Match ('`[a-z/A-Z]*' + [regex]::Escape($name) + '`') -Because "$entry is there"
        }
    }

    It 'names no folder of the repository that is not there' {
        foreach ($file in 'docs/architecture.md', 'docs/operating.md', 'docs/powershell.md', 'README.md') {
            $text = [System.IO.File]::ReadAllText([System.IO.Path]::Combine($root, $file))
            foreach ($path in [regex]::Matches($text, '`((?:src|native|module|tests|tools|docs)(?:/[A-Za-z0-9._-]+)+)`').ForEach({ $_.Groups[1].Value })) {
                @('', '.cs', '.ps1').Where({ Test-Path -LiteralPath ([System.IO.Path]::Combine($root, "$path$_")) }).Count |
                    Should -BeGreaterThan 0 -Because "$file names $path"
            }
        }
    }
}

Describe 'The repository' {
    It 'claims no address of its own: it has none yet' {
        $manifest = Import-PowerShellDataFile ([System.IO.Path]::Combine($root, 'module', 'PreRecordMigration.psd1'))
        $manifest.ContainsKey('HelpInfoURI') | Should -BeFalse
        $manifest.PrivateData.PSData.ContainsKey('ProjectUri') | Should -BeFalse
        foreach ($command in (Get-Module PreRecordMigration).ExportedCmdlets.Values) {
            $command.HelpUri | Should -BeNullOrEmpty
        }

        $addresses = git -C $root grep -hoE 'https?://[A-Za-z0-9./_-]+' -- '*.md' '*.psd1' '*.psm1' '*.txt' '*.cs' '*.csproj' '*.props' README.md
        @($addresses).Where({ $_ -notmatch '^https?://(www\.apache\.org/licenses|schemas\.|www\.w3\.org|www\.gnu\.org)' }) | Should -BeNullOrEmpty
    }

    It 'has no central package version that no project uses, and no project but the engine and the cmdlets' {
        $projects = @(git -C $root ls-files '*.csproj').ForEach({ [System.IO.File]::ReadAllText([System.IO.Path]::Combine($root, $_)) }) -join "`n"
        $versions = ([xml] [System.IO.File]::ReadAllText([System.IO.Path]::Combine($root, 'Directory.Packages.props'))).SelectNodes('//PackageVersion')
        $versions.Count | Should -BeGreaterThan 5
        foreach ($version in $versions) {
            $projects.Contains("PackageReference Include=`"$($version.Include)`"", [StringComparison]::Ordinal) | Should -BeTrue -Because $version.Include
        }

        git -C $root ls-tree --name-only HEAD src/ | Should -Be 'src/Cmdlets', 'src/Migration'
    }

    It 'leaves recordings that were tried out of what is committed' {
        git -C $root check-ignore -q web04.prerecord
        $LASTEXITCODE | Should -Be 0
    }
}

Describe 'The table of conventions' {
    It 'names tests that there are, in every row' {
        $start = [Array]::IndexOf($lines, '| expectation | proved by |')
        $rows = 0
        for ($at = $start + 2; $lines[$at].StartsWith('|'); $at++) {
            $rows++
            $named = @(Get-Named $lines[$at])

            # One convention is a benchmark's: time is not a test's business.
            if ($lines[$at] -notmatch 'import under half a second') {
                $named.Count | Should -BeGreaterThan 0 -Because $lines[$at]
            }

            foreach ($test in $named) {
                Test-Named $test
            }
        }

        $rows | Should -BeGreaterThan 30
    }
}

Describe 'The row of <_>' -ForEach $exported {
    It 'names a test of every kind' {
        $command = $_
        $row = @($lines.Where({ $_.StartsWith("| ``$command`` |") }))
        $row.Count | Should -Be 1
        $cells = $row[0].Trim('|').Split(' | ').ForEach({ $_.Trim() })
        $cells.Count | Should -Be 5
        foreach ($kind in 1, 2, 4) {
            $cells[$kind] | Should -Not -Be '–'
        }

        $cells[3] -ne '–' | Should -Be (Get-Command $command).Parameters.ContainsKey('WhatIf')
        $named = @(Get-Named $row[0])
        $named.Count | Should -Be (@($cells.Where({ $_ -ne '–' })).Count - 1)
        foreach ($test in $named) {
            Test-Named $test
        }
    }
}
