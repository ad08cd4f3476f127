# Loads the module's assemblies. The engine goes to the default load context, where type literals of scripts see it, and its one
# package follows it there when it is first used: where another module has brought that in another version, migrations go without
# compression. The cmdlets and every package they need go to a load context of their own, so that no other module's assemblies get in
# their way. A second runspace of the process finds what the first one loaded: hosts,
# receivers and recordings belong to the process.

$contextName = 'PreRecordMigration'
$bin = [System.IO.Path]::Combine($PSScriptRoot, 'bin')
$cmdlets = $null

[System.Threading.Monitor]::Enter([System.Runtime.Loader.AssemblyLoadContext]::Default)
try {
    $context = $null
    foreach ($candidate in [System.Runtime.Loader.AssemblyLoadContext]::All) {
        if ($candidate.Name -ceq $contextName) {
            $context = $candidate
        }
    }

    if ($null -eq $context) {
        # LoadFrom is the default context's load that a later reference by name finds.
        $null = [System.Reflection.Assembly]::LoadFrom([System.IO.Path]::Combine($bin, 'PreRecordMigration.Engine.dll'))
        $context = [System.Runtime.Loader.AssemblyLoadContext]::new($contextName)
        foreach ($file in [System.IO.Directory]::GetFiles($bin, '*.dll')) {
            if ([System.IO.Path]::GetFileName($file) -cnotin 'PreRecordMigration.Engine.dll', 'K4os.Compression.LZ4.dll') {
                $null = $context.LoadFromAssemblyPath($file)
            }
        }
    }
    else {
        # What is loaded stays loaded, whatever is imported, and would run under this version's help and views. It is told by what the
        # compiler names each build with: two builds may have one version, and the files of a folder may be others by now.
        foreach ($assembly in @($context.Assemblies) + [System.Runtime.Loader.AssemblyLoadContext]::Default.Assemblies) {
            $name = $assembly.GetName().Name
            if ($name -cnotin 'PreRecordMigration.Cmdlets', 'PreRecordMigration.Engine') {
                continue
            }

            $path = [System.IO.Path]::Combine($bin, "$name.dll")
            $reader = [System.Reflection.PortableExecutable.PEReader]::new([System.IO.File]::OpenRead($path))
            try {
                $metadata = [System.Reflection.Metadata.PEReaderExtensions]::GetMetadataReader($reader)
                $build = $metadata.GetGuid($metadata.GetModuleDefinition().Mvid)
            }
            finally {
                $reader.Dispose()
            }

            if ($build -ne $assembly.ManifestModule.ModuleVersionId) {
                $running = [System.Reflection.CustomAttributeExtensions]::GetCustomAttribute(
                    $assembly, [System.Reflection.AssemblyInformationalVersionAttribute]).InformationalVersion
                $other = [System.Diagnostics.FileVersionInfo]::GetVersionInfo($path).ProductVersion
                $what = if ($other -ceq $running) { "another build of it from '$path'" } else { "$other from '$path'" }
                $record = [System.Management.Automation.ErrorRecord]::new(
                    [System.InvalidOperationException]::new(
                        "This process runs PreRecordMigration $running from '$($assembly.Location)' already, and cannot run $what beside it."),
                    'ModuleVersionLoaded', 'ResourceExists', $path)
                $record.ErrorDetails = [System.Management.Automation.ErrorDetails]::new($record.Exception.Message)
                $record.ErrorDetails.RecommendedAction = 'Start a new session, and import the one that you mean there.'
                throw $record
            }
        }
    }

    foreach ($assembly in $context.Assemblies) {
        if ($assembly.GetName().Name -ceq 'PreRecordMigration.Cmdlets') {
            $cmdlets = $assembly
        }
    }
}
finally {
    [System.Threading.Monitor]::Exit([System.Runtime.Loader.AssemblyLoadContext]::Default)
}

# Not by the manifest: PowerShell would take them in before this file could refuse another version, and fail at what is there already. A script that
# only tries what it would do, or asks before it does something, means what it does, and not that.
if ($null -eq (Microsoft.PowerShell.Utility\Get-TypeData 'PreRecordMigration.Operations.MigrationOutcome')) {
    Microsoft.PowerShell.Utility\Update-TypeData -AppendPath ([System.IO.Path]::Combine($PSScriptRoot, 'PreRecordMigration.Types.ps1xml')) -WhatIf:$false -Confirm:$false
}

$inner = Microsoft.PowerShell.Core\Import-Module -Assembly $cmdlets -PassThru

# On a second import into the same session PowerShell knows the assembly already and exports nothing: add what it knows.
if ($ExecutionContext.SessionState.Module.ExportedCmdlets.Count -eq 0) {
    $add = [System.Management.Automation.PSModuleInfo].GetMethod(
        'AddExportedCmdlet', [System.Reflection.BindingFlags]'Instance, NonPublic')
    foreach ($cmdlet in $inner.ExportedCmdlets.Values) {
        $null = $add.Invoke($ExecutionContext.SessionState.Module, @(, $cmdlet))
    }
}

# What this runspace began is for all that have the module; when the last of them has lost it, what has not left ends.
$hold = $cmdlets.GetType('PreRecordMigration.Cmdlets.Lifetime.ModuleHold')::Take($Host)
$ExecutionContext.SessionState.Module.OnRemove = { $hold.Release() }
