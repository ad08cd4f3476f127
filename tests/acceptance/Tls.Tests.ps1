# Between hosts: TLS 1.3 with a certificate on both sides. Both hosts are simulated ones of this process, on loopback.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'TlsPair.ps1'))
}

AfterAll {
    Disconnect-MigrationHost tls1, tls2
}

Describe 'A receiver with certificates' {
    AfterEach {
        Disconnect-Pair
    }

    It 'takes a domain in from a host that it trusts' {
        New-Worker moved
        $far = Connect-Pair
        $far.Address | Should -Match '^localhost:\d+$'
        $result = Invoke-PreRecordMigration moved -Destination far -Mode Rollback -Window 200ms -Epoch 50ms
        $result.Destination | Should -Be 'far'
        $result.RollbackProof.IsProved | Should -BeTrue
        Stop-MigrationReceiver tls2
        "$((Get-MigrationDomain moved -HostName tls2).State)" | Should -Be 'Running'
        Get-MigrationDomain moved* -HostName tls1 | Should -BeNullOrEmpty
    }

    It 'works in every pipeline that takes a destination' {
        New-Worker piped
        $null = Connect-Pair
        $result = Get-MigrationDomain piped | Start-PreRecord -Window 100ms -Epoch 20ms | Set-PageOrder -Strategy Auto |
            Enable-RemotePF -Destination far | Start-Migration | Wait-Migration
        $result.Destination | Should -Be 'far'
        New-Worker tested
        $result = Test-Migration tested -Destination far -Window 100ms -Epoch 20ms | Invoke-PreRecordMigration -MaximumExposure 1h
        $result.DomainName | Should -Be 'tested'
        New-Worker planned
        (Invoke-PreRecordMigration planned -Destination far -WhatIf).Destination | Should -Be 'far'
    }

    It 'takes certificate objects, thumbprints and configured files as well' {
        New-Worker objects
        $own = [System.Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile($two, (Get-TestPath two.key))
        $theirs = [System.Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile($one, (Get-TestPath one.key))
        $receiver = Start-MigrationReceiver tls2 -Certificate $own -TrustedCertificate $theirs.GetCertHashString('SHA256')
        $receiver.Thumbprint | Should -Be $own.GetCertHashString('SHA256')
        $null = Set-MigrationConfiguration CertificatePath $one
        $null = Set-MigrationConfiguration TrustedCertificatePath $two
        try {
            $null = Connect-MigrationHost far -Address "localhost:$($receiver.Port)"
            (Invoke-PreRecordMigration objects -Destination far -Method PostCopy).Destination | Should -Be 'far'
        }
        finally {
            $null = Set-MigrationConfiguration CertificatePath -Clear
            $null = Set-MigrationConfiguration TrustedCertificatePath -Clear
        }
    }

    It 'is resumed over TLS after a loss' {
        New-Worker tlslost
        $null = Connect-Pair
        (Get-SimulatedHost tls2).Faults.Fail([PreRecordMigration.Simulated.SimulatedCall]::Place, 2)
        Invoke-PreRecordMigration tlslost -Destination far -Method PostCopy -ErrorAction SilentlyContinue -ErrorVariable failed
        "$((Get-Migration tlslost).State)" | Should -Be 'Interrupted'
        { Disconnect-MigrationHost far -ErrorAction Stop } | Should -Throw -ErrorId 'HostBusy,PreRecordMigration.Cmdlets.DisconnectMigrationHostCommand'
        $result = Resume-Migration tlslost -Destination far | Wait-Migration
        $result.DomainName | Should -Be 'tlslost'
        (Get-SimulatedHost tls2).Violations.Count | Should -Be 0
    }

    It 'turns away who is not trusted, on either side, and the domain stays' {
        New-Worker stays
        $receiver = Start-MigrationReceiver tls2 -Certificate $two -TrustedCertificate $one
        $null = Connect-MigrationHost far1 -Address "localhost:$($receiver.Port)" -Certificate $stranger -TrustedCertificate $two
        $null = Connect-MigrationHost far2 -Address "localhost:$($receiver.Port)" -Certificate $one -TrustedCertificate $stranger
        foreach ($name in 'far1', 'far2') {
            Invoke-PreRecordMigration stays -Destination $name -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'NotTrusted,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            "$($failed[0].CategoryInfo.Category)" | Should -Be 'SecurityError'
            $failed[0].ErrorDetails.RecommendedAction | Should -Match 'rust'
        }

        (Get-MigrationReceiver tls2).Rejections -join '|' | Should -Match "'CN=stranger'"
        "$((Get-MigrationDomain stays -HostName tls1).State)" | Should -Be 'Running'
    }

    It 'says so where one side has no TLS' {
        New-Worker plain
        $null = Connect-Pair
        $port = (Get-MigrationReceiver tls2).Port
        Invoke-PreRecordMigration plain -Destination "localhost:$port" -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'TransportMismatch,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
    }

    It 'is not needed between hosts of one session' {
        New-Worker local
        $null = Connect-Pair
        (Invoke-PreRecordMigration local -Destination tls2 -Method PostCopy).Destination | Should -Be 'tls2'
    }
}

Describe 'Start-MigrationReceiver, beyond loopback' {
    It 'refuses without <Missing>' -ForEach @(
        @{ Missing = 'a certificate'; Arguments = @{}; Id = 'CertificateMissing' }
        @{ Missing = 'anybody to trust'; Arguments = @{ Certificate = 'two.pem' }; Id = 'TrustMissing' }
    ) {
        if ($Arguments.Certificate) {
            $Arguments = @{ Certificate = $two }
        }

        Start-MigrationReceiver tls2 -Address 0.0.0.0 @Arguments -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand"
        "$($failed[0].CategoryInfo.Category)" | Should -Be 'SecurityError'
        Get-MigrationReceiver tls* | Should -BeNullOrEmpty
    }

    It 'listens with them' {
        $receiver = Start-MigrationReceiver tls2 -Address 0.0.0.0 -Certificate $two -TrustedCertificate $one
        "$($receiver.Endpoint.Address)" | Should -Be '0.0.0.0'
        Stop-MigrationReceiver tls2
    }

    It 'refuses a file: <Case>' -ForEach @(
        @{ Case = 'none'; File = 'none.pem'; Id = 'FileNotFound' }
        @{ Case = 'no certificate'; File = 'text.pem'; Id = 'CertificateUnusable' }
        @{ Case = 'no key'; File = 'bare.pem'; Id = 'CertificateKeyMissing' }
        @{ Case = 'no password'; File = 'closed.pem'; Id = 'CertificatePasswordMissing' }
    ) {
        [System.IO.File]::WriteAllText((Get-TestPath text.pem), 'Good morning.')
        [System.IO.File]::Copy($two, (Get-TestPath bare.pem), $true)
        $null = New-MigrationCertificate closed -Path $TestDrive -CertificatePassword $password -Force
        Start-MigrationReceiver tls2 -Certificate (Get-TestPath $File) -TrustedCertificate $one -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand"
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'takes a password as a SecureString or a PSCredential, and never shows it' {
        $null = New-MigrationCertificate locked -Path $TestDrive -CertificatePassword $password -Force
        $locked = Get-TestPath locked.pem
        foreach ($given in $password, [pscredential]::new('key', $password)) {
            $shown = Start-MigrationReceiver tls2 -Certificate $locked -CertificatePassword $given -TrustedCertificate $one -Verbose -Debug *>&1
            "$($shown)" | Should -Not -Match $secret
            Stop-MigrationReceiver tls2
        }

        $wrong = [System.Security.SecureString]::new()
        $wrong.AppendChar('x')
        Start-MigrationReceiver tls2 -Certificate $locked -CertificatePassword $wrong -TrustedCertificate $one -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'CertificatePasswordWrong,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
        $refused = $null
        try {
            Start-MigrationReceiver tls2 -Certificate $locked -CertificatePassword $secret -TrustedCertificate $one
        }
        catch {
            $refused = $_
        }

        $refused.FullyQualifiedErrorId | Should -Match '^ParameterArgumentTransformationError'
        $refused.Exception.Message | Should -Match 'SecureString'
        "$refused $($refused.Exception) $($refused.ErrorDetails)" | Should -Not -Match $secret
    }

    It 'refuses a file that others may change, or a key that they may read: <Case>' -ForEach @(
        @{ Case = 'a key that everybody may read'; File = 'open.key'; Mode = 'UserRead, UserWrite, OtherRead'; Reason = 'others than its owner may read'; Command = 'rm ' }
        @{ Case = 'a key that its group may read'; File = 'open.key'; Mode = 'UserRead, UserWrite, GroupRead'; Reason = 'others than its owner may read'; Command = 'rm ' }
        @{ Case = 'a key that its group may write'; File = 'open.key'; Mode = 'UserRead, UserWrite, GroupWrite'; Reason = 'its group may write'; Command = 'chmod go-w ' }
        @{ Case = 'a certificate with its key that everybody may read'; File = 'both.pem'; Mode = 'UserRead, OtherRead'; Reason = 'others than its owner may read'; Command = 'rm ' }
        @{ Case = 'a PKCS 12 file that everybody may read'; File = 'both.pfx'; Mode = 'UserRead, OtherRead'; Reason = 'others than its owner may read'; Command = 'rm ' }
        @{ Case = 'a certificate that everybody may write'; File = 'open.pem'; Mode = 'UserRead, UserWrite, OtherWrite'; Reason = 'everybody may write'; Command = 'chmod go-w ' }
        @{ Case = 'a trusted one that its group may write'; File = 'trusted.pem'; Mode = 'UserRead, UserWrite, GroupWrite'; Reason = 'its group may write'; Command = 'chmod go-w ' }
        @{ Case = 'a folder above that everybody may write'; File = '.'; Mode = 'UserRead, UserWrite, UserExecute, OtherWrite, OtherExecute'; Reason = 'everybody may write the folder'; Command = 'chmod go-w ' }
    ) {
        $folder = [System.IO.Directory]::CreateDirectory((Get-TestPath ([guid]::NewGuid().ToString()))).FullName
        $null = New-MigrationCertificate open -Path $folder
        [System.IO.File]::Copy($one, "$folder/trusted.pem")
        [System.IO.File]::WriteAllText("$folder/both.pem", [System.IO.File]::ReadAllText("$folder/open.pem") + [System.IO.File]::ReadAllText("$folder/open.key"))
        $pair = [System.Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile("$folder/open.pem", "$folder/open.key")
        [System.IO.File]::WriteAllBytes("$folder/both.pfx", $pair.Export('Pfx'))
        foreach ($secretive in 'both.pem', 'both.pfx') {
            [System.IO.File]::SetUnixFileMode("$folder/$secretive", 'UserRead, UserWrite')
        }

        $own = if ($File -like 'both.*') { "$folder/$File" } else { "$folder/open.pem" }
        $receive = { Start-MigrationReceiver tls2 -Certificate $own -TrustedCertificate "$folder/trusted.pem" -ErrorAction Stop }
        [System.IO.File]::SetUnixFileMode([System.IO.Path]::GetFullPath("$folder/$File"), [System.IO.UnixFileMode] $Mode)
        $failed = $receive | Should -Throw -PassThru -ErrorId 'FileNotTrusted,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
        "$($failed.CategoryInfo.Category)" | Should -Be 'SecurityError'
        $failed.Exception.Message | Should -Match $Reason
        $failed.Exception.Message | Should -Match ([regex]::Escape($folder))

        # What the error says is what mends it.
        $failed.ErrorDetails.RecommendedAction | Should -Match $Command
        if ($Command -eq 'rm ') {
            # What others may have read is no secret any more, however it is closed now.
            $failed.ErrorDetails.RecommendedAction | Should -Match 'New-MigrationCertificate'
            & sh -c ($failed.ErrorDetails.RecommendedAction -replace '^.* now: ' -replace ', and have a new key made.*$')
            [System.IO.File]::Exists([System.IO.Path]::GetFullPath("$folder/$File")) | Should -BeFalse
            return
        }

        & sh -c ($failed.ErrorDetails.RecommendedAction -replace '^.* and then: ')
        $null = & $receive
        Stop-MigrationReceiver tls2
    }
}

Describe 'Another machine' {
    AfterEach {
        Disconnect-Pair
    }

    It 'is listed, completed as a destination, and let go' {
        $null = Connect-Pair
        $shown = Get-MigrationHost far
        $shown.Hypervisor | Should -Match 'TLS 1.3'
        $shown.DomainCount | Should -BeNullOrEmpty
        (Get-MigrationHost).Name | Should -Contain 'far'
        foreach ($line in 'Invoke-PreRecordMigration x -Destination fa', 'Test-Migration x -Destination fa', 'Enable-RemotePF -Destination fa', 'Resume-Migration -Destination fa') {
            [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText |
                Should -Contain 'far'
        }

        Disconnect-MigrationHost far
        Get-MigrationHost far* | Should -BeNullOrEmpty
    }

    It 'is asked by Test-MigrationHost whether its receiver answers' {
        $null = Connect-Pair
        $report = Test-MigrationHost far
        "$($report.Capability)" | Should -Be 'Receiver'
        $report.IsAvailable | Should -BeTrue
        $report.Reason | Should -Match 'version 2 '
        Stop-MigrationReceiver tls2
        $report = Test-MigrationHost far
        $report.IsAvailable | Should -BeFalse
        $report.Reason | Should -Match 'answers'
        $report.Remedy | Should -Match 'Start-MigrationReceiver'
    }

    It 'is asked before anything is done to the domain' {
        New-Worker untouched
        $null = Connect-Pair
        Stop-MigrationReceiver tls2
        Invoke-PreRecordMigration untouched -Destination far -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DestinationUnreachable,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        $problem = (Test-Migration untouched -Destination far -Window 50ms -Epoch 50ms).Incompatibilities[0]
        $problem.ErrorId | Should -Be 'DestinationUnreachable'
        $problem.Methods.Count | Should -Be 5
    }

    It 'cannot do what only a session on it can: <Command>' -ForEach @(
        @{ Command = 'Get-MigrationDomain'; Arguments = @{ HostName = 'far' } }
        @{ Command = 'New-SimulatedDomain'; Arguments = @{ Name = 'x'; HostName = 'far' } }
        @{ Command = 'Start-MigrationReceiver'; Arguments = @{ HostName = 'far' } }
        @{ Command = 'Start-PreRecord'; Arguments = @{ Name = 'x'; HostName = 'far' } }
    ) {
        $null = Connect-Pair
        $failed = $null
        try {
            $null = & $Command @Arguments -ErrorAction Stop
        }
        catch {
            $failed = $_
        }

        $failed.FullyQualifiedErrorId | Should -Match '^HostIsRemote,'
        $failed.Exception.Message | Should -Match 'another machine'
    }

    It 'needs a name that is free, an address, and is not named with -WhatIf' {
        Connect-MigrationHost tls1 -Address localhost:7000 -Certificate $one -TrustedCertificate $two -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostExists,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
        foreach ($address in 'localhost:0', 'localhost:70000', ':7000', 'a b:7000', 'fd00::2', 'fd00::2:7000') {
            Connect-MigrationHost far -Address $address -Certificate $one -TrustedCertificate $two -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'InvalidAddress,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
        }

        # Where no port is given, the usual one is meant, and said.
        Connect-MigrationHost far -Address 'localhost:' -Certificate $one -TrustedCertificate $two -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].Exception.Message | Should -Match 'no port stands behind its colon'
        Connect-MigrationHost far -Address 192.0.2.1 -TrustedCertificate $two -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].Exception.Message | Should -Match 'Sending to 192\.0\.2\.1:7000 needs a certificate'

        foreach ($address in '[fd00::2]', '[fd00::2]:7000') {
            (Connect-MigrationHost far -Address $address -Certificate $one -TrustedCertificate $two).Address | Should -Be '[fd00::2]:7000'
            Disconnect-MigrationHost far
        }

        Connect-MigrationHost far -Address localhost:7000 -Certificate $one -TrustedCertificate $two -WhatIf | Should -BeNullOrEmpty
        Get-MigrationHost far* | Should -BeNullOrEmpty
    }
}

Describe 'Another machine, through ssh' {
    BeforeAll {
        # What ssh -W does, to this machine.
        $ssh = Get-TestPath ssh
        [System.IO.File]::WriteAllText($ssh, @'
#!/usr/bin/env bash
echo $$ >> "$0.started"
while [ "$1" != -W ] && [ "$1" != -- ]; do shift; done
if [ "$1" = -- ] && [ "$2" = root@xen2 ]; then eval "$3"; exit; fi
if [ "$1" = -- ]; then target=$2; else target=$4; fi
if [ "$target" != root@xen2 ]; then echo "Could not resolve hostname $target" >&2; exit 255; fi
exec 3<> "/dev/tcp/127.0.0.1/${2#127.0.0.1:}"
cat <&3 &
cat >&3
wait
'@)
        [System.IO.File]::SetUnixFileMode($ssh, [System.IO.UnixFileMode] 'UserRead, UserWrite, UserExecute')
        $path = $env:PATH
        $env:PATH = "${TestDrive}:$path"
    }

    AfterAll {
        $env:PATH = $path
    }

    AfterEach {
        Disconnect-Pair
    }

    It 'takes a domain in, with a process for each connection' {
        New-Worker carried
        $receiver = Start-MigrationReceiver tls2
        $far = Connect-MigrationHost far -SshTarget root@xen2 -Port $receiver.Port
        $far.Hypervisor | Should -Match 'ssh'
        (Test-MigrationHost far).IsAvailable | Should -BeTrue
        [System.IO.File]::Delete("$ssh.started")
        (Start-Migration carried -Destination far -Method PostCopy | Wait-Migration).Destination | Should -Be 'far'
        $started = [System.IO.File]::ReadAllLines("$ssh.started")

        # One asked whether the receiver is there, before two carried the domain.
        $started.Count | Should -Be 3
        foreach ($id in $started) {
            [System.IO.Directory]::Exists("/proc/$id") | Should -BeFalse
        }
    }

    It 'says what ssh complains about, and takes no option for a machine' {
        $null = Connect-MigrationHost far -SshTarget root@nowhere
        (Test-MigrationHost far).Reason | Should -Match 'Could not resolve hostname root@nowhere'
        Connect-MigrationHost far2 -SshTarget '-oProxyCommand=x' -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'InvalidOption,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
    }
}
