# Two simulated hosts of this process, certificates for both and for a stranger, and the way between them: dot-sourced.

$null = New-SimulatedHost tls1, tls2
$null = New-MigrationCertificate one -Path $TestDrive
$null = New-MigrationCertificate two -Path $TestDrive
$null = New-MigrationCertificate stranger -Path $TestDrive
function Get-TestPath([string] $name) { [System.IO.Path]::Combine($TestDrive, $name) }
$one = Get-TestPath one.pem
$two = Get-TestPath two.pem
$stranger = Get-TestPath stranger.pem
$secret = 'correct horse battery'
$password = [System.Security.SecureString]::new()
$secret.ToCharArray().ForEach({ $password.AppendChar($_) })
function New-Worker([string] $name) {
    $null = New-SimulatedDomain $name -HostName tls1 -Memory 8MB -OperationsPerSecond 20000
}

# The receiver of tls2, and the name under which this session sends to it.
function Connect-Pair {
    $receiver = Start-MigrationReceiver tls2 -Certificate $two -TrustedCertificate $one
    Connect-MigrationHost far -Address "localhost:$($receiver.Port)" -Certificate $one -TrustedCertificate $two
}

function Disconnect-Pair {
    Get-MigrationHost far* | Disconnect-MigrationHost
    Get-MigrationReceiver tls* | Stop-MigrationReceiver
}
