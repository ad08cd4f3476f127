# A Debian host that is a folder: dpkg installs into it, and runs the packages' scripts from here, told where it is (DPKG_ROOT). Dot-sourced.

$link = 'usr/local/share/powershell/Modules/PreRecordMigration'

# A host on which nothing is installed. With systemd, of which a script stands for systemctl, or without.
function New-DebianHost([object] $systemctl) {
    $folder = [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine($TestDrive, [guid]::NewGuid().ToString('N'))).FullName
    foreach ($part in @('host/var/lib/dpkg', 'bin') + @($null -eq $systemctl ? @() : 'host/run/systemd/system')) {
        $null = [System.IO.Directory]::CreateDirectory("$folder/$part")
    }

    # Nothing that is called here is told to this machine's.
    [System.IO.File]::WriteAllText("$folder/bin/systemctl", "#!/bin/sh`necho `"`$*`" >> '$folder/calls'`n$systemctl`n")
    [System.IO.File]::SetUnixFileMode("$folder/bin/systemctl", [System.IO.UnixFileMode] 'UserRead, UserWrite, UserExecute')
    "$folder/host"
}

# What dpkg and the package's scripts say.
function Invoke-Dpkg([string] $there, [string] $what, [string] $package) {
    $path = $env:PATH
    try {
        $env:PATH = "$([System.IO.Path]::GetDirectoryName($there))/bin:${path}:/usr/sbin:/sbin"
        $said = & dpkg "--root=$there" --force-script-chrootless --force-depends --log=/dev/null "--$what" $package 2>&1 | Out-String
        $LASTEXITCODE | Should -Be 0 -Because $said
        $said
    }
    finally {
        $env:PATH = $path
    }
}

# What systemctl was told since it was asked last.
function Get-Calls([string] $there) {
    $calls = "$([System.IO.Path]::GetDirectoryName($there))/calls"
    if ([System.IO.File]::Exists($calls)) {
        [System.IO.File]::ReadAllLines($calls).ForEach({ $_.Replace('prerecord-receiver.service', 'U') })
        [System.IO.File]::Delete($calls)
    }
}

# The files of the host that are none of dpkg's own.
function Get-Left([string] $there) {
    [System.IO.Directory]::GetFiles($there, '*', 'AllDirectories').ForEach({ $_.Substring($there.Length) }).Where({ $_ -notlike '/var/lib/dpkg/*' }) | Sort-Object
}
