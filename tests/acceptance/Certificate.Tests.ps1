# The files with certificates and keys: how they are made, what may be in them, and what is said of those that cannot be used.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'TlsPair.ps1'))
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

    It 'takes several names at once, and checks each' {
        (New-MigrationCertificate third, fourth -Path $TestDrive).Name -join ',' | Should -Be 'third,fourth'
        { New-MigrationCertificate fifth, '../up' -Path $TestDrive } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
        [System.IO.File]::Exists((Get-TestPath fifth.pem)) | Should -BeFalse
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
        $key = [System.Security.Cryptography.ECDsa]::Create([System.Security.Cryptography.ECCurve+NamedCurves]::nistP256)
        $request = [System.Security.Cryptography.X509Certificates.CertificateRequest]::new('CN=asked', $key, 'SHA256')
        [System.IO.File]::WriteAllText((Get-TestPath asked.csr), $request.CreateSigningRequestPem())
        [System.IO.File]::WriteAllText((Get-TestPath asked.key), $key.ExportPkcs8PrivateKeyPem())
        [System.IO.File]::SetUnixFileMode((Get-TestPath asked.key), 'UserRead, UserWrite')
    }

    It 'is said to be what it is: <Case>' -ForEach @(
        @{ Case = 'a wrong password'; File = 'locked.pem'; Wrong = $true; Id = 'CertificatePasswordWrong'; About = 'locked.key'; Message = 'password' }
        @{ Case = 'a wrong password of PKCS 12'; File = 'locked.pfx'; Wrong = $true; Id = 'CertificatePasswordWrong'; About = 'locked.pfx'; Message = 'password' }
        @{ Case = 'no password'; File = 'locked.pem'; Id = 'CertificatePasswordMissing'; About = 'locked.key'; Message = 'encrypted' }
        @{ Case = 'no password of PKCS 12'; File = 'locked.pfx'; Id = 'CertificatePasswordMissing'; About = 'locked.pfx'; Message = 'encrypted' }
        @{ Case = 'an empty file'; File = 'empty.pem'; Id = 'CertificateUnusable'; About = 'empty.pem'; Message = 'empty' }
        @{ Case = 'a request for a certificate'; File = 'asked.csr'; Id = 'CertificateUnusable'; About = 'asked.csr'; Message = 'a request for a certificate: give the certificate that the authority has made' }
        @{ Case = 'a key alone'; File = 'asked.key'; Id = 'CertificateUnusable'; About = 'asked.key'; Message = 'no certificate in it' }
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
