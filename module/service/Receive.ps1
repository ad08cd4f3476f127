# What the unit prerecord-receiver.service runs: starts the receivers that a settings file names, says so to systemd, and stays until it is
# told to end. What has not been committed by then is given up, what has is waited for; a process that is killed is started again.
[CmdletBinding()]
param(
    # The settings: one receiver, or a list of them, each with the parameters of Start-MigrationReceiver.
    [string] $Settings = '/etc/prerecord/receiver.json'
)

$ErrorActionPreference = 'Stop'
Import-Module ([System.IO.Path]::Combine($PSScriptRoot, '..', 'PreRecordMigration.psd1'))

$content = [PreRecordMigration.Files.TrustedFile]::TryRead($Settings, 64KB)
if ($null -eq $content) {
    throw [System.IO.FileNotFoundException]::new("There is no '$Settings': the receiver does not know where to listen. ReceiverService.ps1 -Install writes one.")
}

try {
    $receivers = @([System.Text.Encoding]::UTF8.GetString($content) | ConvertFrom-Json).Where({ $null -ne $_ })
}
catch [System.ArgumentException] {
    throw [System.FormatException]::new("'$Settings' is no JSON: $($_.Exception.Message)")
}

if ($receivers.Count -eq 0) {
    throw [System.FormatException]::new("'$Settings' names no receiver.")
}

# A row of a table may have other columns; a setting that means nothing is a mistake.
$known = 'HostName', 'Address', 'Port', 'Certificate', 'TrustedCertificate', 'PeerTimeout', 'MetricsFile'
foreach ($receiver in $receivers) {
    foreach ($key in $receiver.PSObject.Properties.Name) {
        if ($key -notin $known) {
            throw [System.FormatException]::new("'$Settings' has a '$key', which is no setting of a receiver. It may have: $($known -join ', ').")
        }
    }
}

# The process has one, beside whichever receiver it is named.
$metrics = @($receivers.ForEach({ $_.MetricsFile }).Where({ $null -ne $_ }))
if ($metrics.Count -gt 1 -or ($metrics -and -not ($metrics[0] -is [string] -and [System.IO.Path]::IsPathFullyQualified($metrics[0])))) {
    throw [System.FormatException]::new("'$Settings' has a MetricsFile that is not one full path: $($metrics -join ', ').")
}

$null = $receivers | Select-Object * -ExcludeProperty MetricsFile | Start-MigrationReceiver
$options = @{}
Get-MigrationConfiguration -Name BandwidthLimit, MaximumExposure, PeerTimeout | ForEach-Object { $options[$_.Name] = $_.Value }
$workspace = [PreRecordMigration.Operations.Workspace]::OfProcess
$file = $metrics ? [PreRecordMigration.Operations.MetricsFile]::Start($metrics[0]) : $null
try {
    [PreRecordMigration.Operations.ReceiverService]::Run($workspace, [PreRecordMigration.Options.MigrationOptions] $options)
}
finally {
    if ($file) {
        $file.Dispose()
    }
}
