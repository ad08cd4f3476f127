using System.Management.Automation;
using System.Management.Automation.Host;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Stop-Migration: stops migrations before their commit, and the domains run on at the source; gives interrupted ones up.
/// </summary>
[Cmdlet(VerbsLifecycle.Stop, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo))]
public sealed class StopMigrationCommand : MigrationJobCommand
{
    /// <summary>The host of a background job, whose prompts would block it for ever.</summary>
    private const string JobHostName = "ServerRemoteHost";

#pragma warning disable IDE0044 // Not readonly: ShouldContinue keeps the answers of all inputs in them, by reference.
    private bool _yesToAll;
    private bool _noToAll;
#pragma warning restore IDE0044

    /// <summary>Gives an interrupted migration up without asking: what is missing at the destination is lost.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachMigration(job => job.IsActive || job.State == MigrationState.Interrupted, Stop);

    private void Stop(MigrationJob job)
    {
        string domain = job.Location.Info.Name;
        MigrationState state = job.State;
        if (state == MigrationState.Interrupted)
        {
            Abandon(job);
            return;
        }

        MigrationPhase? phase = job.Describe().Phase;
        if (!job.IsActive || phase is MigrationPhase.Push or MigrationPhase.Resume or MigrationPhase.Finish)
        {
            throw new CommandException(
                nameof(SR.MigrationNotStoppable),
                ErrorCategory.InvalidOperation,
                Text.Format(SR.MigrationNotStoppable, job.Id, domain, job.IsActive ? phase : state),
                SR.MigrationNotStoppableRemedy,
                domain);
        }

        if (!ShouldProcess(Text.Format(SR.TargetDomain, domain, job.Location.Host.Name), Text.Format(SR.ActionStopMigration, job.Id)))
        {
            return;
        }

        // Not RunJoined: what was asked to stop is joined whatever becomes of this pipeline.
        job.Cancel();
        ((IAsyncResult)job.Ended).AsyncWaitHandle.WaitOne();
        if (job.State == MigrationState.Completed)
        {
            WriteWarning(Text.Format(SR.WarningMovedAllTheSame, domain, job.Destination.Name));
        }

        WriteObject(job.Describe());
    }

    /// <summary>After the commit this destroys a domain, so it is asked for whatever the preference says.</summary>
    private void Abandon(MigrationJob job)
    {
        string domain = job.Location.Info.Name;
        if (ShouldProcess(Text.Format(SR.TargetDomain, domain, job.Location.Host.Name), Text.Format(SR.ActionAbandon, job.Id))
            && MayLose(domain))
        {
            job.Abandon();
            WriteObject(job.Describe());
        }
    }

    /// <summary>Asks, unless it is forced. In a job nobody could answer, so there it is refused.</summary>
    private bool MayLose(string domain)
    {
        if (Force)
        {
            return true;
        }

        try
        {
            if (Host.Name != JobHostName)
            {
                // With a security impact, so that who only presses Enter has said no.
                return ShouldContinue(
                    Text.Format(SR.ContinueAbandon, domain), SR.ContinueAbandonCaption, hasSecurityImpact: true, ref _yesToAll, ref _noToAll);
            }
        }
        catch (Exception error) when (error is HostException or InvalidOperationException)
        {
            // A host without anybody to ask, such as pwsh -NonInteractive or a thread job: refused below.
        }

        throw new CommandException(
            nameof(SR.ForceNeeded), ErrorCategory.InvalidOperation, Text.Format(SR.ForceNeeded, domain), SR.ForceNeededRemedy, domain);
    }
}

/// <summary>Resume-Migration: goes on with migrations whose connection was lost after the commit.</summary>
[Cmdlet(VerbsLifecycle.Resume, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo))]
public sealed class ResumeMigrationCommand : MigrationJobCommand
{
    private Route? _way;

    /// <summary>Another way to the same receiver: a host that Connect-MigrationHost has named, or the local end of a new tunnel,
    /// such as localhost:7001. The way that the migration went before if it is not given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string? Destination { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (Destination is not null)
        {
            _way = Cmdlets.Destination.Parse(Destination).RouteToReceiver();
        }
    });

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachMigration(job => job.State == MigrationState.Interrupted, job =>
        {
            job.RequireInterrupted();
            if (ShouldProcess(
                Text.Format(SR.TargetDomain, job.Location.Info.Name, job.Location.Host.Name),
                Text.Format(SR.ActionResume, job.Id, Destination ?? job.Destination.Name)))
            {
                job.Resume(_way);
                WriteObject(job.Describe());
            }
        });
}
