# Loads the module's assemblies. The engine has no dependencies and goes to the default load context, where type literals
# of scripts see it. The cmdlets and every package they need go to a load context of their own, so that no other
# module's assemblies get in their way. A second runspace of the process finds what the first one loaded: hosts,
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
            if ([System.IO.Path]::GetFileName($file) -cne 'PreRecordMigration.Engine.dll') {
                $null = $context.LoadFromAssemblyPath($file)
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

$inner = Microsoft.PowerShell.Core\Import-Module -Assembly $cmdlets -PassThru

# On a second import into the same session PowerShell knows the assembly already and exports nothing: add what it knows.
if ($ExecutionContext.SessionState.Module.ExportedCmdlets.Count -eq 0) {
    $add = [System.Management.Automation.PSModuleInfo].GetMethod(
        'AddExportedCmdlet', [System.Reflection.BindingFlags]'Instance, NonPublic')
    foreach ($cmdlet in $inner.ExportedCmdlets.Values) {
        $null = $add.Invoke($ExecutionContext.SessionState.Module, @(, $cmdlet))
    }
}
