using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
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
                (IReadOnlyList<IMigrationHost> here, IReadOnlyList<RemoteHost> remote) = HostRegistry.RequireAll(pattern);
                foreach (IMigrationHost host in here)
                {
                    Report(host);
                }

                foreach (RemoteHost host in remote)
                {
                    WriteObject(RunJoined((_, token) => Ask(host, token)));
                }
            });
        }
    }

    private void Report(IMigrationHost host)
    {
        foreach (Capability item in host.Examine().Items)
        {
            WriteObject(Describe.Capability(host, item));
        }
    }

    /// <summary>Asks another machine's receiver; that it does not answer is the answer.</summary>
    private MigrationHostCapability Ask(RemoteHost host, CancellationToken cancellationToken)
    {
        (bool answers, string reason, string remedy) = (true, "", "");
        try
        {
            ReceiverProbe probe = ReceiverProbe.Ask(host.Route, cancellationToken, PeerTimeout);
            reason = Text.Format(SR.RemoteAnswers, host.Route.Address, probe.Version);
        }
        catch (MigrationException error)
        {
            (answers, reason, remedy) = (false, error.Message, error.Remedy);
        }

        Capability item = new(MigrationCapability.Receiver, answers, reason, remedy);
        return new MigrationHostCapability(
            host.Name, Text.Format(SR.RemoteHypervisor, host.Transport), item.Kind, answers, reason, remedy, item.Gain);
    }
}
