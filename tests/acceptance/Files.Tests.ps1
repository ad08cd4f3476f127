# Where files are written: through links, never over what is no regular file, whole or not at all.

BeforeDiscovery {
    $writers = @(
        @{ Writer = 'Export-PreRecord'; Write = { param($path) $recorded | Export-PreRecord -LiteralPath $path -Force -ErrorAction Stop } }
        @{ Writer = 'New-MigrationCertificate (certificate)'; Write = { param($path) New-Pair $path '.pem' } }
        @{ Writer = 'New-MigrationCertificate (key)'; Write = { param($path) New-Pair $path '.key' } }
    )
}

BeforeAll {
    $null = New-SimulatedHost files1
    $null = New-SimulatedDomain worker -HostName files1 -Memory 4MB -Workload Idle
    $recorded = Start-PreRecord worker -Mode Observe -Window 20ms -Epoch 20ms -HoldTime 1h

    # Has one of both files written where a path leads, through a link of the pair's name.
    function New-Pair([string] $path, [string] $extension) {
        $folder = [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine([System.IO.Path]::GetDirectoryName($path), [guid]::NewGuid().ToString())).FullName
        $null = [System.IO.File]::CreateSymbolicLink([System.IO.Path]::Combine($folder, "pair$extension"), $path)
        New-MigrationCertificate pair -Path $folder -Force -ErrorAction Stop
    }

    # A place of its own for one test.
    function New-Folder { [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine($TestDrive, [guid]::NewGuid().ToString())).FullName }

    # What stands at a path, as the module sees it before it writes.
    function Get-Kind([string] $path) {
        "$([PreRecordMigration.Files.FileStatus]::Of($path).Kind)"
    }
}

AfterAll {
    $recorded | Stop-PreRecord
    Disconnect-MigrationHost files1
}

Describe 'What stands at a path' {
    It 'is known without opening it: <Kind>' -ForEach @(
        @{ Kind = 'None'; Make = { param($path) } }
        @{ Kind = 'Regular'; Make = { param($path) [System.IO.File]::WriteAllText($path, 'x') } }
        @{ Kind = 'Folder'; Make = { param($path) [System.IO.Directory]::CreateDirectory($path) } }
        @{ Kind = 'Link'; Make = { param($path) [System.IO.File]::CreateSymbolicLink($path, '/nowhere') } }
        @{ Kind = 'Pipe'; Make = { param($path) & mkfifo $path } }
    ) {
        $path = [System.IO.Path]::Combine((New-Folder), 'it')
        $null = & $Make $path
        Get-Kind $path | Should -Be $Kind
    }

    It 'may be a device' {
        Get-Kind '/dev/null' | Should -Be 'Device'
    }
}

Describe 'What <Writer> writes' -ForEach $writers {
    It 'is never over <Case>, not even with -Force' -ForEach @(
        @{ Case = 'a pipe'; Make = { param($path) & mkfifo $path }; Kind = 'Pipe' }
        @{ Case = 'a folder'; Make = { param($path) [System.IO.Directory]::CreateDirectory($path) }; Kind = 'Folder' }
        @{ Case = 'a link to a pipe'; Make = { param($path) & mkfifo "$path.pipe"; [System.IO.File]::CreateSymbolicLink($path, "$path.pipe") }; Kind = 'Link' }
    ) {
        $path = [System.IO.Path]::Combine((New-Folder), 'there')
        $null = & $Make $path
        $thrown = { & $Write $path } | Should -Throw -PassThru
        $thrown.FullyQualifiedErrorId | Should -Match '^(FileNotRegular|FileIsFolder),'
        $thrown.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        Get-Kind $path | Should -Be $Kind
        [System.IO.Directory]::GetFiles([System.IO.Path]::GetDirectoryName($path), '*.partial', 'AllDirectories') | Should -BeNullOrEmpty
    }

    It 'is never over a socket' {
        $path = [System.IO.Path]::Combine([System.IO.Path]::GetTempPath(), "$([guid]::NewGuid().ToString('N')[0..7] -join '').sock")
        $socket = [System.Net.Sockets.Socket]::new('Unix', 'Stream', 'Unspecified')
        try {
            $socket.Bind([System.Net.Sockets.UnixDomainSocketEndPoint]::new($path))
            $link = [System.IO.Path]::Combine((New-Folder), 'link')
            $null = [System.IO.File]::CreateSymbolicLink($link, $path)
            { & $Write $link } | Should -Throw -ErrorId 'FileNotRegular,*'
            Get-Kind $path | Should -Be 'Socket'
        }
        finally {
            $socket.Dispose()
            [System.IO.File]::Delete($path)
        }
    }

    It 'is where a link leads, and the link stays: <Case>' -ForEach @(
        @{ Case = 'to a file'; There = $true; To = 'real' }
        @{ Case = 'to nothing yet'; There = $false; To = 'real' }
        @{ Case = 'to a link'; There = $true; To = 'second' }
        @{ Case = 'over the folder that is really above'; There = $true; To = 'inner/../real' }
    ) {
        $folder = New-Folder
        $other = New-Folder
        $null = [System.IO.Directory]::CreateDirectory("$other/deep")
        $null = [System.IO.File]::CreateSymbolicLink("$folder/inner", "$other/deep")
        $null = [System.IO.File]::CreateSymbolicLink("$folder/second", 'real')
        $null = [System.IO.File]::CreateSymbolicLink("$folder/link", $To)
        $real = if ($To -match '/') { "$other/real" } else { "$folder/real" }
        if ($There) {
            [System.IO.File]::WriteAllText($real, 'before')
        }

        $null = & $Write "$folder/link"
        [System.IO.FileInfo]::new("$folder/link").LinkTarget | Should -Be $To
        Get-Kind $real | Should -Be 'Regular'
        [System.IO.FileInfo]::new($real).Length | Should -BeGreaterThan 10
        [System.IO.Directory]::GetFiles($folder, '*.partial') + [System.IO.Directory]::GetFiles($other, '*.partial') | Should -BeNullOrEmpty
    }

    It 'does not go where somebody else''s link leads, nor over his file, in a folder for everybody' -Skip:((& id -u) -ne 0) {
        $folder = New-Folder
        $open = [System.IO.Directory]::CreateDirectory("$folder/open").FullName
        & chmod 1777 $open
        $null = [System.IO.File]::CreateSymbolicLink("$open/link", "$folder/target")
        [System.IO.File]::WriteAllText("$open/file", 'theirs')
        & chown -h 12345 "$open/link" "$open/file"
        foreach ($path in "$open/link", "$open/file") {
            $thrown = { & $Write $path } | Should -Throw -PassThru -ErrorId 'FileNotTrusted,*'
            $thrown.Exception.Message | Should -Match 'of user 12345, in a folder that everybody may write'
        }

        [System.IO.File]::Exists("$folder/target") | Should -BeFalse
        [System.IO.File]::ReadAllText("$open/file") | Should -Be 'theirs'
    }

    It 'is refused where links lead in a circle' {
        $folder = New-Folder
        $null = [System.IO.File]::CreateSymbolicLink("$folder/a", 'b')
        $null = [System.IO.File]::CreateSymbolicLink("$folder/b", 'a')
        { & $Write "$folder/a" } | Should -Throw -ErrorId 'FileFailed,*'
    }
}

Describe 'A file that has taken its place' {
    It 'stays there after a power cut: its folder is on the disk too' -Skip:($null -eq (Get-Command strace -ErrorAction Ignore)) {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
        $folder = New-Folder
        $file = "$folder/kept.prerecord"
        $null = $recorded | Export-PreRecord $file
        $script = "$folder/again.ps1"
        $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
        [System.IO.File]::WriteAllText($script, "Import-Module '$manifest'; `$null = Import-PreRecord '$file' | Export-PreRecord '$file' -Force")
        $start = New-FreshStart $script
        $arguments = [string[]] @('-f', '-qq', '-y', '-e', 'trace=fsync,rename,renameat,renameat2', '-o', "$folder/calls", $start.FileName) + $start.ArgumentList
        & strace @arguments | Out-Null
        $calls = [System.IO.File]::ReadAllLines("$folder/calls")
        $renamed = [System.Array]::FindIndex($calls, [System.Predicate[string]] { $args[0] -match 'rename.*kept\.prerecord' })
        ($calls | Select-Object -First $renamed) -join "`n" | Should -Match 'fsync\(\d+<.*kept\.prerecord.*\.partial>'
        ($calls | Select-Object -Skip ($renamed + 1)) -join "`n" | Should -Match "fsync\(\d+<$([regex]::Escape($folder))>"
    }
}

Describe 'A file that is written over' {
    It 'keeps what may be done with it' {
        $path = [System.IO.Path]::Combine((New-Folder), 'kept')
        [System.IO.File]::WriteAllText($path, 'before')
        [System.IO.File]::SetUnixFileMode($path, 'UserRead, UserWrite, GroupRead')
        $null = $recorded | Export-PreRecord $path -Force
        [System.IO.File]::GetUnixFileMode($path) | Should -Be ([System.IO.UnixFileMode] 'UserRead, UserWrite, GroupRead')
        (Import-PreRecord $path).Name | Should -Be 'worker'
    }

    It 'is for its owner alone where it is a key, whatever was there' {
        $folder = New-Folder
        [System.IO.File]::WriteAllText("$folder/open.key", 'before')
        [System.IO.File]::SetUnixFileMode("$folder/open.key", 'UserRead, UserWrite, GroupRead, OtherRead')
        $null = New-MigrationCertificate open -Path $folder -Force
        [System.IO.File]::GetUnixFileMode("$folder/open.key") | Should -Be ([System.IO.UnixFileMode] 'UserRead, UserWrite')
    }

    It 'is another file: whoever reads the old one reads it to its end' {
        $path = [System.IO.Path]::Combine((New-Folder), 'read')
        [System.IO.File]::WriteAllText($path, 'before')
        $reader = [System.IO.StreamReader]::new($path)
        try {
            $null = $recorded | Export-PreRecord $path -Force
            $reader.ReadToEnd() | Should -Be 'before'
        }
        finally {
            $reader.Dispose()
        }
    }
}

Describe 'A file that is read' {
    It 'is not where somebody else''s link leads, in a folder for everybody' -Skip:((& id -u) -ne 0) {
        $folder = New-Folder
        $open = [System.IO.Directory]::CreateDirectory("$folder/open").FullName
        & chmod 1777 $open
        $null = $recorded | Export-PreRecord "$folder/real"
        $null = [System.IO.File]::CreateSymbolicLink("$open/link", "$folder/real")
        (Import-PreRecord "$open/link").Name | Should -Be 'worker'
        & chown -h 12345 "$open/link"
        { Import-PreRecord "$open/link" -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotTrusted,*'
        { Measure-PageOrder "$open/link" -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotTrusted,*'
    }
}
