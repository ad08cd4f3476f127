# Runs test files with Pester and prints their totals; called by run.
param(
    [string] $Pester,
    [string] $Manifest,
    [Parameter(ValueFromRemainingArguments)] [string[]] $Path
)

$ErrorActionPreference = 'Stop'
Import-Module $Pester, $Manifest
$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Detailed'

# What the module keeps for as long as the machine runs is kept for as long as the tests do.
$runtime = [System.IO.Directory]::CreateTempSubdirectory('prerecord-run-').FullName
$env:PRERECORD_RUNTIME_DIRECTORY = $runtime

# So is what it keeps for longer, and nothing is told to the machine's journal.
$env:PRERECORD_STATE_DIRECTORY = [System.IO.Path]::Combine($runtime, 'state')
$env:PRERECORD_JOURNAL_SOCKET = [System.IO.Path]::Combine($runtime, 'no-journal')

# What a fresh process is given as its settings: a file that nobody else may write, whatever the umask is.
[System.IO.File]::WriteAllText("$runtime/NoSettings.json", '{}')
try {
    $result = Invoke-Pester -Configuration $configuration
}
finally {
    [System.IO.Directory]::Delete($runtime, $true)
}

$failed = $result.FailedCount + $result.FailedBlocksCount + $result.FailedContainersCount
"acceptance: $($result.PassedCount) passed, $failed failed, $($result.SkippedCount) skipped"
exit [int] ($failed -gt 0 -or $result.PassedCount -eq 0)
