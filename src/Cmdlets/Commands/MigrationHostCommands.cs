using System.Management.Automation;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationHost: the hosts that this session knows.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationHost")]
[OutputType(typeof(MigrationHost))]
public sealed class GetMigrationHostCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns; every known host where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in Name ?? ["*"])
        {
            ForEachInput(pattern, () =>
            {
                foreach (IMigrationHost host in HostRegistry.Match(pattern))
                {
                    WriteObject(Describe.Host(host));
                }
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
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in Name ?? [LocalXen.HostName])
        {
            ForEachInput(pattern, () =>
            {
                foreach (IMigrationHost host in HostRegistry.Match(pattern))
                {
                    Report(host);
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
}

/// <summary>Connect-MigrationHost: opens this machine's Xen.</summary>
[Cmdlet(VerbsCommunications.Connect, "MigrationHost", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(MigrationHost))]
public sealed class ConnectMigrationHostCommand : MigrationCmdlet
{
    /// <summary>The host to open: this machine, by its name.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string Name { get; set; } = LocalXen.HostName;

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(Name, () =>
    {
        if (!HostRegistry.Contains(Name) || ShouldProcess(Text.Format(SR.TargetHost, Name), SR.ActionConnect))
        {
            WriteObject(Describe.Host(HostRegistry.Get(Name)));
        }
    });
}

/// <summary>Disconnect-MigrationHost: lets go of a host; a simulated one ends with its domains.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "MigrationHost", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
public sealed class DisconnectMigrationHostCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in Name)
        {
            ForEachInput(pattern, () =>
            {
                foreach (IMigrationHost host in HostRegistry.Match(pattern).ToArray())
                {
                    Disconnect(host);
                }
            });
        }
    }

    private void Disconnect(IMigrationHost host)
    {
        if (ReceiverRegistry.TryGet(host.Name, out _) || RecordingRegistry.HoldsDomainOf(host.Name) || MigrationRegistry.Uses(host.Name))
        {
            throw new CommandException(
                nameof(SR.HostBusy), ErrorCategory.ResourceBusy, Text.Format(SR.HostBusy, host.Name), SR.HostBusyRemedy, host.Name);
        }

        if (ShouldProcess(Text.Format(SR.TargetHost, host.Name), SR.ActionDisconnect))
        {
            HostRegistry.Remove(host.Name);
        }
    }
}
