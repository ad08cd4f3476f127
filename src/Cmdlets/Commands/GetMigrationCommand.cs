using System.Management.Automation;
using PreRecordMigration.History;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-Migration: the migrations of this process and of this user's others, those under way and the last that ended; or how they ended.</summary>
[Cmdlet(VerbsCommon.Get, "Migration", DefaultParameterSetName = NameSet)]
[OutputType(typeof(MigrationInfo))]
[OutputType(typeof(HistoryEntry))]
public sealed class GetMigrationCommand : MigrationJobCommand
{
    private HistoryReading? _read;

    /// <summary>How migrations ended on this host, those of other processes and of earlier ones too, newest last.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = InputSet)]
    public SwitchParameter History { get; set; }

    /// <summary>How many entries of the history, the newest, of each name that is given.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = InputSet)]
    [ValidateRange(1, int.MaxValue)]
    public int? Last { get; set; }

    /// <summary>Only entries of the history that are younger than this; a time without a zone is this host's.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = InputSet)]
    public DateTime? After { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (History)
        {
            _read = Workspace.OfProcess.History.Read(IsMeant);
            Explain(_read);
        }
        else if ((Last is not null ? nameof(Last) : After is not null ? nameof(After) : null) is { } given)
        {
            throw new CommandException(
                nameof(SR.OnlyOfHistory), ErrorCategory.InvalidArgument, Text.Format(SR.OnlyOfHistory, given), Text.Format(SR.OnlyOfHistoryRemedy, given), given);
        }
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (_read is null)
        {
            ForEachMigration(_ => true, job => WriteObject(job.Describe()));
            return;
        }

        if (ParameterSetName == InputSet)
        {
            foreach (PSObject input in InputRow.Each(InputObject))
            {
                ForEachInput(null, () => WriteNewest(Named(_read, input.BaseObject as string ?? new InputRow(input).RequireName())));
            }

            return;
        }

        if (Name is null)
        {
            WriteNewest(_read.Entries);
        }

        foreach (string name in Name ?? [])
        {
            ForEachInput(name, () => WriteNewest(Named(_read, name)));
        }
    }

    /// <inheritdoc/>
    private protected override bool OnlyLooks => true;

    /// <inheritdoc/>
    private protected override IEnumerable<MigrationElsewhere> MeantElsewhere => MigrationSelection.AllOf(Elsewhere);

    /// <inheritdoc/>
    private protected override void ForElsewhere(MigrationElsewhere found) => WriteObject(found.Migration);

    private static IReadOnlyList<HistoryEntry> Named(HistoryReading read, string name) => NameRule
        .Find(name, read.Entries, entry => entry.Name)
        .OrNoneOfPattern(() => new CommandException(
            nameof(SR.NotInHistory), ErrorCategory.ObjectNotFound, Text.Format(SR.NotInHistory, name), SR.NotInHistoryRemedy, name));

    private bool IsMeant(HistoryEntry entry) =>
        After is not { } after || entry.Time.UtcDateTime > after.ToUniversalTime();

    private void WriteNewest(IReadOnlyList<HistoryEntry> entries) =>
        WriteObject(entries.Skip(Math.Max(0, entries.Count - (Last ?? entries.Count))), enumerateCollection: true);

    private void Explain(HistoryReading read)
    {
        if (read.Unread > 0)
        {
            WriteWarning(Text.Format(SR.WarningHistoryUnread, read.Unread));
        }

        if (Workspace.OfProcess.History.Problem is { } problem)
        {
            WriteWarning(Text.Format(SR.WarningHistoryLast, problem.Message, problem.Remedy));
        }
    }
}
