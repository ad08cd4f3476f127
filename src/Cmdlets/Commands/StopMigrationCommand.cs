using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Stop-Migration: stops migrations before their commit, and the domains run on at the source; gives interrupted ones up; takes domains
/// back that a killed process left.
/// </summary>
[Cmdlet(VerbsLifecycle.Stop, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo), typeof(DomainInfo))]
public sealed class StopMigrationCommand : MigrationJobCommand
{
    /// <summary>The host of a background job, whose prompts would block it for ever.</summary>
    private const string JobHostName = "ServerRemoteHost";

#pragma warning disable IDE0044 // Not readonly: ShouldContinue keeps the answers of all inputs in them, by reference.
    private bool _yesToAll;
    private bool _noToAll;
#pragma warning restore IDE0044
    private readonly List<MigrationJob> _stopping = [];

    /// <summary>Does not ask: gives an interrupted migration up, with what is missing at the destination, or takes a domain back.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>The names are of domains whose process was killed after they had left, and which certainly do not run at their
    /// destination and never did: they are woken here.</summary>
    [Parameter(ParameterSetName = NameSet)]
    public SwitchParameter NeverRanThere { get; set; }

    /// <summary>With -NeverRanThere the host where they stand; this machine's Xen where it is not given.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string? HostName { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (HostName is not null && !NeverRanThere)
        {
            throw new CommandException(
                nameof(SR.HostNameOfLeft), ErrorCategory.InvalidArgument, SR.HostNameOfLeft, SR.HostNameOfLeftRemedy, HostName);
        }
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (!NeverRanThere)
        {
            ForEachMigration(job => job.HoldsDomain, Stop);
            return;
        }

        ForEachLeft(
            HostName,
            () => new CommandException(nameof(SR.LeftNeedsName), ErrorCategory.InvalidArgument, SR.LeftNeedsName, SR.LeftNeedsNameRemedy, null),
            TakeBack);
    }

    /// <inheritdoc/>
    private protected override string? NothingMeant => SR.NothingToStop;

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        // All were asked to stop before any is waited for, so that many take no longer than one.
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
            // A migration that was asked to stop is waited for, whatever ended this pipeline.
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
        if (job.State == MigrationState.Interrupted)
        {
            GiveUp(job);
            return;
        }

        if (job.IsActive && job.HasLeft && !IsWhatIf)
        {
            // Its domain has left, so it is finished all the same. Being cancelled it does not wait without end for a destination that does
            // nothing more: then it is interrupted.
            job.Cancel();
        }

        job.RequireStoppable();
        if (ShouldProcess(Text.Format(SR.TargetDomain, domain, job.Location.Host.Name), Text.Format(SR.ActionStopMigration, job.Id)))
        {
            job.Cancel();
            _stopping.Add(job);
        }
    }

    /// <summary>After the commit this destroys a domain, so it is asked for whatever the preference says.</summary>
    private void GiveUp(MigrationJob job)
    {
        string domain = job.Location.Info.Name;
        if (ShouldProcess(Text.Format(SR.TargetDomain, domain, job.Location.Host.Name), Text.Format(SR.ActionGiveUp, job.Id))
            && MayLose(domain))
        {
            RunJoined(
                (_, _) =>
                {
                    Workspace.OfProcess.Migrations.GiveUp(job);
                    return true;
                },
                Text.Format(SR.StillGivingUp, job.Id, domain),
                isEnding: true);
            WriteObject(job.Describe());
        }
    }

    /// <summary>Nobody can find out whether it is true that the domain never ran elsewhere, so it is asked for whatever the preference says.</summary>
    private void TakeBack(IMigrationHost host, string domain)
    {
        if (ShouldProcess(Text.Format(SR.TargetDomain, domain, host.Name), SR.ActionTakeBack)
            && May(domain, Text.Format(SR.ContinueTakeBack, domain), SR.ContinueTakeBackCaption, SR.ForceNeededToTakeBackRemedy))
        {
            RunJoined(
                (_, _) =>
                {
                    MigrationSource.TakeBack(host, domain);
                    return true;
                },
                Text.Format(SR.StillTakingBack, domain, host.Name),
                isEnding: true);
            WriteObject(host.GetDomains().First(info => info.Name == domain));
        }
    }

    private bool MayLose(string domain) =>
        May(domain, Text.Format(SR.ContinueGiveUp, domain), SR.ContinueGiveUpCaption, SR.ForceNeededRemedy);

    /// <summary>Asks, unless it is forced. In a job nobody could answer, so there it is refused.</summary>
    private bool May(string domain, string question, string caption, string remedy)
    {
        if (Force)
        {
            return true;
        }

        try
        {
            if (Host.Name != JobHostName)
            {
                // With a security impact the default answer is no, for whoever only presses Enter.
                return ShouldContinue(question, caption, hasSecurityImpact: true, ref _yesToAll, ref _noToAll);
            }
        }
        catch (Exception error) when (IsOfNobodyThere(error))
        {
            // It is refused below.
        }

        throw new CommandException(
            nameof(SR.ForceNeeded), ErrorCategory.InvalidOperation, Text.Format(SR.ForceNeeded, domain), remedy, domain);
    }
}
