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
$known = 'HostName', 'Address', 'Port', 'Certificate', 'TrustedCertificate', 'PeerTimeout'
foreach ($receiver in $receivers) {
    foreach ($key in $receiver.PSObject.Properties.Name) {
        if ($key -notin $known) {
            throw [System.FormatException]::new("'$Settings' has a '$key', which is no setting of a receiver. It may have: $($known -join ', ').")
        }
    }
}

$null = $receivers | Start-MigrationReceiver
$options = @{}
Get-MigrationConfiguration -Name BandwidthLimit, MaximumExposure, PeerTimeout | ForEach-Object { $options[$_.Name] = $_.Value }
[PreRecordMigration.Operations.ReceiverService]::Run([PreRecordMigration.Operations.Workspace]::OfProcess, [PreRecordMigration.Options.MigrationOptions] $options)
