<#
.SYNOPSIS
Installs, checks or removes the service that takes migrations into this host.

.DESCRIPTION
The service is a systemd unit, prerecord-receiver.service. It starts what /etc/prerecord/receiver.json says, comes back when it is killed, and is
told to end in order. -Install writes the unit, and the settings where there are none; -Check says what is wrong with what is installed;
-Remove takes the unit away and leaves the settings. systemctl is told where the unit is this machine's own; with -Root nothing is told.

The module of the Debian package has its unit already: -Install leaves that as it is, and -Remove leaves it to apt. A unit of the host's own, which
another module's -Install writes, goes before it.

.PARAMETER Install
Writes the unit and the settings, and has systemd start the service now and at each boot.

.PARAMETER Check
Returns an object for each thing that the service needs, with whether it is so and what to do where it is not.

.PARAMETER Remove
Has systemd stop the service, and takes the unit away.

.PARAMETER Address
The address that the receiver listens at; in new settings loopback where it is not given. Beyond loopback it needs the certificates that
/etc/prerecord/settings.json names. Settings that are there and name another one stay, and nothing is installed, unless -Force is given.

.PARAMETER Port
The port, in the same way; 7000 in new settings where it is not given.

.PARAMETER Root
The folder that / stands for: to prepare an image, or to look at what would be written.

.PARAMETER Force
Writes over a unit that differs from what would be written, and changes settings that are there to the -Address and -Port that are given; what
else they say stays.

.EXAMPLE
./service/ReceiverService.ps1 -Install -Address 10.77.0.2

Has this host take migrations in at 10.77.0.2, port 7000, from now on.

.EXAMPLE
./service/ReceiverService.ps1 -Check | Format-Table

Shows what the service needs, and what of it is not so.

.EXAMPLE
./service/ReceiverService.ps1 -Remove

Ends the service in order: a domain that has left its source is waited for.
#>
[CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = 'Check')]
param(
    [Parameter(Mandatory, ParameterSetName = 'Install')] [switch] $Install,
    [Parameter(ParameterSetName = 'Check')] [switch] $Check,
    [Parameter(Mandatory, ParameterSetName = 'Remove')] [switch] $Remove,
    [Parameter(ParameterSetName = 'Install')] [ValidateNotNull()] [System.Net.IPAddress] $Address = '127.0.0.1',
    [Parameter(ParameterSetName = 'Install')] [ValidateRange(1, 65535)] [int] $Port = 7000,
    [ValidateNotNullOrEmpty()] [string] $Root = '/',
    [Parameter(ParameterSetName = 'Install')] [switch] $Force
)

$ErrorActionPreference = 'Stop'
Import-Module ([System.IO.Path]::Combine($PSScriptRoot, '..', 'PreRecordMigration.psd1'))

$name = 'prerecord-receiver.service'
$package = 'prerecord-migration'
$Root = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Root)
$unit = [System.IO.Path]::Combine($Root, 'etc/systemd/system', $name)
$packaged = [System.IO.Path]::Combine($Root, 'lib/systemd/system', $name)
$settings = [System.IO.Path]::Combine($Root, 'etc/prerecord/receiver.json')
$isOwn = $Root -eq '/'
$module = [System.IO.Directory]::GetParent($PSScriptRoot)
$entry = [System.IO.Path]::Combine($PSScriptRoot, 'Receive.ps1')

function Stop-WithError([string] $id, [string] $category, [string] $message, [string] $remedy, $target) {
    $record = [System.Management.Automation.ErrorRecord]::new([System.InvalidOperationException]::new($message), $id, $category, $target)
    $record.ErrorDetails = [System.Management.Automation.ErrorDetails]::new($message)
    $record.ErrorDetails.RecommendedAction = $remedy
    $PSCmdlet.ThrowTerminatingError($record)
}

# The program that this script runs in, and its script where it is none of its own.
function Get-PowerShellCommand {
    $program = [Environment]::ProcessPath
    [System.IO.Path]::GetFileName($program) -eq 'dotnet' ? @($program, [Environment]::GetCommandLineArgs()[0]) : @($program)
}

# A word as systemd takes it for one.
function Get-UnitWord([string] $word) {
    '"' + $word.Replace('\', '\\').Replace('"', '\"').Replace('%', '%%').Replace('$', '$$') + '"'
}

function Get-Unit {
    $command = @(Get-PowerShellCommand) + '-NoProfile', '-NonInteractive', '-File', $entry
    $text = [System.IO.File]::ReadAllText([System.IO.Path]::Combine($PSScriptRoot, $name))
    $text.Replace('@COMMAND@', ($command.ForEach({ Get-UnitWord $_ }) -join ' '))
}

# The program of a unit, its script where it is none of its own, and what they run. Nothing where the unit has another form than that of this module.
function Get-UnitFiles([string] $path) {
    $line = [regex]::Match([System.IO.File]::ReadAllText($path), '(?m)^ExecStart=(.*)$').Groups[1].Value
    $words = @([regex]::Matches($line, '"((?:[^"\\]|\\.)*)"').ForEach({ [regex]::Replace($_.Groups[1].Value, '\\(.)|(%)%|(\$)\$', '$1$2$3') }))
    $last = $words.IndexOf('-NoProfile')
    if ($last -gt 0 -and $words[-2] -eq '-File') {
        @($words[0..($last - 1)]) + $words[-1]
    }
}

# Whether the unit that counts is the package's, and whether what it runs is this module.
function Test-Packaged { -not [System.IO.File]::Exists($unit) -and [System.IO.File]::Exists($packaged) }
function Test-OfPackage {
    $real = $module.ResolveLinkTarget($true) ?? $module
    (Test-Packaged) -and [System.IO.Path]::Join($Root, @(Get-UnitFiles $packaged)[-1]) -eq [System.IO.Path]::Combine($real.FullName, 'service', 'Receive.ps1')
}

# A file that root runs or believes, or why it is not to be.
function Get-Distrust([string] $path) {
    try {
        [PreRecordMigration.Files.TrustedFile]::Find($path) ? $null : "There is no '$path'."
    }
    catch [PreRecordMigration.Errors.MigrationException] {
        "$($_.Exception.Message) $($_.Exception.Remedy)"
    }
}

function Invoke-Systemctl([string[]] $arguments) {
    $said = & systemctl @arguments 2>&1
    if ($LASTEXITCODE -ne 0) {
        Stop-WithError 'SystemdRefused' 'NotSpecified' "systemctl $arguments failed: $($said -join ' ')" "Look at systemctl status $name, and at journalctl -u $name." $name
    }
}

# Whether it is to be done. Where somebody is to be asked and nobody is there to answer, it is not.
function Confirm-Step([string] $path, [string] $action) {
    try {
        $script:PSCmdlet.ShouldProcess($path, $action)
    }
    catch [System.Management.Automation.MethodInvocationException] {
        # At the end of its input PowerShell's own host has no answer and no error for it.
        $reason = $_.Exception.InnerException -is [System.NullReferenceException] ? 'the input is at its end' : $_.Exception.InnerException.Message.TrimEnd('.')
        Stop-WithError 'NobodyToAsk' 'InvalidOperation' "Nobody can be asked whether to go on: $reason. Nothing was changed." 'Leave -Confirm out, or run it at a terminal.' $path
    }
}

# What the settings are to be; null where they stay as they are.
function Get-NewSettings($given) {
    if (-not [System.IO.File]::Exists($settings)) {
        return @{ Address = "$Address"; Port = $Port } | ConvertTo-Json
    }

    if ($given.Count -eq 0) {
        return $null
    }

    try {
        $there = [System.IO.File]::ReadAllText($settings) | ConvertFrom-Json
    }
    catch [System.ArgumentException] {
        Stop-WithError 'SettingsNotUnderstood' 'InvalidData' "'$settings' is there already, and is no JSON: $($_.Exception.Message)" 'Mend it, or remove it: then new ones are written.' $settings
    }

    $receivers = @($there).Where({ $_ -is [pscustomobject] })
    if ($receivers.Count -ne 1) {
        Stop-WithError 'SettingsExist' 'ResourceExists' "'$settings' is there already, and names $($receivers.Count) receivers: which of them is meant is not said." 'Change it there, and leave out -Address and -Port.' $settings
    }

    $receiver = $receivers[0]
    if (-not $given.Keys.Where({ "$($receiver.$_)" -cne "$($given[$_])" })) {
        return $null
    }

    if (-not $Force) {
        $now = $given.Keys.ForEach({ "$_ $($receiver.$_ ?? 'none')" }) -join ', '
        Stop-WithError 'SettingsExist' 'ResourceExists' "'$settings' is there already, and says something else: $now." 'ReceiverService.ps1 -Install -Force with the same -Address and -Port changes it there; without these two it stays as it is.' $settings
    }

    foreach ($key in $given.Keys) {
        $receiver | Add-Member -NotePropertyName $key -NotePropertyValue ($key -eq 'Port' ? $given[$key] : "$($given[$key])") -Force
    }

    ConvertTo-Json $there -Depth 5
}

function Write-File([string] $path, [string] $text) {
    $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($path))
    $partial = "$path.$([guid]::NewGuid().ToString('N'))"
    $options = [System.IO.FileStreamOptions] @{ Mode = 'CreateNew'; Access = 'Write'; UnixCreateMode = [System.IO.UnixFileMode] 'UserRead, UserWrite, GroupRead, OtherRead' }
    try {
        $writer = [System.IO.StreamWriter]::new($partial, [System.Text.UTF8Encoding]::new($false), $options)
        try { $writer.Write($text) } finally { $writer.Dispose() }
        [System.IO.File]::Move($partial, $path, $true)
    }
    finally {
        [System.IO.File]::Delete($partial)
    }
}

function Test-Receiver {
    # A Debian package brings the unit along, and of it what is below the root; another one of that name goes before it.
    $isPackaged = Test-Packaged
    $hasUnit = $isPackaged -or [System.IO.File]::Exists($unit)
    $isCurrent = $isPackaged -or ($hasUnit -and [System.IO.File]::ReadAllText($unit) -ceq (Get-Unit))
    $programs = @($isPackaged ? @(Get-UnitFiles $packaged).ForEach({ [System.IO.Path]::Join($Root, $_) }) : $hasUnit ? @(Get-UnitFiles $unit) : @(Get-PowerShellCommand) + $entry)
    $findings = @(
        @{ Name = 'Unit'; Problem = $hasUnit ? ($isCurrent ? $null : "'$unit' is not what this module writes.") : "There is no '$unit'."
            Remedy = $hasUnit ? 'ReceiverService.ps1 -Install -Force writes it anew.' : 'ReceiverService.ps1 -Install writes it.' }
        @{ Name = 'Settings'; Problem = Get-Distrust $settings; Remedy = 'ReceiverService.ps1 -Install writes them where there are none.' }
    ) + $programs.ForEach({ @{ Name = 'Program'; Problem = Get-Distrust $_; Remedy = 'Install PowerShell and the module where only root may write.' } })
    if ($isOwn) {
        $state = [System.IO.Directory]::Exists('/run/systemd/system') ? (& systemctl is-active $name 2>&1) : 'systemd is not running'
        $findings += @{ Name = 'Service'; Problem = "$state" -eq 'active' ? $null : "The service is not active: $state."; Remedy = "systemctl status $name says why; systemctl start $name starts it." }
    }

    foreach ($finding in $findings) {
        [pscustomobject] @{ PSTypeName = 'PreRecordMigration.ServiceFinding'; Name = $finding.Name; IsRight = $null -eq $finding.Problem
            Problem = $finding.Problem; Remedy = $finding.Problem ? $finding.Remedy : $null }
    }
}

if ($Install) {
    if ($isOwn -and -not [System.IO.Directory]::Exists('/run/systemd/system')) {
        Stop-WithError 'SystemdNotRunning' 'ResourceUnavailable' 'systemd does not run here, so that it cannot start a service.' 'Give -Root a folder to see what would be written, and have what starts services here run the unit''s ExecStart.' $unit
    }

    foreach ($path in @(Get-PowerShellCommand) + $entry) {
        if ($reason = Get-Distrust $path) {
            Stop-WithError 'FileNotTrusted' 'PermissionDenied' "The service would run '$path' as root. $reason" 'Install PowerShell and the module where only root may write.' $path
        }
    }

    $text = (Test-OfPackage) ? $null : (Get-Unit)
    if ($text -and [System.IO.File]::Exists($unit) -and [System.IO.File]::ReadAllText($unit) -cne $text -and -not $Force) {
        Stop-WithError 'FileExists' 'ResourceExists' "'$unit' is there, and differs from what would be written." 'Look at the differences; -Force writes over it.' $unit
    }

    $given = @{}
    foreach ($key in 'Address', 'Port') {
        if ($PSBoundParameters.ContainsKey($key)) { $given[$key] = $PSBoundParameters[$key] }
    }

    $new = Get-NewSettings $given
    $action = 'Install the service that takes migrations in' + ($new ? " and write its settings, '$settings'" : '')
    if (Confirm-Step ($text ? $unit : $packaged) $action) {
        if ($new) {
            Write-File $settings "$new`n"
        }

        if ($text) {
            Write-File $unit $text
        }

        if ($isOwn) {
            Invoke-Systemctl 'daemon-reload'
            Invoke-Systemctl 'enable', $name
            Invoke-Systemctl 'restart', $name
        }

        Test-Receiver
    }
}
elseif ($Remove) {
    if (Test-Packaged) {
        Stop-WithError 'ServiceIsPackaged' 'InvalidOperation' "The service is that of the package ${package}: '$packaged'." "apt remove $package takes it away; systemctl disable --now $name ends it in order, and leaves it installed." $packaged
    }

    if (-not [System.IO.File]::Exists($unit)) {
        Stop-WithError 'ServiceNotInstalled' 'ObjectNotFound' "There is no '$unit': the service is not installed." 'There is nothing to remove.' $unit
    }

    if (Confirm-Step $unit 'Stop and remove the service that takes migrations in') {
        if ($isOwn) {
            # Waits for what has left its source.
            Invoke-Systemctl 'disable', '--now', $name
        }

        [System.IO.File]::Delete($unit)
        if ($isOwn) {
            Invoke-Systemctl 'daemon-reload'
        }
    }
}
else {
    Test-Receiver
}
