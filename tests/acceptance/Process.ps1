# Runs a script file in a fresh process of the pwsh that the tests run in.

# What starts that process; it can be stopped by Ctrl+C even where this one was started in the background. Alone, it sees nothing of what the processes
# of the tests have, nor they of it.
function New-FreshStart([string] $script, [switch] $Alone) {
    $start = [System.Diagnostics.ProcessStartInfo]::new('env')
    $start.ArgumentList.Add('--default-signal=INT')
    $start.ArgumentList.Add([Environment]::ProcessPath)
    if ([System.IO.Path]::GetFileName([Environment]::ProcessPath) -eq 'dotnet') {
        # A pwsh without a program of its own.
        $start.ArgumentList.Add([Environment]::GetCommandLineArgs()[0])
    }

    foreach ($argument in '-NoProfile', '-File', $script) {
        $start.ArgumentList.Add($argument)
    }

    foreach ($variable in 'PRERECORD_CONFIGURATION', 'PRERECORD_SYSTEM_CONFIGURATION') {
        $start.Environment[$variable] = [System.IO.Path]::Combine($env:PRERECORD_RUNTIME_DIRECTORY, 'NoSettings.json')
    }

    if ($Alone) {
        $start.Environment['PRERECORD_RUNTIME_DIRECTORY'] = [System.IO.Path]::Combine($TestDrive, [System.IO.Path]::GetRandomFileName())
    }

    $start.WorkingDirectory = [System.IO.Path]::GetDirectoryName($script)
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start
}

# Runs it to its end, with some answers on its standard input, and returns what it wrote.
function Invoke-Fresh([string] $script, [string] $answers = '', [switch] $Alone) {
    $process = [System.Diagnostics.Process]::Start((New-FreshStart $script -Alone:$Alone))
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
