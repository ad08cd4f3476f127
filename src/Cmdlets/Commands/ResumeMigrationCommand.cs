using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Resume-Migration: goes on with migrations whose connection was lost after the commit, and takes over those whose process was killed then.
/// </summary>
[Cmdlet(VerbsLifecycle.Resume, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo))]
public sealed class ResumeMigrationCommand : MigrationJobCommand
{
    private Destination? _destination;
    private Route? _way;

    /// <inheritdoc/>
    private protected override string? NothingMeant => SR.NothingToResume;

    /// <summary>
    /// Another way to the same receiver: a host that Connect-MigrationHost has named, or the address of a receiver of another process on this machine,
    /// such as localhost:7001. The way that the migration went before if it is not given; with -TakeOver as the killed process noted it.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string? Destination { get; set; }

    /// <summary>The names are of domains whose process was killed after they had left: their migrations are taken over by this one.</summary>
    [Parameter(ParameterSetName = NameSet)]
    public SwitchParameter TakeOver { get; set; }

    /// <summary>With -TakeOver the host where they stand; this machine's Xen where it is not given.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string? HostName { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (HostName is not null && !TakeOver)
        {
            throw new CommandException(
                nameof(SR.HostNameOfTakenOver), ErrorCategory.InvalidArgument, SR.HostNameOfTakenOver, SR.HostNameOfTakenOverRemedy, HostName);
        }

        if (Destination is not null)
        {
            _destination = HostSelection.Destination(Destination);
            _way = RequireReceiver(_destination);
            WarnOfUnusedCertificates(_destination);
        }
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (!TakeOver)
        {
            ForEachMigration(job => job.State == MigrationState.Interrupted, Resume);
            return;
        }

        ForEachLeft(
            HostName,
            () => new CommandException(nameof(SR.TakeOverNeedsName), ErrorCategory.InvalidArgument, SR.TakeOverNeedsName, SR.TakeOverNeedsNameRemedy, null),
            TakeOverOf);
    }

    /// <summary>The way to the receiver there. A host of this process without one has its own remedy here: the same command, once it has one.</summary>
    private Route RequireReceiver(Destination destination)
    {
        try
        {
            return destination.RouteToReceiver();
        }
        catch (OperationException error)
        {
            string again = $"Resume-Migration {(Name is null ? "NAME" : string.Join(", ", Name))}"
                + (TakeOver ? " -TakeOver" : "")
                + (HostName is null ? "" : $" -HostName {HostName}")
                + $" -Destination {destination.Name}";
            throw new CommandException(
                error.ErrorId, ErrorCategory.ObjectNotFound, error.Message, Text.Format(SR.ResumeNeedsReceiverRemedy, destination.Name, again), destination.Name);
        }
    }

    private void Resume(MigrationJob job)
    {
        job.RequireResumable();
        if (ShouldProcess(
            Text.Format(SR.TargetDomain, job.Location.Info.Name, job.Location.Host.Name),
            Text.Format(SR.ActionResume, job.Id, Destination ?? job.Destination.Name)))
        {
            Workspace.OfProcess.Migrations.Resume(job, _way);
            WriteObject(job.Describe());
        }
    }

    private void TakeOverOf(IMigrationHost host, string name)
    {
        DomainLocation location = DomainLocation.Find(name, host);
        Destination destination = _destination ?? PreRecordMigration.Operations.Destination.Noted(location, Workspace.OfProcess) ?? throw new CommandException(
            nameof(SR.TakeOverNeedsDestination),
            ErrorCategory.InvalidArgument,
            Text.Format(SR.TakeOverNeedsDestination, name),
            Text.Format(SR.TakeOverNeedsDestinationRemedy, name),
            name);
        if (ShouldProcess(Text.Format(SR.TargetDomain, name, host.Name), Text.Format(SR.ActionTakeOver, destination.Name)))
        {
            PlannedMove move = new(location, destination, MigrationConfiguration.ReadConnectionOptions(), null);
            MigrationJob job = RunJoined(
                (_, _) => Workspace.OfProcess.Migrations.TakeOver(move), Text.Format(SR.StillTakingOver, name, host.Name));
            WriteObject(job.Describe());
        }
    }
}
