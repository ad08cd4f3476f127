# Runs the acceptance tests in a real pwsh with Pester 5 and writes the totals; called by run.
$ErrorActionPreference = 'Stop'
Import-Module Pester -MinimumVersion 5.0 -MaximumVersion 5.99
Import-Module $env:PRERECORD_MANIFEST
$configuration = New-PesterConfiguration
$configuration.Run.Path = $env:PRERECORD_TESTS
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Detailed'
$result = Invoke-Pester -Configuration $configuration
$failed = $result.FailedCount + $result.FailedBlocksCount + $result.FailedContainersCount
@{ passed = $result.PassedCount; failed = $failed; skipped = $result.SkippedCount } |
    ConvertTo-Json | Set-Content -Path $env:PRERECORD_RESULT
exit [Math]::Min($failed, 100)
