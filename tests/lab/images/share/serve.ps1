# Serves commands to a process that has no PowerShell, so that one PowerShell is started for all of them: it takes long to
# start under emulation. A line of JSON is a message, on standard input and output:
#   {"ready":true}                                             this one, once: the modules are imported
#   {"id":1,"command":"Get-MigrationDomain"}                   the client's: run this, after what came before
#   {"cancel":1}                                               the client's: Ctrl+C, where it runs; else it is not to be run
#   {"id":1,"exitCode":0,"stdout":"…","stderr":"","cancelled":false}   this one's answer to each command, in order
# A command has a scope of its own, in one session. Its exit code is 0, 1 where it or its last statement failed, and 130
# where it was cancelled; its output is formatted as for a terminal of some columns. What else a command writes is standard
# error's: each error with its id and its remedy, warnings, and what it was asked to say (-Verbose, -Debug). Ends with its input.
param(
    [string[]] $Module,
    [int] $Width = 120
)

$ErrorActionPreference = 'Stop'
$messages = [System.IO.StreamReader]::new([Console]::OpenStandardInput())
$answers = [System.IO.StreamWriter]::new([Console]::OpenStandardOutput())
$answers.AutoFlush = $true

function Send-Message($message) {
    $answers.Write((ConvertTo-Json $message -Compress) + "`n")
}

# The lines that say of an error who failed and why, where, its id, and what to do.
function Get-ErrorText([System.Management.Automation.ErrorRecord] $record) {
    $details = $record.ErrorDetails
    $command = $record.InvocationInfo.MyCommand
    $who = $command.CommandType -in 'Cmdlet', 'Function' ? $command.Name : $record.CategoryInfo.Reason
    $message = $details.Message ? $details.Message : $record.Exception.Message
    "${who}: $($message.TrimEnd())"
    if ($record.InvocationInfo.ScriptLineNumber -gt 0) {
        "  at $($record.InvocationInfo.ScriptName) line $($record.InvocationInfo.ScriptLineNumber): $($record.InvocationInfo.Line.Trim())"
    }

    "  error id: $($record.FullyQualifiedErrorId)"
    if ($details.RecommendedAction) {
        "  recommended: $($details.RecommendedAction)"
    }
}

# Begins a command; what is returned says what becomes of it.
function Start-Command($request) {
    $pipeline = [powershell]::Create($runspace)

    # The session keeps no $? once a pipeline has ended: the command's own scope puts it away.
    $global:succeeded.Value = $true
    $null = $pipeline.AddScript("$($request.command)`n;`$global:succeeded.Value = `$?", $true)
    $null = $pipeline.AddCommand('Out-String').AddParameter('Stream').AddParameter('Width', $Width)
    $nothing = [System.Management.Automation.PSDataCollection[psobject]]::new()
    $nothing.Complete()
    $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
    @{ Id = $request.id; Pipeline = $pipeline; Output = $output; Running = $pipeline.BeginInvoke($nothing, $output) }
}

# The answer to a command that has ended.
function Get-Answer($command) {
    $failure = $null
    try {
        $null = $command.Pipeline.EndInvoke($command.Running)
    }
    catch {
        # What ended the command is inside what says that a method failed.
        $inner = $_.Exception.InnerException
        $failure = $inner.ErrorRecord ?? $_
    }

    $streams = $command.Pipeline.Streams
    $isCancelled = $command.Pipeline.InvocationStateInfo.State -eq 'Stopped'
    $errors = @(
        foreach ($record in $streams.Error) { Get-ErrorText $record }
        if ($failure -and -not $isCancelled) { Get-ErrorText $failure }
        foreach ($record in $streams.Warning) { "WARNING: $record" }
        foreach ($record in $streams.Information) { "$record" }
        foreach ($record in $streams.Verbose) { "VERBOSE: $record" }
        foreach ($record in $streams.Debug) { "DEBUG: $record" }
    )
    [ordered] @{
        id        = $command.Id
        exitCode  = $isCancelled ? 130 : [int] ($failure -or -not $global:succeeded.Value)
        stdout    = -join ($command.Output | ForEach-Object { "$_`n" })
        stderr    = -join ($errors | ForEach-Object { "$_`n" })
        cancelled = $isCancelled
    }
    $command.Pipeline.Dispose()
}

$session = [initialsessionstate]::CreateDefault2()
$session.ImportPSModule([string[]] (@('Microsoft.PowerShell.Utility', 'Microsoft.PowerShell.Management') + $Module))
$session.ThrowOnRunspaceOpenError = $true
$global:succeeded = [ref] $true
$session.Variables.Add([System.Management.Automation.Runspaces.SessionStateVariableEntry]::new('succeeded', $global:succeeded, ''))
$runspace = [runspacefactory]::CreateRunspace($session)
$runspace.Open()
Send-Message @{ ready = $true }

$waiting = [System.Collections.Generic.Queue[object]]::new()
$cancelled = [System.Collections.Generic.HashSet[long]]::new()
$reading = $messages.ReadLineAsync()
$command = $null
while ($reading -or $command -or $waiting.Count -gt 0) {
    if (-not $command -and $waiting.Count -gt 0) {
        $request = $waiting.Dequeue()
        if ($cancelled.Remove($request.id)) {
            Send-Message ([ordered] @{ id = $request.id; exitCode = 130; stdout = ''; stderr = ''; cancelled = $true })
        }
        else {
            $command = Start-Command $request
        }

        continue
    }

    $ends = [System.IAsyncResult[]] @($reading, $command.Running).Where({ $_ })
    $null = [System.Threading.WaitHandle]::WaitAny($ends.AsyncWaitHandle)
    if ($command -and $command.Running.IsCompleted) {
        Send-Message (Get-Answer $command)
        $command = $null
    }

    if ($reading -and $reading.IsCompleted) {
        $line = $reading.Result
        $reading = $null -eq $line ? $null : $messages.ReadLineAsync()
        $request = $null -eq $line ? $null : (ConvertFrom-Json $line)
        if ($request.command) {
            $waiting.Enqueue($request)
        }
        elseif ($command -and $request.cancel -eq $command.Id) {
            $null = $command.Pipeline.BeginStop($null, $null)
        }
        elseif ($waiting.id -contains $request.cancel) {
            $null = $cancelled.Add($request.cancel)
        }
    }
}

$runspace.Dispose()
