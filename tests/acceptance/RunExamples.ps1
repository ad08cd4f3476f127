# Runs the examples of the help, each with the hosts, domains and files that it speaks of, in a process of its own whose console is
# a pipe: what is printed is what a person sees. Before each stands its number.
param([string] $manifest, [string] $folder)

Import-Module $manifest
. ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
Set-Location $folder
$PSStyle.OutputRendering = 'PlainText'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'

function Move-Slowly([string] $name, [string] $method) { Start-Migration $name xen2 -Method $method -BandwidthLimit 1MB/s }
function Wait-Until([scriptblock] $condition) { while (-not (& $condition)) { $null = [System.Threading.Thread]::Yield() } }
function Start-Move([string] $name, [string] $to) {
    $null = Start-ThreadJob { Import-Module $using:manifest; Invoke-PreRecordMigration $using:name $using:to -Method PostCopy }
}

# What an example needs beyond two hosts and three domains, by its cmdlet and what it says; the last row that fits.
$before = [ordered] @{
    '^Connect-MigrationHost xen2|-Certificate xen' = { $null = 'xen1', 'xen2' | New-MigrationCertificate -Path . -Force }
    '> Connect-MigrationHost xen2'                 = {
        'xen1', 'xen2' | New-MigrationCertificate -Path . -Force | Out-Null
        Disconnect-MigrationHost xen2
    }
    '> Disconnect-MigrationHost'                   = { $null = New-SimulatedHost sim1, sim2 }
    '> (\$file = )?\$recorded \|'                   = { $script:recorded = Start-PreRecord web01 -Mode Rollback }
    'Restore-PageBackup -Verbose'                  = {
        Disconnect-MigrationHost xen1
        $null = New-SimulatedHost xen1 -Without InPlaceRollback
        $null = New-SimulatedDomain web01 -HostName xen1 -Memory 32MB
        $script:recorded = Start-PreRecord web01 -Mode Rollback
    }
    '^Get-Migration> Get-Migration$'                = {
        $stopped = Move-Slowly web02 PreCopy
        $null = $stopped | Stop-Migration
        $null = Invoke-PreRecordMigration web02 xen2 -Method PostCopy
    }
    '> \(Get-Migration web01\)'                     = { $null = Invoke-PreRecordMigration web01 xen2 -Method PostCopy -BandwidthLimit 32MB/s }
    '> \(?Get-MigrationReceiver'                    = {
        $receiver = Start-MigrationReceiver xen2 -Port 7000
        $null = Invoke-PreRecordMigration web01 "localhost:$($receiver.Port)" -Method PostCopy
        Wait-Until { (Get-MigrationReceiver xen2).Incoming[0].State -eq 'Finished' }
    }
    '> Get-PreRecord'                               = { $null = Start-PreRecord web01 -Mode Rollback -Window 100ms; $null = Start-PreRecord web03 -Window 100ms }
    '> Get-RemotePF'                                = { $null = Move-Slowly web02 PostCopy; Wait-Until { "$((Get-RemotePF).State)" -eq 'Running' } }
    '\*\.prerecord'                                = { Start-PreRecord web01 -Window 1s -Epoch 50ms | Export-PreRecord web01.prerecord -Force | Out-Null }
    'trace\.csv'                                   = { Start-PreRecord web01 -Window 200ms -Epoch 10ms | Export-PreRecord trace.csv -Force | Out-Null }
    '^Resume-Migration>'                            = {
        $null = Start-MigrationReceiver xen2 -Port 7001
        (Get-SimulatedHost xen2).Faults.Fail('Place', 2)
        Invoke-PreRecordMigration web01 localhost:7001 -Method PostCopy -ErrorAction SilentlyContinue
        Wait-Until { "$((Get-MigrationDomain 'web01*' -HostName xen2).State)" -eq 'Paused' }
    }
    '-TakeOver'                                    = {
        $null = Start-MigrationReceiver xen2
        (Get-SimulatedHost xen2).Faults.Fail('Place', 2)
        Invoke-PreRecordMigration web01 xen2 -Method PostCopy -ErrorAction SilentlyContinue
        (Get-SimulatedHost xen1).KillTool()
        Wait-Until { "$((Get-MigrationDomain 'web01*' -HostName xen2).State)" -eq 'Paused' }
    }
    'Get-Migration web02 \| Stop'                  = { $null = Move-Slowly web02 PreCopy }
    'Get-Migration web02 \| Set|Set-Migration web02' = { $null = Move-Slowly web02 PostCopy }
    'Set-MigrationConfiguration Window -Clear'     = { Set-MigrationConfiguration Window 750ms }
    'Stop-MigrationReceiver'                       = { $null = Start-MigrationReceiver xen2 }
    '> Stop-PreRecord'                              = { $null = Start-PreRecord web01 -Window 100ms }
    'Incompatibilities|xen3'                       = {
        Disconnect-MigrationHost xen2
        $null = New-SimulatedHost xen2, xen3 -Without RemotePF
    }
    '> New-MigrationCertificate'                   = { Remove-Item *.pem, *.key }
    '> New-SimulatedHost'                           = { Disconnect-MigrationHost xen1, xen2 }
    '> New-SimulatedDomain'                         = { Disconnect-MigrationHost xen1; $null = New-SimulatedHost xen1 }
    '> Wait-Migration web\*'                        = { $null = Get-MigrationDomain web* | Start-Migration -Destination xen2 -Method PostCopy }
    '> Start-MigrationReceiver xen2 -Port 7000 \|'  = {
        $null = Start-ThreadJob {
            Import-Module $using:manifest
            while (-not (Get-MigrationReceiver xen2 -ErrorAction Ignore)) { $null = [System.Threading.Thread]::Yield() }
            Invoke-PreRecordMigration web01 localhost:7000 -Method PostCopy
        }
    }
    '> Wait-MigrationReceiver'                      = { $null = Start-MigrationReceiver xen2 -Port 7000; Start-Move web02 localhost:7000 }
}

$number = 0
$help = [xml] [System.IO.File]::ReadAllText([System.IO.Path]::Combine([System.IO.Path]::GetDirectoryName($manifest), 'en-US', 'PreRecordMigration.Cmdlets.dll-Help.xml'))
foreach ($example in $help.SelectNodes('//*[local-name()="example"]')) {
    $number++
    $cmdlet = $example.SelectSingleNode('ancestor::*[local-name()="command"]/*[local-name()="details"]/*[local-name()="name"]').InnerText
    "##### $number"

    # Xen is not here, the network of the examples neither; a folder of the system is nobody's to try things in.
    $code = $example.code.Replace('10.77.0.2', '127.0.0.1').Replace('/etc/prerecord', '.')
    if ($code -eq 'Connect-MigrationHost') {
        continue
    }

    $null = New-SimulatedHost xen1, xen2
    $null = New-SimulatedDomain web01, web02, web03 -HostName xen1 -Memory 32MB
    $setUp = @($before.Keys.Where({ "$cmdlet> $code" -match $_ }))
    if ($setUp) {
        . $before[$setUp[-1]]
    }

    '#####'
    try {
        . ([scriptblock]::Create($code)) | Out-Default
    }
    catch {
        "FAILED: $_"
    }

    '#####'
    Get-PreRecord -ErrorAction Ignore | Stop-PreRecord
    Get-Migration | Where-Object State -In Running, Interrupted | Stop-Migration -Force -ErrorAction Ignore | Out-Null
    Get-Migration | Where-Object State -NotIn Completed, Failed, Stopped | Wait-Migration -ErrorAction Ignore | Out-Null
    Get-MigrationReceiver -ErrorAction Ignore | Stop-MigrationReceiver
    Set-MigrationConfiguration Window -Clear
    Disconnect-MigrationHost * -ErrorAction Ignore
}
