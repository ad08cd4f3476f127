using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;

namespace PreRecordMigration.Cmdlets;

/// <summary>Test-MigrationHost: what a host can do, and why not.</summary>
[Cmdlet(VerbsDiagnostic.Test, "MigrationHost")]
[OutputType(typeof(MigrationHostCapability))]
public sealed class TestMigrationHostCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns; this machine where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string[]? HostName { get; set; }

    /// <summary>How long another machine's receiver, which is asked whether it is there, may be silent.</summary>
    [Parameter]
    [Duration]
    public TimeSpan PeerTimeout { get; set; } = new MigrationOptions().PeerTimeout;

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationConfiguration.ApplyTo(this);
        Options.PeerTimeout.Require(PeerTimeout);
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in HostName ?? [LocalXen.HostName])
        {
            ForEachInput(pattern, () =>
            {
                (IReadOnlyList<IMigrationHost> here, IReadOnlyList<RemoteHost> remote) = HostSelection.RequireAll(pattern);
                foreach (IMigrationHost host in here)
                {
                    WriteObject(MigrationHostCapability.AllOf(host), enumerateCollection: true);
                }

                foreach (RemoteHost host in remote)
                {
                    WriteObject(RunJoined((_, token) => host.Ask(PeerTimeout, token)));
                }
            });
        }
    }
}
