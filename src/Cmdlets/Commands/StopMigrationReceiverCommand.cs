using System.Management.Automation;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Stop-MigrationReceiver: takes no more migrations in.</summary>
[Cmdlet(VerbsLifecycle.Stop, "MigrationReceiver", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationReceiverInfo))]
public sealed class StopMigrationReceiverCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns of hosts; this machine where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ReceiverNameCompleter))]
    public string[] HostName { get; set; } = [LocalXen.HostName];

    /// <summary>Gives up the domains that wait here to be resumed: what has arrived of them is lost.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Returns the receiver as it was at its end, with all that came in.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in HostName)
        {
            ForEachInput(pattern, () =>
            {
                foreach (MigrationReceiver receiver in ReceiverSelection.Require(pattern, () => Elsewhere))
                {
                    Stop(receiver);
                }
            });
        }
    }

    private void Stop(MigrationReceiver receiver)
    {
        string hostName = receiver.Host.Name;
        RequireNothingKept(hostName, [.. receiver.Incoming.Where(incoming => incoming.IsKept)]);
        if (!ShouldProcess(Text.Format(SR.TargetHost, hostName), Text.Format(SR.ActionStopReceiver, receiver.Endpoint)))
        {
            return;
        }

        string remains = Text.Format(SR.StillReceiving, hostName);

        // A migration that comes in now may yet lose its source: what is kept is known for sure when all have ended.
        RequireNothingKept(
            hostName, RunJoined((_, token) => receiver.StopUnlessKeepingAsync(token).GetAwaiter().GetResult(), remains));
        RunJoined(
            (_, _) =>
            {
                Workspace.OfProcess.Receivers.Stop(receiver);
                return true;
            },
            remains);
        if (PassThru)
        {
            WriteObject(MigrationReceiverInfo.Of(receiver));
        }
    }

    private void RequireNothingKept(string hostName, IReadOnlyCollection<IncomingMigration> kept)
    {
        if (!Force)
        {
            ReceiverRegistry.RequireNothingKept(hostName, kept);
        }
    }
}
