# What stands for ssh: a shell of this machine that has an environment of its own, and the way to its loopback. Dot-sourced.

function Write-Program([string] $file, [string] $script) {
    [System.IO.File]::WriteAllText($file, "#!/bin/bash`n$script`n")
    [System.IO.File]::SetUnixFileMode($file, [System.IO.UnixFileMode] 'UserRead, UserWrite, UserExecute')
}

# What ssh and its server do. Each start is a line with its process in PROGRAM.started; $there is done first on the other machine.
function Write-Ssh([string] $file, [string] $there = '') {
    Write-Program $file @"
echo `$`$ >> '$file.started'
while [ "`$1" != -W ] && [ "`$1" != -- ]; do shift; done
if [ "`$1" = -- ]; then
    [ "`$2" = root@xen2 ] || exit 255
    $there
    eval "`$3"
    exit
fi
exec 3<> "/dev/tcp/127.0.0.1/`${2#127.0.0.1:}" || exit 255
cat <&0 >&3 &
cat <&3
kill `$! 2> /dev/null
"@
}

# Whether a process runs; one that nobody has waited for yet does not.
function Test-Running([string] $id) {
    try { [System.IO.File]::ReadAllText("/proc/$id/stat") -notmatch '\) [ZX] ' } catch [System.IO.IOException] { $false }
}

# Waits until it does not.
function Wait-Gone([string] $id) {
    while (Test-Running $id) { $null = [System.Threading.Thread]::Yield() }
}
