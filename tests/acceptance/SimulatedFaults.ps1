# Makes simulated hosts fail on purpose, and ways to them break, at an exact moment.

# The simulated host behind a name.
function Get-SimulatedHost([string] $name) {
    [PreRecordMigration.Operations.Workspace]::OfProcess.Hosts.Get($name)
}

# A method of an object as a delegate: unlike a script block, it runs on any thread.
function ConvertTo-Action($target, [string] $method) {
    [System.Delegate]::CreateDelegate([System.Action], $target, $method)
}

# The local end of a tunnel to a receiver, until its property Cut is cancelled.
function Open-Tunnel([int] $port) {
    $tunnel = [pscustomobject] @{
        Port     = 0
        Cut      = [System.Threading.CancellationTokenSource]::new()
        Listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
        Shell    = [System.Management.Automation.PowerShell]::Create()
        Running  = $null
    }
    $tunnel.Shell.Runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
        [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
    $tunnel.Shell.Runspace.Open()
    $tunnel.Listener.Start()
    $tunnel.Port = $tunnel.Listener.LocalEndpoint.Port
    $null = $tunnel.Shell.AddScript({
            param($tunnel, $port)
            try {
                while ($true) {
                    $near = $tunnel.Listener.AcceptSocket()
                    $far = [System.Net.Sockets.Socket]::new('InterNetwork', 'Stream', 'Tcp')
                    $far.Connect([System.Net.IPAddress]::Loopback, $port)
                    foreach ($end in $near, $far) {
                        $end.NoDelay = $true
                        $null = $tunnel.Cut.Token.Register([System.Delegate]::CreateDelegate([System.Action], $end, 'Close'))
                    }

                    $one = [System.Net.Sockets.NetworkStream]::new($near)
                    $other = [System.Net.Sockets.NetworkStream]::new($far)
                    $null = $one.CopyToAsync($other)
                    $null = $other.CopyToAsync($one)
                }
            }
            catch {
                # The test is over.
            }
        }).AddArgument($tunnel).AddArgument($port)
    $tunnel.Running = $tunnel.Shell.BeginInvoke()
    $tunnel
}

function Close-Tunnel($tunnel) {
    $tunnel.Cut.Cancel()
    $tunnel.Listener.Stop()
    $null = $tunnel.Shell.EndInvoke($tunnel.Running)
    $tunnel.Shell.Runspace.Dispose()
    $tunnel.Shell.Dispose()
}
