using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

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
                (IReadOnlyList<IMigrationHost> here, IReadOnlyList<RemoteHost> remote) = HostSelection.RequireAll(pattern);
                foreach (string name in here.Select(host => host.Name).Concat(remote.Select(host => host.Name)))
                {
                    Disconnect(name);
                }
            });
        }
    }

    private void Disconnect(string name)
    {
        Workspace.OfProcess.RequireUnused(name);
        if (ShouldProcess(Text.Format(SR.TargetHost, name), SR.ActionDisconnect))
        {
            Workspace.OfProcess.Hosts.Remove(name);
        }
    }
}
