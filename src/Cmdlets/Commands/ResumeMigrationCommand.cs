using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>Resume-Migration: goes on with migrations whose connection was lost after the commit.</summary>
[Cmdlet(VerbsLifecycle.Resume, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo))]
public sealed class ResumeMigrationCommand : MigrationJobCommand
{
    private Route? _way;

    /// <inheritdoc/>
    private protected override string? NothingMeant => SR.NothingToResume;

    /// <summary>
    /// Another way to the same receiver: a host that Connect-MigrationHost has named, or the address of a receiver of another process on this machine,
    /// such as localhost:7001. The way that the migration went before if it is not given.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string? Destination { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (Destination is not null)
        {
            Destination other = HostSelection.Destination(Destination);
            _way = other.RouteToReceiver();
            WarnOfUnusedCertificates(other);
        }
    });

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        ForEachMigration(job => job.State == MigrationState.Interrupted, job =>
        {
            job.RequireResumable();
            if (ShouldProcess(
                Text.Format(SR.TargetDomain, job.Location.Info.Name, job.Location.Host.Name),
                Text.Format(SR.ActionResume, job.Id, Destination ?? job.Destination.Name)))
            {
                Workspace.OfProcess.Migrations.Resume(job, _way);
                WriteObject(job.Describe());
            }
        });
}
