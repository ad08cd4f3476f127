BeforeDiscovery {
    # The export snapshot: every cmdlet with its parameters. A change of it is a change that users see.
    $exported = [System.IO.File]::ReadAllLines([System.IO.Path]::Combine($PSScriptRoot, 'Exports.txt')).ForEach({ $_.Split(' ')[0] })
}

Describe 'The module' {
    BeforeAll {
        $module = Get-Module PreRecordMigration
        $manifest = [System.IO.Path]::Combine($module.ModuleBase, 'PreRecordMigration.psd1')
    }

    It 'exports what its manifest says, all of it and nothing else' {
        $said = (Test-ModuleManifest $manifest).ExportedCmdlets.Keys
        $names = [string[]] $module.ExportedCommands.Keys
        [Array]::Sort($names)
        $names -join ' ' | Should -BeExactly (@($said) -join ' ')
    }

    It 'has the cmdlets and parameters of the export snapshot' {
        $common = [System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
        $exports = foreach ($command in $module.ExportedCmdlets.Values) {
            $parameters = foreach ($parameter in $command.Parameters.Values) {
                if ($parameter.Name -notin $common) {
                    "-$($parameter.Name):$($parameter.ParameterType.ToString().Split('.')[-1].TrimEnd(']').Replace('[', '[]'))"
                }
            }

            $sorted = [string[]] @($parameters)
            [Array]::Sort($sorted, [StringComparer]::Ordinal)
            "$($command.Name) $($sorted -join ' ')".TrimEnd()
        }

        $lines = [string[]] @($exports)
        [Array]::Sort($lines, [StringComparer]::Ordinal)
        $expected = [System.IO.File]::ReadAllLines([System.IO.Path]::Combine($PSScriptRoot, 'Exports.txt'))
        foreach ($line in $lines) {
            $expected | Should -Contain $line
        }

        $lines.Count | Should -Be $expected.Count
    }

    It 'says what it needs' {
        $module.PowerShellVersion | Should -Be ([Version] '7.6')
        $module.CompatiblePSEditions -join ',' | Should -Be 'Core'
        $module.LicenseUri | Should -Not -BeNullOrEmpty
        # The project has no public address yet; one that is not its own must not be named.
        $module.ProjectUri | Should -BeNullOrEmpty
        $module.Tags | Should -Contain 'Xen'
    }

    It 'ships no copy of PowerShell' {
        $files = [System.IO.Directory]::GetFiles($module.ModuleBase, '*.dll', 'AllDirectories').ForEach({ [System.IO.Path]::GetFileName($_) })
        $files | Should -Contain 'PreRecordMigration.Engine.dll'
        $files | Should -Not -Contain 'System.Management.Automation.dll'
    }

    It 'keeps the engine in the default load context, where type literals see it' {
        $engine = [PreRecordMigration.Options.MigrationMethod].Assembly
        [System.Runtime.Loader.AssemblyLoadContext]::GetLoadContext($engine).Name | Should -Be 'Default'
    }

    It 'keeps the cmdlets in a load context of their own' {
        $cmdlets = (Get-Command Get-MigrationDomain).ImplementingType.Assembly
        [System.Runtime.Loader.AssemblyLoadContext]::GetLoadContext($cmdlets).Name | Should -Be 'PreRecordMigration'
    }

    It 'writes to no console: everything goes through the streams' {
        foreach ($type in (Get-Command Get-MigrationDomain).ImplementingType, [PreRecordMigration.Options.MigrationMethod]) {
            $type.Assembly.GetReferencedAssemblies().Name | Should -Not -Contain 'System.Console'
        }
    }

    It 'loads nothing native' {
        $maps = '/proc/self/maps'
        if ([System.IO.File]::Exists($maps)) {
            [System.IO.File]::ReadAllText($maps) | Should -Not -Match 'libxen|libprerecordxen'
        }
    }

    It 'imports again, forced, with all its commands and the hosts of before' {
        $null = New-SimulatedHost kept
        try {
            Import-Module $manifest -Force
            (Get-Module PreRecordMigration).ExportedCommands.Count | Should -Be $module.ExportedCommands.Count
            (Get-MigrationHost kept).Name | Should -Be 'kept'
        }
        finally {
            Disconnect-MigrationHost kept
        }
    }

    It 'imports in another runspace, which shares the hosts' {
        $null = New-SimulatedHost shared
        $runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
            [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
        $shell = [System.Management.Automation.PowerShell]::Create()
        try {
            $runspace.Open()
            $shell.Runspace = $runspace
            $null = $shell.AddScript('param($manifest) Import-Module $manifest; (Get-MigrationHost shared).Name').AddArgument($manifest)
            $names = $shell.Invoke()
            $shell.Streams.Error.Count | Should -Be 0
            $names[0] | Should -Be 'shared'
        }
        finally {
            $shell.Dispose()
            $runspace.Dispose()
            Disconnect-MigrationHost shared
        }
    }
}

Describe 'The cmdlet <_>' -ForEach $exported {
    BeforeAll {
        $command = Get-Command $_ -Module PreRecordMigration
        $help = Get-Help $_
        $common = [System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
    }

    It 'has an approved verb and a singular noun' {
        $approved = [System.Management.Automation.VerbsCommon], [System.Management.Automation.VerbsLifecycle],
            [System.Management.Automation.VerbsDiagnostic], [System.Management.Automation.VerbsData], [System.Management.Automation.VerbsCommunications]
        $verbs = $approved.ForEach({ $_.GetFields().ForEach({ $_.GetRawConstantValue() }) })
        $verbs | Should -Contain $command.Verb
        $command.Noun | Should -Not -Match 's$'
    }

    It 'says what it returns' {
        # What ends a host has nothing to return.
        $command.OutputType.Count -gt 0 | Should -Be ($command.Name -ne 'Disconnect-MigrationHost')
    }

    It 'returns what nobody can change' {
        foreach ($type in $command.OutputType.Where({ $_.Name.StartsWith('PreRecordMigration.') }).Type) {
            foreach ($property in $type.GetProperties().Where({ $_.SetMethod.IsPublic })) {
                # An init accessor, of a record.
                $property.SetMethod.ReturnParameter.GetRequiredCustomModifiers().Name | Should -Contain 'IsExternalInit' -Because "$type.$($property.Name)"
            }
        }
    }

    It 'understands -WhatIf where it changes something' {
        $changes = $command.Verb -notin 'Get', 'Import', 'Measure', 'Test', 'Wait' -or $command.Name -eq 'Measure-Migration'
        $command.Parameters.ContainsKey('WhatIf') | Should -Be $changes
        if ($changes) {
            # Nothing asks unless somebody wants it to: what cannot be undone has -Force, and asks by itself.
            $impact = $command.ImplementingType.GetCustomAttributes([System.Management.Automation.CmdletAttribute], $false)[0].ConfirmImpact
            "$impact" | Should -BeIn 'Low', 'Medium'
        }
    }

    It 'has at most three parameter sets' {
        $command.ParameterSets.Count | Should -BeLessOrEqual 3
    }

    It 'has help with a synopsis, a description and examples' {
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match ([regex]::Escape($command.Name))
        "$($help.description.Text)" | Should -Not -BeNullOrEmpty
        @($help.examples.example).Count | Should -BeGreaterThan 0
    }

    It 'shows what each example prints, unless it prints nothing by design' {
        $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'en-US', 'PreRecordMigration.Cmdlets.dll-Help.xml')
        $text = [xml] [System.IO.File]::ReadAllText($path)
        $own = @($text.helpItems.command).Where({ $_.details.name -eq $command.Name })[0]
        foreach ($example in @($own.examples.example)) {
            # A paragraph that is a sentence is what is said about the example; any other is what it printed.
            $printed = @($example.remarks.para).Where({ $_ -match "`n" -or $_ -notmatch '\.$' -or $_ -match '^What if: ' })
            $isSilent = $command.OutputType.Count -eq 0 -or ($command.Parameters.ContainsKey('PassThru') -and $example.code -notmatch '-PassThru')
            ($printed.Count -gt 0 -or $isSilent) | Should -BeTrue -Because $example.code
        }
    }

    It 'has help that says of each parameter what is so' {
        $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'en-US', 'PreRecordMigration.Cmdlets.dll-Help.xml')
        $text = [xml] [System.IO.File]::ReadAllText($path)
        $own = @($text.helpItems.command).Where({ $_.details.name -eq $command.Name })[0]
        @($own.syntax.syntaxItem).Count | Should -Be $command.ParameterSets.Count
        foreach ($said in @($own.parameters.parameter)) {
            $parameter = $command.Parameters[$said.name]
            $attributes = $parameter.Attributes.Where({ $_ -is [System.Management.Automation.ParameterAttribute] })
            $ways = @(
                if ($attributes.ValueFromPipeline -contains $true) { 'ByValue' }
                if ($attributes.ValueFromPipelineByPropertyName -contains $true) { 'ByPropertyName' }
            )
            $pipeline = if ($ways) { "true ($($ways -join ', '))" } else { 'false' }
            $said.pipelineInput | Should -Be $pipeline -Because $said.name
            $said.required | Should -Be "$($attributes.Mandatory -notcontains $false)".ToLowerInvariant() -Because $said.name
            $globbing = @($parameter.Attributes.Where({ $_ -is [System.Management.Automation.SupportsWildcardsAttribute] })).Count -gt 0
            $said.globbing | Should -Be "$globbing".ToLowerInvariant() -Because $said.name
            $position = @($attributes.Position).Where({ $_ -ge 0 })
            $said.position | Should -Be ($position.Count -gt 0 ? "$($position[0])" : 'named') -Because $said.name
        }
    }

    It 'has help with the default of every parameter, which is the one that it has' {
        $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'en-US', 'PreRecordMigration.Cmdlets.dll-Help.xml')
        $text = [xml] [System.IO.File]::ReadAllText($path)
        $own = @($text.helpItems.command).Where({ $_.details.name -eq $command.Name })[0]
        $instance = [Activator]::CreateInstance($command.ImplementingType)
        foreach ($said in @($own.parameters.parameter)) {
            $parameter = $command.Parameters[$said.name]
            $isMandatory = $parameter.Attributes.Where({ $_ -is [System.Management.Automation.ParameterAttribute] }).Mandatory -notcontains $false
            $value = ($command.ImplementingType.GetProperty($said.name))?.GetValue($instance)
            $expected = if ($parameter.ParameterType -eq [switch]) {
                'False'
            }
            elseif ($isMandatory -or "$value" -eq '') {
                'None'
            }
            elseif ("$value" -eq [Environment]::MachineName) {
                'the name of this machine'
            }
            elseif ($parameter.Attributes.IsRate -contains $true) {
                "$($value * 8 / 1e9)Gbit/s"
            }
            elseif ($value -is [TimeSpan]) {
                $value.TotalMinutes -ge 1 ? "$($value.TotalMinutes)min" : $value.TotalSeconds -ge 1 ? "$($value.TotalSeconds)s" : "$($value.TotalMilliseconds)ms"
            }
            elseif ($value -is [long] -and $value % 1MB -eq 0) {
                $value % 1GB -eq 0 ? "$($value / 1GB)GB" : "$($value / 1MB)MB"
            }
            else {
                @($value) -join ', '
            }

            $said.defaultValue | Should -Be $expected -Because "-$($said.name)"
        }
    }

    It 'has help for every parameter' {
        $described = @($help.parameters.parameter).Where({ "$($_.description.Text)" }).ForEach({ $_.name })
        foreach ($parameter in $command.Parameters.Keys) {
            if ($parameter -notin $common) {
                $described | Should -Contain $parameter
            }
        }
    }

    It 'has a table and a list view for what it returns of its own' {
        $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.Format.ps1xml')
        $format = [xml] [System.IO.File]::ReadAllText($path)
        foreach ($type in $command.OutputType.Where({ $_.Name.StartsWith('PreRecordMigration.') })) {
            $views = @($format.Configuration.ViewDefinitions.View).Where({ $_.ViewSelectedBy.TypeName -eq $type.Name })
            @($views.Where({ $_.TableControl })).Count | Should -Be 1
            @($views.Where({ $_.ListControl })).Count | Should -Be 1
        }
    }
}

Describe 'The help topic <_>' -ForEach 'about_PreRecordMigration', 'about_RemotePF', 'about_MigrationFailure' {
    It 'is there, and says what it is about' {
        $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'en-US', "$_.help.txt")
        $text = [System.IO.File]::ReadAllText($path)
        $text | Should -Match 'SHORT DESCRIPTION'
        $text | Should -Match 'LONG DESCRIPTION'
        foreach ($line in $text.Split("`n")) {
            $line.Length | Should -BeLessOrEqual 120
        }
    }
}

Describe 'The views' {
    BeforeAll {
        $path = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.Format.ps1xml')
        $format = [xml] [System.IO.File]::ReadAllText($path)
    }

    It 'have no table wider than 80 columns, the last of which PowerShell leaves empty' {
        foreach ($view in @($format.Configuration.ViewDefinitions.View).Where({ $_.TableControl })) {
            $width = -1
            foreach ($column in @($view.TableControl.TableHeaders.TableColumnHeader)) {
                $width += 1 + [int] $column.Width
            }

            $width | Should -BeLessOrEqual 79 -Because $view.Name
        }
    }

    It 'label every item of a list with the property that has it' {
        $types = [System.AppDomain]::CurrentDomain.GetAssemblies().Where({ $_.GetName().Name -like 'PreRecordMigration.*' })
        foreach ($view in @($format.Configuration.ViewDefinitions.View).Where({ $_.ListControl })) {
            $type = @($types.ForEach({ $_.GetType($view.ViewSelectedBy.TypeName) }).Where({ $_ }))[0]
            $properties = @($type.GetProperties().Name)
            foreach ($item in @($view.ListControl.ListEntries.ListEntry.ListItems.ListItem)) {
                $properties | Should -Contain $item.Label -Because "the list of $type shows it"
            }
        }
    }

    It 'are there for every type of the module that a property of a returned object has' {
        $viewed = @($format.Configuration.ViewDefinitions.View).ViewSelectedBy.TypeName
        $waiting = [System.Collections.Generic.Queue[type]]::new()
        $seen = [System.Collections.Generic.HashSet[type]]::new()
        foreach ($command in (Get-Module PreRecordMigration).ExportedCmdlets.Values) {
            foreach ($output in $command.OutputType.Where({ $_.Type -and $_.Name.StartsWith('PreRecordMigration.') })) {
                $waiting.Enqueue($output.Type)
            }
        }

        while ($waiting.Count -gt 0) {
            $type = $waiting.Dequeue()
            if (-not $seen.Add($type)) {
                continue
            }

            # A recording's accesses and pages are data in bulk; their own cmdlets show them.
            if ($type.Name -in 'AccessTrajectory', 'PageBitmap') {
                continue
            }

            $viewed | Should -Contain $type.FullName

            foreach ($property in $type.GetProperties()) {
                # A list shows what is in it.
                $inner = @($property.PropertyType) + $property.PropertyType.GetGenericArguments() + ($property.PropertyType.BaseType)?.GetGenericArguments()
                foreach ($candidate in @($inner).Where({ "$($_.Namespace)".StartsWith('PreRecordMigration.') -and -not $_.IsEnum -and -not $_.IsAssignableTo([System.Collections.IEnumerable]) })) {
                    $waiting.Enqueue($candidate)
                }
            }
        }
    }

    It 'are of types that there are' {
        $assemblies = [PreRecordMigration.Options.MigrationMethod].Assembly, (Get-Command Get-MigrationDomain).ImplementingType.Assembly
        foreach ($name in @($format.Configuration.ViewDefinitions.View).ViewSelectedBy.TypeName.ForEach({ $_ -replace '#.*' })) {
            @($assemblies.ForEach({ $_.GetType($name) })).Where({ $null -ne $_ }).Count | Should -Be 1 -Because $name
        }
    }
}

Describe 'Importing the module' {
    BeforeAll {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    }

    It 'opens no connection' {
        $script = [System.IO.Path]::Combine($TestDrive, 'import.ps1')
        [System.IO.File]::WriteAllText($script, "
            function Get-SocketCount {
                [System.IO.Directory]::GetFiles('/proc/self/fd').Where({ [System.IO.FileInfo]::new(`$_).LinkTarget -match 'socket' }).Count
            }

            `$before = Get-SocketCount
            Import-Module '$([System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1'))'
            `"SOCKETS `$before `$(Get-SocketCount)`"")
        (Invoke-Fresh $script).Output | Should -Match 'SOCKETS (\d+) \1'
    }
}

Describe 'Another module that brings another version of a package' {
    BeforeAll {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    }

    It 'and this module work beside each other, in a process of their own' {
        $base = (Get-Module PreRecordMigration).ModuleBase
        $package = 'Microsoft.Extensions.Configuration'
        $folder = [System.IO.Path]::Combine($TestDrive, 'other')
        $null = [System.IO.Directory]::CreateDirectory($folder)
        $other = [System.IO.Path]::Combine($folder, "$package.dll")
        $name = [System.Reflection.AssemblyName]::new("$package, Version=1.2.3.4")
        $builder = [System.Reflection.Emit.PersistedAssemblyBuilder]::new($name, [object].Assembly)
        $type = $builder.DefineDynamicModule($package).DefineType('OtherModule.Marker', 'Public')
        $null = $type.CreateType()
        $builder.Save($other)

        # The other module is there first, and its package is in the default load context.
        $script = [System.IO.Path]::Combine($folder, 'both.ps1')
        [System.IO.File]::WriteAllText($script, "
            `$ErrorActionPreference = 'Stop'
            `$marker = [System.Reflection.Assembly]::LoadFrom('$other').GetType('OtherModule.Marker')
            Import-Module '$base/PreRecordMigration.psd1'
            `$window = (Get-MigrationConfiguration Window).Value
            `$mine = (Get-Command Get-MigrationConfiguration).ImplementingType.Assembly
            `$context = [System.Runtime.Loader.AssemblyLoadContext]::GetLoadContext(`$mine)
            `$version = @(`$context.Assemblies).Where({ `$_.GetName().Name -eq '$package' })[0].GetName().Version
            'RESULT ' + `$marker.Assembly.GetName().Version + ' ' + (`$version.Major -ge 10) + ' ' + `$window.TotalMilliseconds")
        $child = Invoke-Fresh $script
        "$($child.Output) $($child.Errors)" | Should -Match 'RESULT 1\.2\.3\.4 True 500'
    }
}
