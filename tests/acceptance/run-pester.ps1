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
$result = Invoke-Pester -Configuration $configuration
$failed = $result.FailedCount + $result.FailedBlocksCount + $result.FailedContainersCount
"acceptance: $($result.PassedCount) passed, $failed failed, $($result.SkippedCount) skipped"
exit [int] ($failed -gt 0 -or $result.PassedCount -eq 0)
