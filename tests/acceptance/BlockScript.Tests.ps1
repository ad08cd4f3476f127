# The script that puts a device of device-mapper under a disk, beside Xen's own block-common.sh, in a control domain that is a folder.

BeforeDiscovery {
    $common = '/etc/xen/scripts/block-common.sh'
    $why = if (-not [System.IO.File]::Exists($common)) { "there is no $common (apt-get install xen-utils-common)" }
    elseif ([Environment]::UserName -ne 'root') { 'nobody but root makes nodes of devices' }
}

BeforeAll {
    $script = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'scripts', 'block-prerecord')
    $programs = 'xenstore-read', 'xenstore-list', 'xenstore-write', 'dmsetup', 'losetup', 'blockdev', 'logger'
    $web, $mail = '0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'

    # A control domain with nothing in it. What Xen's scripts and ours name in the real one is in its folder.
    function New-BlockHost {
        $folder = [System.IO.Directory]::CreateDirectory([System.IO.Path]::Combine($TestDrive, [guid]::NewGuid().ToString('N'))).FullName
        foreach ($part in 'bin', 'scripts', 'store', 'dm', 'loops', 'dev', 'mapper', 'lock') { $null = [System.IO.Directory]::CreateDirectory("$folder/$part") }
        foreach ($program in $programs) { $null = [System.IO.File]::CreateSymbolicLink("$folder/bin/$program", [System.IO.Path]::Combine($PSScriptRoot, 'block-host')) }
        foreach ($file in [System.IO.Directory]::GetFiles('/etc/xen/scripts', '*.sh') + $script) {
            $text = [System.IO.File]::ReadAllText($file).Replace('/var/log/xen/', "$folder/").Replace('/var/run/xen-hotplug', "$folder/lock").
                Replace('/dev/dm-', "$folder/mapper/dm-").Replace('/dev/loop', "$folder/dev/loop").Replace('/proc/mounts', "$folder/mounts")
            [System.IO.File]::WriteAllText("$folder/scripts/$([System.IO.Path]::GetFileName($file))", $text)
        }

        [System.IO.File]::WriteAllText("$folder/scripts/hotplugpath.sh", "bindir='$folder/bin' sbindir='$folder/bin' LIBEXEC_BIN='$folder/bin'`n")
        [System.IO.File]::WriteAllText("$folder/mounts", "proc /proc proc rw 0 0`n")
        & mknod "$folder/dev/part" b 8 17
        [System.IO.File]::WriteAllBytes("$folder/web.img", [byte[]]::new(1MB + 100))
        $folder
    }

    function Get-Node([string] $there, [string] $path) { Get-Content "$there/store/local/domain/$path/=" -ErrorAction Ignore }

    function Set-Node([string] $there, [string] $path, [string] $value) {
        $null = New-Item -ItemType Directory -Force "$there/store/local/domain/$path"
        Set-Content "$there/store/local/domain/$path/=" $value
    }

    # A domain with a disk that the toolstack is about to attach.
    function Set-Disk([string] $there, [int] $domain, [string] $vm, [string] $target, [string] $mode = 'w', [int] $number = 51712) {
        Set-Node $there "$domain/vm" "/vm/$($vm -replace '(.{8})(.{4})(.{4})(.{4})(.{12})', '$1-$2-$3-$4-$5')"
        foreach ($pair in @{ params = $target; mode = $mode; state = '2' }.GetEnumerator()) { Set-Node $there "0/backend/vbd/$domain/$number/$($pair.Key)" $pair.Value }
    }

    # The toolstack runs the script; returns its exit code.
    function Invoke-Script([string] $there, [string] $command, [int] $domain = 5, [int] $number = 51712) {
        $null = & env "BLOCK_HOST=$there" "XENBUS_PATH=/local/domain/0/backend/vbd/$domain/$number" XENBUS_TYPE=vbd XENBUS_BASE_PATH=backend bash "$there/scripts/block-prerecord" $command 2>&1
        $LASTEXITCODE
    }

    function Add-Disk([string] $there, [int] $domain, [string] $vm, [string] $target, [string] $mode = 'w') {
        Set-Disk $there $domain $vm $target $mode
        Invoke-Script $there add $domain | Should -Be 0 -Because (Get-Node $there "0/backend/vbd/$domain/51712/hotplug-error")
    }

    # The domain ends: its disk is detached, and its nodes go.
    function Remove-Domain([string] $there, [int] $domain) {
        Invoke-Script $there remove $domain | Should -Be 0
        Remove-Item -Recurse "$there/store/local/domain/$domain", "$there/store/local/domain/0/backend/vbd/$domain"
    }

    function Get-Error([string] $there, [int] $domain = 5) { Get-Node $there "0/backend/vbd/$domain/51712/hotplug-error" }
    function Get-Table([string] $there, [int] $domain = 5) { Get-Content "$there/dm/prerecord_disk-$domain-51712/table" }
    function Get-Left([string] $there) { [System.IO.Directory]::GetFileSystemEntries("$there/dm") + [System.IO.Directory]::GetFileSystemEntries("$there/loops") + [System.IO.Directory]::GetFileSystemEntries("$there/mapper") }
}

Describe 'block-prerecord' -Skip:($null -ne $why) {
    BeforeEach { $there = New-BlockHost }

    It 'puts a linear device under a block device, and takes it away' {
        Add-Disk $there 5 $web "$there/dev/part"
        Get-Table $there | Should -Be '0 2048 linear 8:17 0'
        Get-Content "$there/dm/prerecord_disk-5-51712/uuid" | Should -Be "LVM-PRERECORDDISK-$web-5-51712-n-b-8:17"
        Get-Node $there '0/backend/vbd/5/51712/physical-device' | Should -Be 'fe:0'
        Get-Node $there '0/backend/vbd/5/51712/physical-device-path' | Should -Be "$there/mapper/dm-0"
        Get-Node $there '0/backend/vbd/5/51712/hotplug-status' | Should -Be 'connected'
        Remove-Domain $there 5
        Get-Left $there | Should -BeNullOrEmpty
    }

    It 'puts one under an image file, whatever it is called, with a loop device that goes with it: <Name>' -ForEach @(
        @{ Name = 'web.img' }
        @{ Name = "a 'name' `"with`" `$(all) that; is -n *" }
        @{ Name = 'prerecord_disk-5-51712' }
    ) {
        if (-not [System.IO.File]::Exists("$there/$Name")) { [System.IO.File]::WriteAllBytes("$there/$Name", [byte[]]::new(1MB + 100)) }
        Add-Disk $there 5 $web "$there/$Name"
        Get-Table $there | Should -Be '0 2048 linear 7:0 0'
        Get-Content "$there/loops/0/file" | Should -Be "$there/$Name"
        Get-Content "$there/loops/0/how" | Should -Be '--sector-size 512 --direct-io=on'
        [System.IO.File]::Exists("$there/loops/0/clears") | Should -BeTrue
        Remove-Domain $there 5
        Get-Left $there | Should -BeNullOrEmpty
    }

    It 'does without direct I/O where the file system has none, and says so: <Has>' -ForEach @(
        @{ Has = 'no-direct'; How = '--sector-size 512' }
        @{ Has = 'no-dio'; How = '--sector-size 512 --direct-io=on' }
    ) {
        $null = New-Item "$there/$Has"
        Add-Disk $there 5 $web "$there/web.img"
        Get-Content "$there/loops/0/how" | Should -Be $How
        Get-Content "$there/logged" -Raw | Should -Match 'written through the control domain''s memory'
    }

    It 'takes another part of a file for another disk' {
        foreach ($number in 0, 1) {
            & mknod "$there/dev/loop$number" b 7 $number
            $null = New-Item -ItemType Directory "$there/loops/$number"
            Set-Content "$there/loops/$number/file" "$there/web.img"
            Set-Content "$there/loops/$number/offset" (4096 * (1 + $number))
        }

        Add-Disk $there 5 $web "$there/dev/loop0"
        Add-Disk $there 6 $mail "$there/dev/loop1"
        Get-Table $there 6 | Should -Match ' linear 7:1 0$'
    }

    It 'attaches a disk again only when what was held back has come to it: <Target>' -ForEach @(@{ Target = 'dev/part'; Under = '8:17' }, @{ Target = 'web.img'; Under = '7:0' }) {
        Add-Disk $there 5 $web "$there/$Target"
        $null = New-Item -ItemType Directory "$there/dm/prerecord-5-51712"
        foreach ($pair in @{ minor = 9; uuid = "LVM-PRERECORD-$web-5-51712-254-0"; table = "0 2048 linear $Under 0" }.GetEnumerator()) { Set-Content "$there/dm/prerecord-5-51712/$($pair.Key)" $pair.Value }
        Set-Content "$there/dm/prerecord_disk-5-51712/table" '0 2048 snapshot 254:9 7:9 P 8'
        Invoke-Script $there remove | Should -Be 0
        Remove-Item -Recurse "$there/store/local/domain/0/backend/vbd/5"
        Set-Disk $there 5 $web "$there/$Target"
        Invoke-Script $there add | Should -Be 1
        Get-Error $there | Should -Match 'has what a migration held back'
        Get-Table $there | Should -Be '0 2048 snapshot 254:9 7:9 P 8'
    }

    It 'takes another loop device where somebody else was faster' {
        Set-Content "$there/stolen" "$there/mounts"
        Add-Disk $there 5 $web "$there/web.img"
        Get-Table $there | Should -Be '0 2048 linear 7:1 0'
        Remove-Domain $there 5
        Get-Left $there | Should -Be "$there/loops/0"
    }

    It 'only reads what the guest may only read, and needs nothing for a drive with nothing in it' {
        Add-Disk $there 5 $web "$there/web.img" r
        Get-Content "$there/loops/0/how" | Should -Be '--read-only --sector-size 512 --direct-io=on'
        [System.IO.File]::Exists("$there/dm/prerecord_disk-5-51712/readonly") | Should -BeTrue
        Add-Disk $there 6 $mail ''
        Get-Node $there '0/backend/vbd/6/51712/hotplug-status' | Should -Be 'connected'
        Remove-Domain $there 6
        Remove-Domain $there 5
        Get-Left $there | Should -BeNullOrEmpty
    }

    It 'does nothing where it has run already' {
        Add-Disk $there 5 $web "$there/web.img"
        Invoke-Script $there add | Should -Be 0
        (Get-Left $there).Count | Should -Be 3
    }

    It 'refuses a disk that another VM writes, by whatever script and name it has it: <Case>' -ForEach @(
        @{ Case = 'the same device by this script'; Target = 'dev/part'; Make = { Add-Disk $there 4 $mail "$there/dev/part" } }
        @{ Case = 'the same device by Xen''s script'; Target = 'dev/part'; Make = { Set-Disk $there 4 $mail "$there/dev/part"; Set-Node $there '0/backend/vbd/4/51712/physical-device' '8:11' } }
        @{ Case = 'the same file by this script'; Target = 'web.img'; Make = { Add-Disk $there 4 $mail "$there/web.img" } }
        @{ Case = 'the same file by another name'; Target = 'link.img'; Make = { $null = New-Item -ItemType HardLink -Path "$there/link.img" -Target "$there/web.img"; Add-Disk $there 4 $mail "$there/web.img" } }
        @{ Case = 'the same file by Xen''s script'; Target = 'web.img'; Make = {
                $null = New-Item -ItemType Directory "$there/loops/3"; Set-Content "$there/loops/3/file" "$there/web.img"
                Set-Disk $there 4 $mail "$there/web.img"; Set-Node $there '0/backend/vbd/4/51712/physical-device' '7:3' }
        }
        @{ Case = 'a loop device of the same file'; Target = 'dev/loop3'; Make = {
                Add-Disk $there 4 $mail "$there/web.img"
                & mknod "$there/dev/loop3" b 7 3; $null = New-Item -ItemType Directory "$there/loops/3"; Set-Content "$there/loops/3/file" "$there/web.img" }
        }
    ) {
        & $Make
        $before = Get-Left $there
        foreach ($mode in 'w', 'r') {
            Set-Disk $there 5 $web "$there/$Target" $mode
            Invoke-Script $there add | Should -Not -Be 0
            Get-Node $there '0/backend/vbd/5/51712/hotplug-status' | Should -Be 'busy'
            Get-Error $there | Should -Match 'is the disk 51712 of domain 4'
            Get-Left $there | Should -Be $before
        }

        Add-Disk $there 5 $web "$there/$Target" 'w!'
    }

    It 'lets several read a disk, and one write it' {
        Add-Disk $there 4 $mail "$there/web.img" r
        Add-Disk $there 5 $web "$there/web.img" r
        Set-Disk $there 6 '00112233445566778899aabbccddeeff' "$there/web.img"
        Invoke-Script $there add 6 | Should -Not -Be 0
    }

    It 'refuses a disk that the control domain has mounted, but for both to read' {
        Set-Content "$there/mounts" "$there/dev/part /srv ext4 ro,relatime 0 0"
        Set-Disk $there 5 $web "$there/dev/part"
        Invoke-Script $there add | Should -Not -Be 0
        Get-Error $there | Should -Match 'is mounted in the control domain'
        Get-Left $there | Should -BeNullOrEmpty
        Add-Disk $there 5 $web "$there/dev/part" r
    }

    It 'gives a VM that moves within the host its disk twice: <Target>' -ForEach @(@{ Target = 'dev/part'; Under = '8:17', '8:17' }, @{ Target = 'web.img'; Under = '7:0', '7:1' }) {
        Add-Disk $there 5 $web "$there/$Target"
        # In the window the source's disk has an overlay: the destination's is the disk itself.
        Set-Content "$there/dm/prerecord_disk-5-51712/table" '0 2048 snapshot 254:7 7:9 P 8'
        Add-Disk $there 6 $web "$there/$Target"
        Get-Table $there 6 | Should -Be "0 2048 linear $($Under[1]) 0"
        Set-Content "$there/dm/prerecord_disk-5-51712/table" "0 2048 linear $($Under[0]) 0"
        Remove-Domain $there 5
        Get-Table $there 6 | Should -Be "0 2048 linear $($Under[1]) 0"
        Remove-Domain $there 6
        Get-Left $there | Should -BeNullOrEmpty
    }

    It 'leaves nothing and says why where something fails: <Case>' -ForEach @(
        @{ Case = 'device-mapper'; Make = { $null = New-Item "$there/no-load" }; Error = 'gets no device of device-mapper' }
        @{ Case = 'device-mapper, at the end'; Make = { $null = New-Item "$there/no-resume" }; Error = 'error detected' }
        @{ Case = 'the disk is not there'; Make = { Remove-Item "$there/web.img" }; Error = 'web.img does not exist' }
        @{ Case = 'it is no disk'; Make = { Remove-Item "$there/web.img"; $null = New-Item -ItemType Directory "$there/web.img" }; Error = 'neither a block device nor a file' }
        @{ Case = 'it is what the script made'; Make = { & mknod "$there/dev/layer" b 254 0; Add-Disk $there 4 $mail "$there/dev/part"; Set-Disk $there 5 $web "$there/dev/layer" }; Error = 'is what this script made for another disk'; Left = 2 }
        @{ Case = 'it is empty'; Make = { Clear-Content "$there/web.img" }; Error = 'has no content' }
        @{ Case = 'the toolstack has given up'; Make = { Set-Node $there '0/backend/vbd/5/51712/state' '6' }; Error = 'was closed or removed' }
        @{ Case = 'dmsetup'; Make = { Remove-Item "$there/bin/dmsetup"; Set-Content "$there/bin/dmsetup" "#!/bin/sh`nexit 1"; chmod +x "$there/bin/dmsetup" }; Error = 'apt-get install dmsetup' }
        @{ Case = 'losetup'; Make = { Remove-Item "$there/bin/losetup"; Set-Content "$there/bin/losetup" "#!/bin/sh`nexit 1"; chmod +x "$there/bin/losetup" }; Error = 'losetup does not say' }
        @{ Case = 'blockdev'; Make = { Remove-Item "$there/bin/blockdev"; Set-Content "$there/bin/blockdev" "#!/bin/sh`nexit 1"; chmod +x "$there/bin/blockdev" }; Error = 'error detected' }
    ) {
        Set-Disk $there 5 $web "$there/web.img"
        & $Make
        Invoke-Script $there add | Should -Not -Be 0
        Get-Node $there '0/backend/vbd/5/51712/hotplug-status' | Should -Be 'error'
        Get-Error $there | Should -Match $Error
        @(Get-Left $there).Count | Should -Be ([int] $Left)
    }

    It 'takes away what a killed one left, when the disk is detached' {
        $null = New-Item "$there/kill-load"
        Set-Disk $there 5 $web "$there/web.img"
        Invoke-Script $there add | Should -Be 137
        (Get-Left $there).Count | Should -Be 3
        Remove-Domain $there 5
        Get-Left $there | Should -BeNullOrEmpty
    }

    It 'takes away what a killed one left of a domain that is gone, with all that XenStore knew of it' {
        $null = New-Item "$there/kill-load"
        Set-Disk $there 5 $web "$there/web.img"
        Invoke-Script $there add | Should -Be 137
        Remove-Item -Recurse "$there/store/local/domain/5", "$there/store/local/domain/0/backend/vbd/5", "$there/kill-load"
        Add-Disk $there 6 $mail "$there/dev/part"
        (Get-Left $there).Count | Should -Be 2
    }

    It 'takes the place of what a killed one left, when the disk is attached' {
        Add-Disk $there 5 $web "$there/dev/part"
        Remove-Item -Recurse "$there/store/local/domain/0/backend/vbd/5/51712"
        Add-Disk $there 5 $web "$there/web.img"
        Get-Table $there | Should -Be '0 2048 linear 7:0 0'
    }

    It 'takes a device away that is still open when nobody has it any more' {
        Add-Disk $there 5 $web "$there/web.img"
        $null = New-Item "$there/dm/prerecord_disk-5-51712/open"
        Remove-Domain $there 5
        (Get-Left $there).Count | Should -Be 3
        Remove-Item "$there/dm/prerecord_disk-5-51712/open"
        Add-Disk $there 6 $mail "$there/dev/part"
        Remove-Domain $there 6
        Get-Left $there | Should -BeNullOrEmpty
    }

    It 'keeps what a killed migration held back, and gives the disk with it: <Target>, <Case>' -ForEach @(
        @{ Case = 'in the window'; Target = 'dev/part'; Under = '8:17'; Table = '0 2048 snapshot 254:9 7:9 P 8' }
        @{ Case = 'in the window'; Target = 'web.img'; Under = '7:0'; Table = '0 2048 snapshot 254:9 7:9 P 8' }
        @{ Case = 'set aside'; Target = 'web.img'; Under = '7:0'; Table = '0 2048 linear 7:0 0' }
    ) {
        Add-Disk $there 5 $web "$there/$Target"
        $null = New-Item -ItemType Directory "$there/dm/prerecord-5-51712"
        foreach ($pair in @{ minor = 9; uuid = "LVM-PRERECORD-$web-5-51712-254-0"; table = "0 2048 linear $Under 0" }.GetEnumerator()) { Set-Content "$there/dm/prerecord-5-51712/$($pair.Key)" $pair.Value }
        Set-Content "$there/dm/prerecord_disk-5-51712/table" $Table
        Remove-Domain $there 5
        Get-Table $there | Should -Be $Table
        Add-Disk $there 6 $web "$there/$Target"
        Get-Table $there 6 | Should -Be '0 2048 linear 254:0 0'
        # It has come to the disk.
        Set-Content "$there/dm/prerecord_disk-5-51712/table" "0 2048 linear $Under 0"
        Remove-Item -Recurse "$there/dm/prerecord-5-51712"
        Remove-Domain $there 6
        Get-Left $there | Should -BeNullOrEmpty
    }
}

Describe 'The file' {
    It 'is one that can be started, and that a shell understands' {
        [System.IO.File]::GetUnixFileMode($script).HasFlag([System.IO.UnixFileMode]::OtherExecute) | Should -BeTrue
        & bash -n $script
        $LASTEXITCODE | Should -Be 0
    }
}
