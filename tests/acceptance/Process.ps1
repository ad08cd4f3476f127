# Runs a script file in a fresh process of the shell that the tests run in: pwsh, or the product's own.

# What starts that process; it can be stopped by Ctrl+C even where this one was started in the background.
function New-FreshStart([string] $script) {
    $start = [System.Diagnostics.ProcessStartInfo]::new('env')
    $start.ArgumentList.Add('--default-signal=INT')
    $start.ArgumentList.Add([Environment]::ProcessPath)
    $name = [System.IO.Path]::GetFileNameWithoutExtension([Environment]::ProcessPath)
    if ($name -eq 'dotnet') {
        # A pwsh that is a .NET tool.
        $start.ArgumentList.Add([Environment]::GetCommandLineArgs()[0])
    }

    # Neither imports the module, nor reads a profile: the script does what it needs.
    $options = if ($name -eq 'prerecord-shell') { '-NoModule' } else { '-NoProfile' }
    foreach ($argument in @($options) + '-File' + $script) {
        $start.ArgumentList.Add($argument)
    }

    foreach ($variable in 'PRERECORD_CONFIGURATION', 'PRERECORD_SYSTEM_CONFIGURATION') {
        $start.Environment[$variable] = '/nonexistent/settings.json'
    }

    $start.WorkingDirectory = [System.IO.Path]::GetDirectoryName($script)
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start
}

# Runs it to its end, with some answers on its standard input, and returns what it wrote.
function Invoke-Fresh([string] $script, [string] $answers = '') {
    $process = [System.Diagnostics.Process]::Start((New-FreshStart $script))
    try {
        $process.StandardInput.Write($answers)
        $process.StandardInput.Close()
        $errors = $process.StandardError.ReadToEndAsync()
        $output = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        [pscustomobject] @{ Output = $output; Errors = $errors.Result; ExitCode = $process.ExitCode }
    }
    finally {
        $process.Dispose()
    }
}
