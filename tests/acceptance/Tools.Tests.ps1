# Which PowerShell the demo, these tests and the lab run in. Every program that could be it is a stand-in that says what it was given.

BeforeAll {
    $tool = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'tools', 'pwsh'))

    function New-Program([string] $folder, [string] $name, [string] $text) {
        $null = New-Item -ItemType Directory -Force $folder
        Set-Content "$folder/$name" "#!/bin/sh`n$text"
        chmod +x "$folder/$name"
    }
}

Describe 'tools/pwsh' {
    BeforeAll {
        # What NuGet has got before: no network is asked for it.
        $packages = "$TestDrive/packages"
        $version = [regex]::Match((Get-Content -Raw $tool), '(?m)^version=(.*)$').Groups[1].Value
        $null = New-Item -ItemType Directory -Force "$packages/powershell/$version"
        $null = New-Item "$packages/powershell/$version/.nupkg.metadata"

        # All that is on the PATH behind what a test puts there: this machine may have a pwsh beside them.
        New-Program "$TestDrive/system" dotnet 'echo "dotnet $*"'
        foreach ($name in 'bash', 'dirname') {
            $null = New-Item -ItemType SymbolicLink "$TestDrive/system/$name" -Target (Get-Command $name).Source
        }

        function Invoke-Tool([string] $path) {
            env "PATH=${path}:$TestDrive/system" "NUGET_PACKAGES=$packages" bash $tool -Command '1 2'
        }

        $fromNuGet = "dotnet $packages/powershell/$version/tools/net10.0/any/unix/pwsh.dll -Command 1 2"
    }

    It 'is the one on the PATH where that is 7.6 or newer, else the one from NuGet: <Version>' -ForEach @(
        @{ Version = '7.6.0'; IsTaken = $true }
        @{ Version = '7.10.1'; IsTaken = $true }
        @{ Version = '8.0.0-preview.1'; IsTaken = $true }
        @{ Version = '7.5.9'; IsTaken = $false }
        @{ Version = '6.9.0'; IsTaken = $false }
        @{ Version = 'of another kind'; IsTaken = $false }
    ) {
        New-Program "$TestDrive/$Version" pwsh "[ `"`$1`" = -Version ] && echo 'PowerShell $Version' || echo `"this one `$*`""
        Invoke-Tool "$TestDrive/$Version" | Should -BeExactly ($IsTaken ? 'this one -Command 1 2' : $fromNuGet)
    }

    It 'looks on after one that is too old or does not start, and takes no account of itself' {
        New-Program "$TestDrive/old" pwsh 'echo PowerShell 7.4.0'
        New-Program "$TestDrive/broken" pwsh 'exit 3'
        New-Program "$TestDrive/good" pwsh '[ "$1" = -Version ] && echo PowerShell 7.6.1 || echo this one'
        $before = "$([System.IO.Path]::GetDirectoryName($tool)):$TestDrive/old:$TestDrive/broken"
        Invoke-Tool "${before}:$TestDrive/good" | Should -BeExactly 'this one'
        Invoke-Tool $before | Should -BeExactly $fromNuGet
    }
}

Describe 'What is run from the repository' {
    BeforeAll {
        $root = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', '..'))
    }

    It 'says how it is used before it builds anything: <Command> <Arguments>' -ForEach @(
        @{ Command = 'demo'; Arguments = , '-Foo'; Match = 'there is no -Foo\s+usage: ./demo \[-Workload' }
        @{ Command = 'demo'; Arguments = , '-Window'; Match = '-Window has no value\s+usage' }
        @{ Command = 'demo'; Arguments = '-Memory', '64MB', 'x'; Match = 'there is no x\s+usage' }
        @{ Command = 'demo'; Arguments = '-Window', 'nonsense'; Match = "-Window 'nonsense' is no length of time: give one such as 500ms\s+usage: ./demo" }
        @{ Command = 'demo'; Arguments = '-Epoch', '50ms', '-memory', 'much'; Match = "-Memory 'much' is no size" }
        @{ Command = 'demo'; Arguments = '-BandwidthLimit', 'none'; Match = "-BandwidthLimit 'none' is no rate" }
        @{ Command = 'demo'; Arguments = '-Workload', 'Hot'; Match = "there is no workload 'Hot', but Idle, .*HotSet" }
        @{ Command = 'packaging/build'; Arguments = , '--nosuch'; Match = "there is no '--nosuch'\s+usage: packaging/build" }
        @{ Command = 'packaging/test'; Arguments = , 'x'; Match = 'usage: packaging/test' }
        @{ Command = 'packaging/debian'; Arguments = , 'x'; Match = 'usage: packaging/debian' }
        @{ Command = 'native/interop/build.sh'; Arguments = , '--nosuch'; Match = 'usage: native/interop/build.sh' }
        @{ Command = 'tests/reliability'; Arguments = , 'x'; Match = '(?s)usage: bash tests/reliability \[each.*each +each second fault once.*NUMBER +so many of all' }
        @{ Command = 'tests/reliability'; Arguments = '1', '2'; Match = 'usage: bash tests/reliability \[each' }
        @{ Command = 'tests/acceptance/run'; Arguments = , 'nosuch'; Match = "'nosuch' is none of the tests: name a file of tests/acceptance" }
        @{ Command = 'tests/run'; Arguments = , '--nosuch'; Match = "there is no '--nosuch'\s+.*bash tests/run \[--lab" }
        @{ Command = 'tests/run'; Arguments = , '--lab-only'; Match = '--lab-only has no pattern\s+.*bash tests/run \[--lab' }
        @{ Command = 'tests/fuzz/run'; Arguments = , '--nosuch'; Match = "there is no '--nosuch'\s+.*tests/fuzz/run \[TARGET\]" }
        @{ Command = 'tests/fuzz/run'; Arguments = 'qmp', 'nosuch'; Match = "(?s)there is no 'nosuch'.*Targets: .* qmp " }
        @{ Command = 'tests/fuzz/run'; Arguments = 'qmp', '--executions', '--save'; Match = '--executions needs a number' }
        @{ Command = 'tests/fuzz/run'; Arguments = , '--seed'; Match = '--seed needs a number' }
        @{ Command = 'module/build.sh'; Arguments = , '--nosuch'; Match = "there is no '--nosuch'\s+usage: module/build.sh" }
        @{ Command = 'module/build.sh'; Arguments = , '--output'; Match = '--output has no value\s+usage: module/build.sh' }
        @{ Command = 'module/build.sh'; Arguments = '--output', '--ready-to-run'; Match = '--output has no value\s+usage: module/build.sh' }
    ) {
        # With nothing on the PATH that could build.
        $said = env "PATH=$TestDrive/none:/usr/bin:/bin" 'DOTNET_ROOT=/none' bash "$root/$Command" @Arguments 2>&1 | Out-String
        $LASTEXITCODE | Should -Be 2
        $said | Should -Match $Match
    }

    It 'tells how it is used where that is asked for: <_>' -ForEach @(
        'demo', 'module/build.sh', 'native/interop/build.sh', 'packaging/build', 'packaging/debian', 'packaging/test', 'tests/acceptance/run', 'tests/fuzz/run'
        'tests/reliability', 'tests/run'
    ) {
        $said = env "PATH=$TestDrive/none:/usr/bin:/bin" 'DOTNET_ROOT=/none' bash "$root/$_" --help 2>$null | Out-String
        $LASTEXITCODE | Should -Be 0
        $said | Should -Match ([regex]::Escape($_))
    }

    It 'keeps packages where NuGet does, and never at the root of the file system: HOME is "<Folder>"' -ForEach @(
        @{ Folder = '/somewhere/home'; Expected = '/somewhere/home/.nuget/packages' }
        @{ Folder = ''; Expected = 'artifacts/packages' }
        @{ Folder = 'home'; Expected = 'artifacts/packages' }
    ) {
        # A dotnet that only says what it was asked for.
        New-Program "$TestDrive/asked" dotnet 'echo "$@" >&3'
        $expected = $Expected.StartsWith('/') ? $Expected : "$root/$Expected"
        $said = env -u NUGET_PACKAGES "PATH=$TestDrive/asked:/usr/bin:/bin" "HOME=$Folder" bash -c "exec 3>&1 >/dev/null; bash '$root/tools/nuget-package' No.Such.Package 1.2.3"
        "$said" | Should -BeLike "restore */package.csproj --packages $expected"
    }
}
