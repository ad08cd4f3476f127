# Two builds of the module in one process: what is loaded stays loaded, so the second one is refused.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    $base = (Get-Module PreRecordMigration).ModuleBase

    # Another build of the module: another identity of its assemblies, and where that is given another version.
    function New-Build([string] $name, [string] $version) {
        $folder = [System.IO.Path]::Combine($TestDrive, $name, 'PreRecordMigration')
        Copy-Item $base $folder -Recurse -Force
        foreach ($assembly in 'PreRecordMigration.Engine', 'PreRecordMigration.Cmdlets') {
            $path = [System.IO.Path]::Combine($folder, 'bin', "$assembly.dll")
            $text = [System.Text.Encoding]::Latin1.GetString([System.IO.File]::ReadAllBytes($path))
            $loaded = if ($assembly -match 'Engine') { [PreRecordMigration.Options.MigrationMethod].Assembly } else { (Get-Command Get-Migration).ImplementingType.Assembly }
            $identity = [System.Text.Encoding]::Latin1.GetString($loaded.ManifestModule.ModuleVersionId.ToByteArray())
            $text.Contains($identity, [System.StringComparison]::Ordinal) | Should -BeTrue
            $text = $text.Replace($identity, [System.Text.Encoding]::Latin1.GetString([guid]::NewGuid().ToByteArray()))
            if ($version) {
                $text = $text.Replace('0.1.0+', "$version+")
            }

            [System.IO.File]::WriteAllBytes($path, [System.Text.Encoding]::Latin1.GetBytes($text))
        }

        [System.IO.Path]::Combine($folder, 'PreRecordMigration.psd1')
    }

    function Import-Both([string] $first, [string] $second, [string] $between) {
        $script = [System.IO.Path]::Combine($TestDrive, "$([guid]::NewGuid()).ps1")
        [System.IO.File]::WriteAllText($script, "
            Import-Module '$first'
            $between
            try {
                Import-Module '$second' -Force -ErrorAction Stop
            }
            catch {
                `$_.FullyQualifiedErrorId
                `$_.Exception.Message
                `$_.ErrorDetails.RecommendedAction
            }

            'EXPORTS ' + @(Get-Module PreRecordMigration | Where-Object Path -match ([regex]::Escape([System.IO.Path]::GetDirectoryName('$second')))).ExportedCommands.Count
            Import-Module '$first'
            'RUNS ' + (New-SimulatedHost still).Name")
        Invoke-Fresh $script
    }
}

Describe 'A second build of the module in one process' {
    It 'is refused with both versions, and with what to do' {
        $other = New-Build newer '0.9.7'
        $child = Import-Both "$base/PreRecordMigration.psd1" $other
        $child.Output | Should -Match '(?m)^ModuleVersionLoaded'
        $child.Output | Should -Match "This process runs PreRecordMigration 0\.1\.0\S* from '$([regex]::Escape($base)).*already, and cannot run 0\.9\.7\S* from '$([regex]::Escape([System.IO.Path]::GetDirectoryName($other)))"
        $child.Output | Should -Match 'Start a new session'
        $child.Output | Should -Match '(?m)^EXPORTS 0'
        $child.Output | Should -Match 'RUNS still'
    }

    It 'is refused when the first one was removed, too: what is loaded stays' {
        (Import-Both "$base/PreRecordMigration.psd1" (New-Build later '0.9.8') 'Remove-Module PreRecordMigration').Output | Should -Match 'cannot run 0\.9\.8'
    }

    It 'is refused where both say the same version' {
        (Import-Both "$base/PreRecordMigration.psd1" (New-Build same '')).Output | Should -Match 'cannot run another build of it from'
    }

    It 'is none where the same files are elsewhere' {
        $folder = [System.IO.Path]::Combine($TestDrive, 'copy', 'PreRecordMigration')
        Copy-Item $base $folder -Recurse
        $child = Import-Both "$base/PreRecordMigration.psd1" "$folder/PreRecordMigration.psd1"
        $child.Output | Should -Match '^EXPORTS [1-9]\d+\s+RUNS still\s*$'
    }
}
