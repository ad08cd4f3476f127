# What of a move is compressed.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    $null = New-SimulatedHost pack1, pack2

    # Its pages repeat after a quarter.
    function New-Repeating([string] $name) { $null = New-SimulatedDomain $name -HostName pack1 -Memory 8MB -ContentPeriod 1KB -OperationsPerSecond 20000 }
}

AfterAll {
    Disconnect-MigrationHost pack1, pack2
}

Describe 'Invoke-PreRecordMigration -Compression' {
    It 'sends less, and says so: <Method>' -ForEach @(
        @{ Method = 'PreCopy' }
        @{ Method = 'PostCopy' }
        @{ Method = 'Hybrid' }
        @{ Method = 'PreRecord' }
    ) {
        New-Repeating "always$Method"
        $result = Invoke-PreRecordMigration "always$Method" pack2 -Method $Method -Compression Always
        $result.PageBytesSent | Should -BeGreaterThan 0
        $result.PageBytesSent | Should -BeLessThan ($result.PageBytes / 2)
        $result.BytesSent | Should -BeGreaterThan $result.PageBytesSent
        "$((Get-MigrationDomain "always$Method" -HostName pack2).State)" | Should -Be 'Running'
    }

    It 'is done by itself where a limit makes the link slow' {
        New-Repeating slowed
        $result = Invoke-PreRecordMigration slowed pack2 -Method PostCopy -BandwidthLimit 32MB/s
        $result.PageBytesSent | Should -BeLessThan ($result.PageBytes / 2)
    }

    It 'is left out with Off, also where that is configured' {
        New-Repeating off
        Set-MigrationConfiguration Compression Off
        try {
            $result = Invoke-PreRecordMigration off pack2 -Method PostCopy -BandwidthLimit 32MB/s
        }
        finally {
            Set-MigrationConfiguration Compression -Clear
        }

        $result.PageBytesSent | Should -Be $result.PageBytes
        (Get-MigrationConfiguration Compression).Value | Should -Be 'Auto'
    }

    It 'is completed by its names' {
        $text = 'Invoke-PreRecordMigration x -Compression '
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($text, $text.Length, $null).CompletionMatches.CompletionText
        $found | Should -Be 'Always', 'Auto', 'Off'
    }
}

Describe 'Another module that brings an older version of the codec' {
    It 'makes moves go without compression, and nothing else' {
        $base = (Get-Module PreRecordMigration).ModuleBase
        $package = 'K4os.Compression.LZ4'
        $folder = [System.IO.Path]::Combine($TestDrive, 'older')
        $null = [System.IO.Directory]::CreateDirectory($folder)
        $older = [System.IO.Path]::Combine($folder, "$package.dll")
        $builder = [System.Reflection.Emit.PersistedAssemblyBuilder]::new([System.Reflection.AssemblyName]::new("$package, Version=1.0.0.0"), [object].Assembly)
        $null = $builder.DefineDynamicModule($package).DefineType('Older.Marker', 'Public').CreateType()
        $builder.Save($older)
        $script = [System.IO.Path]::Combine($folder, 'move.ps1')
        [System.IO.File]::WriteAllText($script, "
            `$ErrorActionPreference = 'Stop'
            `$null = [System.Reflection.Assembly]::LoadFrom('$older')
            Import-Module '$base/PreRecordMigration.psd1'
            `$null = New-SimulatedHost a, b
            `$null = New-SimulatedDomain vm a -Memory 8MB -ContentPeriod 1KB -OperationsPerSecond 20000
            `$result = Invoke-PreRecordMigration vm b -Method PostCopy -Compression Always
            'RESULT ' + `$result.DomainName + ' ' + (`$result.PageBytes -eq `$result.PageBytesSent)")
        $child = Invoke-Fresh $script
        "$($child.Output) $($child.Errors)" | Should -Match 'RESULT vm True'
    }

    It 'is told from the module''s own, which lies beside the engine and is loaded once' {
        New-Repeating loaded
        $null = Invoke-PreRecordMigration loaded pack2 -Method PostCopy -Compression Always
        $codec = @([System.AppDomain]::CurrentDomain.GetAssemblies().Where({ $_.GetName().Name -eq 'K4os.Compression.LZ4' }))
        $codec.Count | Should -Be 1
        [System.Runtime.Loader.AssemblyLoadContext]::GetLoadContext($codec[0]).Name | Should -Be 'Default'
    }
}
