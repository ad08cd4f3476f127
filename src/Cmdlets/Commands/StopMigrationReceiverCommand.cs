using System.Management.Automation;
using PreRecordMigration.Custody;
using PreRecordMigration.Methods;

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
                foreach (MigrationReceiver receiver in ReceiverRegistry.Require(pattern))
                {
                    Stop(receiver.Host.Name, receiver);
                }
            });
        }
    }

    private void Stop(string hostName, MigrationReceiver receiver)
    {
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
                CleanUp stopping = new();
                stopping.Try(() => receiver.DisposeAsync().AsTask().GetAwaiter().GetResult());
                foreach (IncomingMigration left in receiver.Incoming.Where(incoming => incoming.IsUndecided))
                {
                    stopping.Try(left.GiveUp);
                }

                // What could not be given up stays where it can be found, and be given up again.
                stopping.ThrowIfFailed();
                ReceiverRegistry.Remove(hostName, receiver);
                return true;
            },
            remains);
        if (PassThru)
        {
            WriteObject(Describe.Receiver(hostName, receiver));
        }
    }

    private void RequireNothingKept(string hostName, IReadOnlyList<IncomingMigration> kept)
    {
        if (kept.Count > 0 && !Force)
        {
            throw new CommandException(
                nameof(SR.ReceiverHoldsDomains),
                ErrorCategory.ResourceBusy,
                Text.Format(SR.ReceiverHoldsDomains, hostName, string.Join(", ", kept.Select(incoming => $"'{incoming.DomainName}'"))),
                SR.ReceiverHoldsDomainsRemedy,
                hostName);
        }
    }
}
