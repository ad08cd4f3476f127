# The packages that packaging/test has built twice, below $env:PRERECORD_PACKAGES.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, '..', 'tests', 'acceptance', 'Process.ps1'))
    $first, $second = 'one', 'two' | ForEach-Object { [System.IO.Path]::Combine($env:PRERECORD_PACKAGES, $_, 'artifacts', 'packages') }
    $package = (Get-Item "$first/PreRecordMigration.*.nupkg").FullName
    $unpacked = [System.IO.Path]::Combine($TestDrive, 'unpacked')
    [System.IO.Compression.ZipFile]::ExtractToDirectory($package, $unpacked)

    # A script in a process whose user has nothing but a home, and no other module of ours.
    function Invoke-AtHome([string] $name, [string] $text) {
        $userHome = [System.IO.Path]::Combine($TestDrive, $name)
        $null = [System.IO.Directory]::CreateDirectory($userHome)
        $script = [System.IO.Path]::Combine($userHome, 'script.ps1')
        [System.IO.File]::WriteAllText($script, "`$ErrorActionPreference = 'Stop'`n`$ProgressPreference = 'SilentlyContinue'`n$text")
        $start = New-FreshStart $script
        $start.Environment['HOME'] = $userHome
        foreach ($variable in 'XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'PSModulePath', 'PRERECORD_PACKAGES') {
            $null = $start.Environment.Remove($variable)
        }

        $process = [System.Diagnostics.Process]::Start($start)
        try {
            $process.StandardInput.Close()
            $errors = $process.StandardError.ReadToEndAsync()
            $output = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            $process.ExitCode | Should -Be 0 -Because "$($errors.Result)$output"
            $output
        }
        finally {
            $process.Dispose()
        }
    }
}

Describe 'The packages' {
    It 'are the same byte for byte, whatever folder they are built in' {
        $files = [System.IO.Directory]::GetFiles($first).ForEach({ [System.IO.Path]::GetFileName($_) })
        $files.Count | Should -Be 4
        [System.IO.Directory]::GetFiles($second).Count | Should -Be 4
        foreach ($file in $files | Sort-Object { $_ -eq 'SHA256SUMS' }) {
            (Get-FileHash "$second/$file").Hash | Should -Be (Get-FileHash "$first/$file").Hash -Because $file
        }
    }

    It 'have checksums that are right' {
        foreach ($line in [System.IO.File]::ReadAllLines("$first/SHA256SUMS")) {
            $sum, $file = $line -split '\s+', 2
            (Get-FileHash "$first/$file").Hash | Should -Be $sum
        }
    }

    It 'have nothing of the machine that made them' {
        foreach ($file in [System.IO.Directory]::GetFiles($unpacked, '*', 'AllDirectories')) {
            $text = [System.Text.Encoding]::Latin1.GetString([System.IO.File]::ReadAllBytes($file))
            $text.Contains($env:PRERECORD_PACKAGES) | Should -BeFalse -Because $file
        }
    }

    It 'say what is in them, and of which version' {
        $materials = Get-Content -Raw (Get-Item "$first/*.cdx.json").FullName | ConvertFrom-Json
        $materials.bomFormat | Should -Be 'CycloneDX'
        $materials.components.Count | Should -BeGreaterThan 1
        $names = $materials.components.name
        foreach ($assembly in [System.IO.Directory]::GetFiles("$unpacked/bin", '*.dll').ForEach({ [System.IO.Path]::GetFileNameWithoutExtension($_) })) {
            ($assembly -in 'PreRecordMigration.Engine', 'PreRecordMigration.Cmdlets' -or $assembly -in $names) | Should -BeTrue -Because $assembly
        }
    }

    It 'name every package that they ship, with its licence' {
        $named = [System.IO.File]::ReadAllText("$unpacked/THIRD-PARTY.txt")
        foreach ($name in (Get-Content -Raw (Get-Item "$first/*.cdx.json").FullName | ConvertFrom-Json).components.name) {
            ($named.Contains($name) -or $name -like 'Microsoft.Extensions.*') | Should -BeTrue -Because $name
        }
    }

    It 'have the library for each Xen, the licence and what changed' {
        foreach ($file in 'bin/runtimes/linux-x64/native/4.17/libprerecordxen.so', 'bin/runtimes/linux-x64/native/4.20/libprerecordxen.so', 'LICENSE', 'THIRD-PARTY.txt', 'CHANGELOG.md', 'service/ReceiverService.ps1') {
            [System.IO.File]::Exists("$unpacked/$file") | Should -BeTrue -Because $file
        }
    }
}

Describe 'The Debian package' {
    BeforeAll {
        $debian = (Get-Item "$first/prerecord-migration_*_amd64.deb").FullName
        $root = [System.IO.Path]::Combine($TestDrive, 'root')
        & dpkg-deb --raw-extract $debian $root
    }

    It 'says what it is, and of which version' {
        & dpkg-deb --field $debian Package | Should -Be 'prerecord-migration'
        $manifest = Import-PowerShellDataFile "$root/usr/lib/prerecord-migration/PreRecordMigration/PreRecordMigration.psd1"
        & dpkg-deb --field $debian Version | Should -Be $manifest.ModuleVersion
    }

    It 'wants the toolstack of either Xen, and has the library for each' {
        & dpkg-deb --field $debian Depends | Should -Be 'libc6, xen-utils-4.17 | xen-utils-4.20'
        & dpkg-deb --field $debian Suggests | Should -Be 'xen-hypervisor-4.17-prerecord, xen-hypervisor-4.20-prerecord'
        foreach ($version in '4.17', '4.20') {
            $library = "$root/usr/lib/prerecord-migration/PreRecordMigration/bin/runtimes/linux-x64/native/$version/libprerecordxen.so"
            & readelf --dynamic $library | Select-String -SimpleMatch "libxenctrl.so.$version" | Should -Not -BeNullOrEmpty
            & readelf --dynamic $library | Select-String 'RPATH|RUNPATH' | Should -BeNullOrEmpty
        }
    }

    It 'has files that root alone may write, and nothing of the machine that made it' {
        foreach ($line in & dpkg-deb --contents $debian) {
            $line | Should -Match '^[d-]rw[x-]r-[x-]r-[x-] root/root '
        }

        foreach ($file in [System.IO.Directory]::GetFiles($root, '*', 'AllDirectories')) {
            [System.Text.Encoding]::Latin1.GetString([System.IO.File]::ReadAllBytes($file)).Contains($env:PRERECORD_PACKAGES) | Should -BeFalse -Because $file
        }
    }

    It 'has the service, whose command runs what is installed, and settings that stay an administrator''s' {
        $unit = [System.IO.File]::ReadAllText("$root/lib/systemd/system/prerecord-receiver.service")
        $unit -match '(?m)^ExecStart="/usr/bin/pwsh" "-NoProfile" "-NonInteractive" "-File" "(?<Script>/\S+)"$' | Should -BeTrue
        [System.IO.File]::Exists("$root$($Matches.Script)") | Should -BeTrue
        (Get-Content -Raw "$root/etc/prerecord/receiver.json" | ConvertFrom-Json).Port | Should -Be 7000
        [System.IO.File]::ReadAllText("$root/DEBIAN/conffiles") | Should -Be "/etc/prerecord/receiver.json`n/etc/xen/scripts/block-prerecord`n"
        [System.IO.File]::GetUnixFileMode("$root/etc/xen/scripts/block-prerecord").HasFlag([System.IO.UnixFileMode]::OtherExecute) | Should -BeTrue
        foreach ($script in 'postinst', 'prerm', 'postrm') {
            & sh -n "$root/DEBIAN/$script"
            $LASTEXITCODE | Should -Be 0
            [System.IO.File]::ReadAllText("$root/DEBIAN/$script") | Should -Not -Match '\benable\b'
        }
    }

    It 'is checked where it is installed' {
        $output = Invoke-AtHome checker "& '$root/usr/lib/prerecord-migration/PreRecordMigration/service/ReceiverService.ps1' -Check -Root '$root' | ForEach-Object { `"`$(`$_.Name) `$(`$_.IsRight)`" }"
        $output | Should -Match 'Unit True'
    }

    It 'moves a domain from where it is unpacked' {
        $output = Invoke-AtHome unpacker @"
Import-Module '$root/usr/lib/prerecord-migration/PreRecordMigration'
`$null = New-SimulatedHost sim1, sim2
`$null = New-SimulatedDomain web01 -HostName sim1 -Memory 8MB
"moved `$((Invoke-PreRecordMigration web01 -Destination sim2 -Method PostCopy).DomainName)"
"@
        $output | Should -Match 'moved web01'
    }
}

Describe 'Installing the Debian package' {
    BeforeAll {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'DebianHost.ps1'))
        $debian = (Get-Item "$first/prerecord-migration_*_amd64.deb").FullName
        $place = '/usr/lib/prerecord-migration/PreRecordMigration'
        # What stays until the package is purged.
        $configured = '/etc/prerecord/receiver.json', '/etc/xen/scripts/block-prerecord'
    }

    It 'has PowerShell find the module, without systemd, and takes away all but the settings' {
        $there = New-DebianHost
        Invoke-Dpkg $there install $debian | Should -Not -Match '(?m)^prerecord-migration:'
        [System.IO.File]::ResolveLinkTarget("$there/$link", $false).FullName | Should -Be $place
        [System.IO.File]::Exists("$there$place/PreRecordMigration.psd1") | Should -BeTrue
        Invoke-Dpkg $there install $debian | Should -Match 'kill -HUP PROCESS'
        Invoke-Dpkg $there remove prerecord-migration | Should -Not -Match '(?m)^prerecord-migration:'
        Get-Left $there | Should -Be $configured
        Invoke-Dpkg $there purge prerecord-migration
        Get-Left $there | Should -BeNullOrEmpty
    }

    It 'leaves what stands in the place of its link, and says so: <Case>' -ForEach @(
        @{ Case = 'a module'; Make = { $null = [System.IO.Directory]::CreateDirectory("$args/0.0.1") }; Look = { [System.IO.Directory]::GetFileSystemEntries($args[0]) | Should -Be "$($args[0])/0.0.1" } }
        @{ Case = 'a link to another one'; Make = { $null = [System.IO.File]::CreateSymbolicLink("$args", '/opt/module') }; Look = { [System.IO.File]::ResolveLinkTarget("$args", $false).FullName | Should -Be '/opt/module' } }
    ) {
        $there = New-DebianHost
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName("$there/$link"))
        & $Make "$there/$link"
        Invoke-Dpkg $there install $debian | Should -Match "PreRecordMigration is there already, and is none of the package's.*`n.*ln -s $place "
        & $Look "$there/$link"
        Invoke-Dpkg $there remove prerecord-migration
        & $Look "$there/$link"
    }

    It 'is installed where its link cannot be made, and says so' {
        $there = New-DebianHost
        $null = [System.IO.Directory]::CreateDirectory("$there/usr/local")
        [System.IO.File]::WriteAllText("$there/usr/local/share", '')
        Invoke-Dpkg $there install $debian | Should -Match "cannot be made: .*Import-Module $place"
        [System.IO.File]::Exists("$there$place/PreRecordMigration.psd1") | Should -BeTrue
        Invoke-Dpkg $there remove prerecord-migration
        Get-Left $there | Should -Be ($configured + '/usr/local/share')
    }

    It 'is removed where systemd does not know its service any more, and stays where that does not end' {
        foreach ($code in 5, 1) {
            $there = New-DebianHost "case `$* in stop*) exit $code;; esac"
            Invoke-Dpkg $there install $debian
            if ($code -eq 5) {
                Invoke-Dpkg $there remove prerecord-migration
                Get-Left $there | Should -Be $configured
            }
            else {
                { Invoke-Dpkg $there remove prerecord-migration } | Should -Throw
                [System.IO.File]::ResolveLinkTarget("$there/$link", $false).FullName | Should -Be $place
                [System.IO.File]::Exists("$there$place/PreRecordMigration.psd1") | Should -BeTrue
            }
        }
    }

    It 'has a service that runs go on with the new version when it holds nothing: <Case>' -ForEach @(
        @{ Case = 'it does not run'; Active = 3; Unit = '/lib/systemd/system'; Reload = 0; Calls = 'daemon-reload', '--quiet is-active U'; Says = 'Setting up' }
        @{ Case = 'the package''s'; Active = 0; Unit = '/lib/systemd/system'; Reload = 0; Calls = 'daemon-reload', '--quiet is-active U', 'show --property=FragmentPath --value U', 'reload U'; Says = 'goes on with the new version when it holds no migration' }
        @{ Case = 'the package''s, that cannot be told'; Active = 0; Unit = '/usr/lib/systemd/system'; Reload = 1; Calls = 'daemon-reload', '--quiet is-active U', 'show --property=FragmentPath --value U', 'reload U'; Says = 'goes on with the old version: systemctl restart' }
        @{ Case = 'the host''s own'; Active = 0; Unit = '/etc/systemd/system'; Reload = 0; Calls = 'daemon-reload', '--quiet is-active U', 'show --property=FragmentPath --value U'; Says = 'goes on as it is' }
    ) {
        $there = New-DebianHost "case `$* in *is-active*) exit $Active;; show*) echo $Unit/prerecord-receiver.service;; reload*) exit $Reload;; esac"
        Invoke-Dpkg $there install $debian
        Get-Calls $there | Should -Be 'daemon-reload'
        Invoke-Dpkg $there install $debian | Should -Match $Says
        Get-Calls $there | Should -Be $Calls
    }

    It 'ends its service, enabled or not, and never the host''s own: <Case>' -ForEach @(
        @{ Case = 'not enabled'; Own = $null; Wanted = $null; Calls = 'stop U', 'daemon-reload'; Left = @() }
        @{ Case = 'enabled'; Own = $null; Wanted = '/lib/systemd/system/prerecord-receiver.service'; Calls = 'stop U', 'daemon-reload'; Left = @() }
        @{ Case = 'masked'; Own = '/dev/null'; Wanted = $null; Calls = 'stop U', 'daemon-reload'; Left = @('/etc/systemd/system/prerecord-receiver.service') }
        @{ Case = 'the host''s own'; Own = '[Service]'; Wanted = '/etc/systemd/system/prerecord-receiver.service'; Calls = @('daemon-reload')
            Left = '/etc/systemd/system/multi-user.target.wants/prerecord-receiver.service', '/etc/systemd/system/prerecord-receiver.service' }
    ) {
        $there = New-DebianHost ''
        Invoke-Dpkg $there install $debian
        $null = Get-Calls $there
        $units = [System.IO.Directory]::CreateDirectory("$there/etc/systemd/system/multi-user.target.wants").Parent.FullName
        if ($Wanted) { $null = [System.IO.File]::CreateSymbolicLink("$units/multi-user.target.wants/prerecord-receiver.service", $Wanted) }
        if ($Own -eq '/dev/null') { $null = [System.IO.File]::CreateSymbolicLink("$units/prerecord-receiver.service", $Own) }
        elseif ($Own) { [System.IO.File]::WriteAllText("$units/prerecord-receiver.service", $Own) }
        Invoke-Dpkg $there remove prerecord-migration
        Get-Calls $there | Should -Be $Calls
        Invoke-Dpkg $there purge prerecord-migration
        Get-Left $there | Should -Be $Left
    }
}

Describe 'Installing the module' {
    It 'takes the package from a folder, moves a domain with it, and takes it away again' {
        $output = Invoke-AtHome installer @"
`$repository = (New-Item -ItemType Directory ~/repository).FullName
Register-PSResourceRepository -Name here -Uri `$repository -Trusted
Publish-PSResource -NupkgPath '$package' -Repository here
Install-PSResource PreRecordMigration -Repository here
Import-Module PreRecordMigration
`$module = Get-Module PreRecordMigration
if (-not `$module.ModuleBase.StartsWith(`$HOME)) { throw "imported from `$(`$module.ModuleBase)" }
`$null = New-SimulatedHost sim1, sim2
`$null = New-SimulatedDomain web01 -HostName sim1 -Memory 8MB
`$result = Invoke-PreRecordMigration web01 -Destination sim2 -Window 50ms -Epoch 10ms
"moved `$(`$result.DomainName) `$((Get-MigrationDomain web01 -HostName sim2).State)"
if (-not (Get-Help Invoke-PreRecordMigration).Synopsis.StartsWith('Moves')) { 'no help' }
Uninstall-PSResource PreRecordMigration
"left `$(@(Get-PSResource PreRecordMigration -ErrorAction Ignore).Count)"
"@
        $output | Should -Match 'moved web01 Running'
        $output | Should -Not -Match 'no help'
        $output | Should -Match 'left 0'
    }

    It 'is published from its folder as any other module' {
        $output = Invoke-AtHome publisher @"
`$repository = (New-Item -ItemType Directory ~/repository).FullName
Register-PSResourceRepository -Name here -Uri `$repository -Trusted
Publish-PSResource -Path '$env:PRERECORD_PACKAGES/one/artifacts/staging/packages/PreRecordMigration' -Repository here
"found `$((Find-PSResource PreRecordMigration -Repository here).Version)"
"@
        $output | Should -Match 'found \d+\.\d+\.\d+'
    }
}
