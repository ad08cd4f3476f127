@{
    RootModule           = 'PreRecordMigration.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '5e2f7d0a-5a37-4c0b-9b43-8a0f7c8f3f61'
    Author               = 'The PreRecordMigration contributors'
    CompanyName          = 'The PreRecordMigration contributors'
    Copyright            = '(c) The PreRecordMigration contributors. Apache-2.0.'
    Description          = 'Moves running Xen domains to another host by pre-record migration: recorded pages travel first, the rest follows on remote page faults. A simulated hypervisor runs anywhere.'
    CompatiblePSEditions = @('Core')
    PowerShellVersion    = '7.6'
    FormatsToProcess     = @('PreRecordMigration.Format.ps1xml')
    FunctionsToExport    = @()
    CmdletsToExport      = @(
        'Connect-MigrationHost'
        'Disable-RemotePF'
        'Disconnect-MigrationHost'
        'Enable-RemotePF'
        'Export-MigrationReport'
        'Export-PreRecord'
        'Get-Migration'
        'Get-MigrationConfiguration'
        'Get-MigrationDomain'
        'Get-MigrationHost'
        'Get-MigrationReceiver'
        'Get-PageBackup'
        'Get-PageOrder'
        'Get-PreRecord'
        'Get-RemotePF'
        'Import-PreRecord'
        'Invoke-PreRecordMigration'
        'Measure-Migration'
        'Measure-PageOrder'
        'New-MigrationCertificate'
        'New-SimulatedDomain'
        'New-SimulatedHost'
        'Restore-PageBackup'
        'Resume-Migration'
        'Set-Migration'
        'Set-MigrationConfiguration'
        'Set-PageOrder'
        'Start-Migration'
        'Start-MigrationReceiver'
        'Start-PreRecord'
        'Stop-Migration'
        'Stop-MigrationReceiver'
        'Stop-PreRecord'
        'Test-Migration'
        'Test-MigrationHost'
        'Wait-Migration'
        'Wait-MigrationReceiver'
    )
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags         = @('Xen', 'Migration', 'LiveMigration', 'PostCopy', 'PreCopy', 'Virtualization', 'PSEdition_Core', 'Linux')
            LicenseUri   = 'https://www.apache.org/licenses/LICENSE-2.0'
            ReleaseNotes = 'What has changed is in CHANGELOG.md, in the folder of the module.'
        }
    }
}
