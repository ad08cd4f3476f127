# What somebody who comes through ssh has started where nobody receives: a receiver for this machine's Xen, on loopback at a free port. It stays when
# that connection ends, and ends by itself when nothing has come for a while. What is written here goes to a file (docs/operating.md, "Through ssh").
[CmdletBinding()]
param(
    # The descriptor at which somebody waits to hear that it listens, or why it does not.
    [Parameter(Position = 0)] [int] $Answer
)

$ErrorActionPreference = 'Stop'
Import-Module ([System.IO.Path]::Combine($PSScriptRoot, '..', 'PreRecordMigration.psd1'))

function Write-Line([string] $text) { "$([DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ')) [$PID] $text" }

try {
    $receiver = Start-MigrationReceiver
}
catch {
    Write-Line "$($_.Exception.Message) $($_.ErrorDetails.RecommendedAction)"
    if ($Answer) {
        [PreRecordMigration.Operations.ReceiverOnDemand]::Answer($Answer, $_.Exception.Message, $_.ErrorDetails.RecommendedAction)
    }

    exit 1
}

Write-Line "Listening at $($receiver.Endpoint) for $($receiver.HostName), started through ssh."
if ($Answer) {
    [PreRecordMigration.Operations.ReceiverOnDemand]::Answer($Answer)
}

Write-Line ([PreRecordMigration.Operations.ReceiverOnDemand]::Run([PreRecordMigration.Operations.Workspace]::OfProcess, $receiver.HostName))
