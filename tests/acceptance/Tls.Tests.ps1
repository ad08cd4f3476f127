# Between hosts: TLS 1.3 with a certificate on both sides. Both hosts are simulated ones of this process, on loopback.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $null = New-SimulatedHost tls1, tls2
    $null = New-MigrationCertificate one -Path $TestDrive
    $null = New-MigrationCertificate two -Path $TestDrive
    $null = New-MigrationCertificate stranger -Path $TestDrive
    function Get-TestPath([string] $name) { [System.IO.Path]::Combine($TestDrive, $name) }
    $one = Get-TestPath one.pem
    $two = Get-TestPath two.pem
    $stranger = Get-TestPath stranger.pem
    $secret = 'correct horse battery'
    $password = [System.Security.SecureString]::new()
    $secret.ToCharArray().ForEach({ $password.AppendChar($_) })
    function New-Worker([string] $name) {
        $null = New-SimulatedDomain $name -HostName tls1 -Memory 8MB -OperationsPerSecond 20000
    }

    # The receiver of tls2, and the name under which this session sends to it.
    function Connect-Pair {
        $receiver = Start-MigrationReceiver tls2 -Certificate $two -TrustedCertificate $one
        Connect-MigrationHost far -Address "localhost:$($receiver.Port)" -Certificate $one -TrustedCertificate $two
    }

    function Disconnect-Pair {
        Get-MigrationHost far* | Disconnect-MigrationHost
        Get-MigrationReceiver tls* | Stop-MigrationReceiver
    }
}

AfterAll {
    Disconnect-MigrationHost tls1, tls2
}

Describe 'New-MigrationCertificate' {
    It 'writes a pair whose key only its owner may read' {
        $made = New-MigrationCertificate fresh -Path $TestDrive -ValidDays 10
        $made.Name | Should -Be 'fresh'
        $made.Thumbprint | Should -Match '^[0-9A-F]{64}$'
        ($made.NotAfter - [DateTimeOffset]::UtcNow).TotalDays | Should -BeLessThan 10.1
        [System.IO.File]::GetUnixFileMode($made.KeyPath) | Should -Be ([System.IO.UnixFileMode] 'UserRead, UserWrite')
        [System.IO.File]::ReadAllText($made.CertificatePath) | Should -Not -Match 'PRIVATE'
        $certificate = [System.Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile($made.CertificatePath, $made.KeyPath)
        $certificate.GetCertHashString('SHA256') | Should -Be $made.Thumbprint
        $certificate.Subject | Should -Be 'CN=fresh'
    }

    It 'takes names from the pipeline, and is valid for the days that are asked for' {
        $made = 'first', 'second' | New-MigrationCertificate -Path $TestDrive -ValidDays 3
        $made.Name -join ',' | Should -Be 'first,second'
        foreach ($certificate in $made) {
            ($certificate.NotAfter - [DateTimeOffset]::UtcNow).TotalDays | Should -BeLessThan 3.1
        }
    }

    It 'replaces nothing without -Force' {
        $kept = [System.IO.File]::ReadAllText($stranger)
        New-MigrationCertificate stranger -Path $TestDrive -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'FileExists,PreRecordMigration.Cmdlets.NewMigrationCertificateCommand'
        [System.IO.File]::ReadAllText($stranger) | Should -Be $kept
        $null = New-MigrationCertificate stranger -Path $TestDrive -Force
        [System.IO.File]::ReadAllText($stranger) | Should -Not -Be $kept
    }

    It 'makes nothing with -WhatIf, nor where there is no folder' {
        New-MigrationCertificate never -Path $TestDrive -WhatIf | Should -BeNullOrEmpty
        [System.IO.File]::Exists((Get-TestPath never.pem)) | Should -BeFalse
        New-MigrationCertificate never -Path (Get-TestPath nowhere/deeper) -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'FileNotFound,PreRecordMigration.Cmdlets.NewMigrationCertificateCommand'
        { New-MigrationCertificate '../up' -Path $TestDrive } | Should -Throw -ErrorId 'ParameterArgumentValidationError,PreRecordMigration.Cmdlets.NewMigrationCertificateCommand'
    }

    It 'makes the folder where only that is missing, for its owner alone' {
        $folder = Get-TestPath fresh
        $null = New-MigrationCertificate never -Path $folder -WhatIf
        [System.IO.Directory]::Exists($folder) | Should -BeFalse
        $made = New-MigrationCertificate folded -Path $folder
        [System.IO.File]::Exists($made.KeyPath) | Should -BeTrue
        [System.IO.File]::GetUnixFileMode($folder) | Should -Be ([System.IO.UnixFileMode] 'UserRead, UserWrite, UserExecute')
        $null = New-MigrationCertificate again -Path "$folder/"
        New-MigrationCertificate never -Path $made.KeyPath -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^FileNotFound,'
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -Match 'LiteralPath'
    }

    It 'encrypts the key with a password that it never shows' {
        $made = New-MigrationCertificate sealed -Path $TestDrive -CertificatePassword $password -Verbose *>&1
        "$made" | Should -Not -Match $secret
        $key = [System.IO.File]::ReadAllText((Get-TestPath sealed.key))
        $key | Should -Match 'ENCRYPTED PRIVATE KEY'
        $key | Should -Not -Match $secret
    }
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
        @{ Case = 'a key that everybody may read'; File = 'open.key'; Mode = 'UserRead, UserWrite, OtherRead'; Reason = 'others than its owner may read'; Command = 'chmod go= ' }
        @{ Case = 'a key that its group may read'; File = 'open.key'; Mode = 'UserRead, UserWrite, GroupRead'; Reason = 'others than its owner may read'; Command = 'chmod go= ' }
        @{ Case = 'a key that its group may write'; File = 'open.key'; Mode = 'UserRead, UserWrite, GroupWrite'; Reason = 'its group may write'; Command = 'chmod go-w ' }
        @{ Case = 'a certificate with its key that everybody may read'; File = 'both.pem'; Mode = 'UserRead, OtherRead'; Reason = 'others than its owner may read'; Command = 'chmod go= ' }
        @{ Case = 'a PKCS 12 file that everybody may read'; File = 'both.pfx'; Mode = 'UserRead, OtherRead'; Reason = 'others than its owner may read'; Command = 'chmod go= ' }
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
        & sh -c ($failed.ErrorDetails.RecommendedAction -replace '^.* and then: ')
        $null = & $receive
        Stop-MigrationReceiver tls2
    }
}

Describe 'Certificates that authorities between have issued' {
    BeforeAll {
        # One that an authority has issued, with its key; without one it has issued itself.
        function New-Issued([string] $name, $issuer, [bool] $isAuthority) {
            $key = [System.Security.Cryptography.ECDsa]::Create([System.Security.Cryptography.ECCurve+NamedCurves]::nistP256)
            $request = [System.Security.Cryptography.X509Certificates.CertificateRequest]::new("CN=$name", $key, 'SHA256')
            $request.CertificateExtensions.Add([System.Security.Cryptography.X509Certificates.X509BasicConstraintsExtension]::new($isAuthority, $false, 0, $true))
            $now = [DateTimeOffset]::UtcNow
            if (-not $issuer) {
                return $request.CreateSelfSigned($now.AddDays(-1), $now.AddDays(9))
            }

            $issued = $request.Create($issuer, $now.AddHours(-1), [DateTimeOffset] $issuer.NotAfter, [guid]::NewGuid().ToByteArray())
            [System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions]::CopyWithPrivateKey($issued, $key)
        }

        $root = New-Issued root $null $true
        $between = New-Issued between $root $true
        $hosts = foreach ($name in 'chain1', 'chain2') { New-Issued $name $between $false }
        [System.IO.File]::WriteAllText((Get-TestPath root.pem), $root.ExportCertificatePem())
        [System.IO.File]::WriteAllText((Get-TestPath between.pem), $between.ExportCertificatePem())
        function Save-Secret([string] $file, [byte[]] $content) {
            [System.IO.File]::WriteAllBytes($file, $content)
            [System.IO.File]::SetUnixFileMode($file, 'UserRead, UserWrite')
        }

        # A file of each kind, for each of both hosts.
        foreach ($own in $hosts) {
            $name = Get-TestPath $own.Subject.Substring(3)
            $leaf = $own.ExportCertificatePem()
            $issuer = $between.ExportCertificatePem()
            $ecdsa = [System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions]::GetECDsaPrivateKey($own)
            $key = $ecdsa.ExportPkcs8PrivateKeyPem()
            Save-Secret "$name.leaf" ([System.Text.Encoding]::UTF8.GetBytes("$leaf`n$key"))
            Save-Secret "$name.down" ([System.Text.Encoding]::UTF8.GetBytes("$leaf`n$issuer`n$key"))
            Save-Secret "$name.up" ([System.Text.Encoding]::UTF8.GetBytes("$key`n$issuer`n$leaf"))
            $all = [System.Security.Cryptography.X509Certificates.X509Certificate2Collection]::new()
            $null = $all.Add([System.Security.Cryptography.X509Certificates.X509CertificateLoader]::LoadCertificate($between.RawData))
            $null = $all.Add($own)
            Save-Secret "$name.bare.pfx" $all.Export('Pfx')
            Save-Secret "$name.locked.pfx" $all.Export('Pfx', $secret)
        }
    }

    AfterEach {
        Disconnect-Pair
    }

    It 'are presented from <Kind>, and lead to <Trusted> on both sides' -ForEach @(
        @{ Kind = 'down'; Trusted = 'root.pem' }
        @{ Kind = 'up'; Trusted = 'root.pem' }
        @{ Kind = 'bare.pfx'; Trusted = 'root.pem' }
        @{ Kind = 'locked.pfx'; Trusted = 'root.pem' }
        @{ Kind = 'leaf'; Trusted = 'between.pem' }
        @{ Kind = 'down'; Trusted = 'between.pem' }
    ) {
        $domain = "chained-$Kind-$Trusted"
        New-Worker $domain
        $given = if ($Kind -eq 'locked.pfx') { @{ CertificatePassword = $password } } else { @{} }
        $receiver = Start-MigrationReceiver tls2 -Certificate (Get-TestPath "chain2.$Kind") -TrustedCertificate (Get-TestPath $Trusted) @given
        $null = Connect-MigrationHost far -Address "localhost:$($receiver.Port)" -Certificate (Get-TestPath "chain1.$Kind") -TrustedCertificate (Get-TestPath $Trusted) @given
        (Invoke-PreRecordMigration $domain -Destination far -Method PostCopy).Destination | Should -Be 'far'
    }

    It 'are missed by who trusts the root alone, and the remedy says where they belong' {
        New-Worker unchained
        $receiver = Start-MigrationReceiver tls2 -Certificate (Get-TestPath chain2.leaf) -TrustedCertificate (Get-TestPath root.pem)
        $null = Connect-MigrationHost far -Address "localhost:$($receiver.Port)" -Certificate (Get-TestPath chain1.leaf) -TrustedCertificate (Get-TestPath root.pem)
        $failed = { Invoke-PreRecordMigration unchained -Destination far -ErrorAction Stop } | Should -Throw -PassThru -ErrorId 'NotTrusted,*'
        $failed.Exception.Message | Should -Match 'CN=chain2.*PartialChain'
        $failed.ErrorDetails.RecommendedAction | Should -Match 'authorities between'
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
        $problem.Methods.Count | Should -Be 4
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

Describe 'A certificate file that cannot be used' {
    BeforeAll {
        $null = New-MigrationCertificate locked -Path $TestDrive -CertificatePassword $password
        $other = [System.Security.SecureString]::new()
        'wrong'.ToCharArray().ForEach({ $other.AppendChar($_) })
        [System.IO.File]::WriteAllText((Get-TestPath empty.pem), '')
        [System.IO.File]::Copy($one, (Get-TestPath keyless.pem), $true)
        [System.IO.File]::WriteAllText((Get-TestPath keyless.key), '')
        $pair = [System.Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile($one, (Get-TestPath one.key))
        [System.IO.File]::WriteAllBytes((Get-TestPath locked.pfx), $pair.Export('Pfx', $password))
        [System.IO.File]::SetUnixFileMode((Get-TestPath locked.pfx), 'UserRead, UserWrite')
        [System.IO.File]::SetUnixFileMode((Get-TestPath keyless.key), 'UserRead, UserWrite')
    }

    It 'is said to be what it is: <Case>' -ForEach @(
        @{ Case = 'a wrong password'; File = 'locked.pem'; Wrong = $true; Id = 'CertificatePasswordWrong'; About = 'locked.key'; Message = 'password' }
        @{ Case = 'a wrong password of PKCS 12'; File = 'locked.pfx'; Wrong = $true; Id = 'CertificatePasswordWrong'; About = 'locked.pfx'; Message = 'password' }
        @{ Case = 'no password'; File = 'locked.pem'; Id = 'CertificatePasswordMissing'; About = 'locked.key'; Message = 'encrypted' }
        @{ Case = 'no password of PKCS 12'; File = 'locked.pfx'; Id = 'CertificatePasswordMissing'; About = 'locked.pfx'; Message = 'encrypted' }
        @{ Case = 'an empty file'; File = 'empty.pem'; Id = 'CertificateUnusable'; About = 'empty.pem'; Message = 'empty' }
        @{ Case = 'an empty key'; File = 'keyless.pem'; Id = 'CertificateUnusable'; About = 'keyless.key'; Message = 'empty' }
        @{ Case = 'a folder'; File = '.'; Id = 'FileIsFolder'; About = ''; Message = 'folder' }
    ) {
        $file = Get-TestPath $File
        $given = if ($Wrong) { @{ CertificatePassword = $other } } else { @{} }
        Start-MigrationReceiver tls2 -Certificate $file -TrustedCertificate $two @given -ErrorAction SilentlyContinue -ErrorVariable failed -WarningAction SilentlyContinue
        $failed[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand"
        $failed[0].Exception.Message | Should -Match $Message
        $failed[0].Exception.Message | Should -Match ([regex]::Escape($About))
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -Match 'LiteralPath'
    }

    It 'is said to be empty among those that are trusted too' {
        Start-MigrationReceiver tls2 -Certificate $one -TrustedCertificate (Get-TestPath empty.pem) -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^CertificateUnusable,'
        $failed[0].Exception.Message | Should -Match 'empty'
    }
}
