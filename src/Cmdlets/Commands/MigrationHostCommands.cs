using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationHost: the hosts that this session knows.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationHost")]
[OutputType(typeof(MigrationHost))]
public sealed class GetMigrationHostCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns; every known host where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string[]? HostName { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in HostName ?? ["*"])
        {
            ForEachInput(pattern, () =>
            {
                (IReadOnlyList<IMigrationHost> here, IReadOnlyList<RemoteHost> remote) = HostRegistry.MatchAll(pattern);
                WriteObject(
                    here.Select(Describe.Host).Concat(remote.Select(Describe.Host)).OrderBy(host => host.Name, StringComparer.OrdinalIgnoreCase),
                    enumerateCollection: true);
            });
        }
    }
}

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
        Transports.PeerTimeout.Require(PeerTimeout);
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

/// <summary>Disconnect-MigrationHost: lets go of a host; a simulated one ends with its domains.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "MigrationHost", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
public sealed class DisconnectMigrationHostCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string[] HostName { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in HostName)
        {
            ForEachInput(pattern, () =>
            {
                (IReadOnlyList<IMigrationHost> here, IReadOnlyList<RemoteHost> remote) = HostRegistry.RequireAll(pattern);
                foreach (string name in here.Select(host => host.Name).Concat(remote.Select(host => host.Name)))
                {
                    Disconnect(name);
                }
            });
        }
    }

    private void Disconnect(string name)
    {
        if (ReceiverRegistry.TryGet(name, out _) || RecordingRegistry.HoldsDomainOf(name) || MigrationRegistry.Uses(name))
        {
            throw new CommandException(
                nameof(SR.HostBusy), ErrorCategory.ResourceBusy, Text.Format(SR.HostBusy, name), SR.HostBusyRemedy, name);
        }

        if (ShouldProcess(Text.Format(SR.TargetHost, name), SR.ActionDisconnect))
        {
            HostRegistry.Remove(name);
        }
    }
}
