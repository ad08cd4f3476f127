using System.Management.Automation;
using System.Management.Automation.Host;
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
    private readonly List<MigrationJob> _stopping = [];

    /// <summary>Gives an interrupted migration up without asking: what is missing at the destination is lost.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachMigration(job => job.IsActive || job.State == MigrationState.Interrupted, Stop);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        // All were asked before any is waited for, so that many take no longer than one.
        foreach (MigrationJob job in Join())
        {
            if (job.State == MigrationState.Completed)
            {
                WriteWarning(Text.Format(SR.WarningMovedAllTheSame, job.Location.Info.Name, job.Destination.Name));
            }
            else if (job.IsActive)
            {
                WriteWarning(job.ExplainGoingOn());
            }

            WriteObject(job.Describe());
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // What was asked to stop is waited for whatever became of this pipeline.
            foreach (MigrationJob job in Join().Where(job => job.IsActive))
            {
                Warn(job.ExplainGoingOn());
            }
        }

        base.Dispose(disposing);
    }

    private MigrationJob[] Join()
    {
        MigrationJob[] stopping = [.. _stopping];
        _stopping.Clear();
        StopPatience.Join(stopping.Select(job => job.Ended));
        return stopping;
    }

    private void Stop(MigrationJob job)
    {
        string domain = job.Location.Info.Name;
        MigrationState state = job.State;
        if (state == MigrationState.Interrupted)
        {
            Abandon(job);
            return;
        }

        if (!job.IsActive || job.HasLeft)
        {
            throw new CommandException(
                nameof(SR.MigrationNotStoppable),
                ErrorCategory.InvalidOperation,
                Text.Format(SR.MigrationNotStoppable, job.Id, domain, job.IsActive ? job.Describe().Phase : state, job.ExplainHolder()),
                SR.MigrationNotStoppableRemedy,
                domain);
        }

        if (ShouldProcess(Text.Format(SR.TargetDomain, domain, job.Location.Host.Name), Text.Format(SR.ActionStopMigration, job.Id)))
        {
            job.Cancel();
            _stopping.Add(job);
        }
    }

    /// <summary>After the commit this destroys a domain, so it is asked for whatever the preference says.</summary>
    private void Abandon(MigrationJob job)
    {
        string domain = job.Location.Info.Name;
        if (ShouldProcess(Text.Format(SR.TargetDomain, domain, job.Location.Host.Name), Text.Format(SR.ActionAbandon, job.Id))
            && MayLose(domain))
        {
            RunJoined(
                (_, _) =>
                {
                    job.Abandon();
                    return true;
                },
                Text.Format(SR.StillGivingUp, job.Id, domain),
                isEnding: true);
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

    /// <summary>Another way to the same receiver: a host that Connect-MigrationHost has named, or the address of a receiver of another process on this machine,
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
