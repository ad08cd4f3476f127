# A peer that answers whatever is sent to it with the same bytes on every connection, and then hangs up.

function Start-FakePeer([byte[]] $answer) {
    $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
    $listener.Start()
    $runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
        [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
    $runspace.Open()
    $transports = [PreRecordMigration.Errors.MigrationException].Assembly
    $flags = [System.Reflection.BindingFlags] 'Static, NonPublic'
    $key = $transports.GetType('PreRecordMigration.Transports.LoopbackKey').GetMethod('OfThisUser', $flags)
    $prove = $transports.GetType('PreRecordMigration.Transports.LoopbackProof').GetMethod('Accept', $flags)
    $shell = [System.Management.Automation.PowerShell]::Create()
    $shell.Runspace = $runspace
    $null = $shell.AddScript({
            param($listener, $answer, $key, $prove)
            $clients = [System.Collections.Generic.List[object]]::new()
            try {
                while ($true) {
                    $client = $listener.AcceptTcpClient()
                    $clients.Add($client)
                    $stream = $client.GetStream()

                    # It is the same user's, whatever it says afterwards.
                    $null = $prove.Invoke($null, @($client.Client, $key.Invoke($null, @()), $false))

                    # One whole Hello has come before anything is said.
                    $stream.ReadExactly([byte[]]::new(40), 0, 40)
                    if ($answer.Length -gt 0) {
                        $stream.Write($answer, 0, $answer.Length)
                    }
                    else {
                        $client.Dispose()
                    }
                }
            }
            catch [System.Net.Sockets.SocketException], [System.IO.IOException] {
                # The test is over, or the client hung up.
            }
            finally {
                foreach ($client in $clients) {
                    $client.Dispose()
                }
            }
        }).AddArgument($listener).AddArgument($answer).AddArgument($key).AddArgument($prove)
    [pscustomobject] @{
        Port     = $listener.LocalEndpoint.Port
        Listener = $listener
        Shell    = $shell
        Running  = $shell.BeginInvoke()
    }
}

function Stop-FakePeer($peer) {
    $peer.Listener.Stop()
    try {
        $null = $peer.Shell.EndInvoke($peer.Running)
    }
    finally {
        $peer.Shell.Runspace.Dispose()
        $peer.Shell.Dispose()
    }
}
