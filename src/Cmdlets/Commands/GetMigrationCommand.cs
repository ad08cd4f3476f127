using System.Management.Automation;
using PreRecordMigration.History;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-Migration: the migrations of this process and of this user's others, those under way and the last that ended; or how they ended.</summary>
[Cmdlet(VerbsCommon.Get, "Migration", DefaultParameterSetName = NameSet)]
[OutputType(typeof(MigrationInfo))]
[OutputType(typeof(HistoryEntry))]
[OutputType(typeof(string))]
public sealed class GetMigrationCommand : MigrationJobCommand
{
    private readonly List<MigrationJob> _watched = [];
    private readonly List<MigrationInfo> _watchedElsewhere = [];
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

    /// <summary>Shows each in a line that is drawn again and again, until none is under way or Ctrl+C ends it; without a terminal the lines are written as they
    /// change.</summary>
    [Parameter]
    public SwitchParameter Watch { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (History && Watch)
        {
            throw new CommandException(
                nameof(SR.WatchOfHistory), ErrorCategory.InvalidArgument, SR.WatchOfHistory, SR.WatchOfHistoryRemedy, nameof(Watch));
        }

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
            ForEachMigration(_ => true, Take);
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
    protected override void EndProcessing()
    {
        if (Watch)
        {
            try
            {
                new MigrationWatch(LookAgain, new WatchScreen(Host, WriteObject)).Run(StopToken);
            }
            catch (OperationCanceledException)
            {
                // Ctrl+C while another process was asked: it ends the watch, and nothing else.
                return;
            }
        }
    }

    /// <inheritdoc/>
    private protected override bool OnlyLooks => true;

    /// <inheritdoc/>
    private protected override IEnumerable<MigrationElsewhere> MeantElsewhere => MigrationSelection.AllOf(Elsewhere);

    /// <inheritdoc/>
    private protected override void ForElsewhere(MigrationElsewhere found)
    {
        if (!Watch)
        {
            WriteObject(found.Migration);
        }
        else if (!IsOfAll || found.Migration.IsUnderWay())
        {
            _watchedElsewhere.Add(found.Migration);
        }
    }

    /// <summary>Whether nothing was given: then those that are under way are watched, and not those that ended long ago.</summary>
    private bool IsOfAll => ParameterSetName == NameSet && Name is null;

    private void Take(MigrationJob job)
    {
        if (!Watch)
        {
            WriteObject(job.Describe());
        }
        else if (!IsOfAll || job.IsActive)
        {
            _watched.Add(job);
        }
    }

    /// <summary>Those that are watched, as they are now. Where nothing was given, those of this process that have begun since are among them.</summary>
    private IReadOnlyList<MigrationInfo> LookAgain()
    {
        if (IsOfAll)
        {
            _watched.AddRange(Workspace.OfProcess.Migrations.All.Where(job => job.IsActive).Except(_watched).ToArray());
        }

        if (_watchedElsewhere.Exists(migration => migration.IsUnderWay()))
        {
            MigrationInfo[] now = [.. MigrationSelection.AllOf(Workspace.OfProcess.Elsewhere.Look(StopToken)).Select(found => found.Migration)];
            foreach (MigrationInfo last in _watchedElsewhere.Where(migration => migration.IsUnderWay()).ToArray())
            {
                int at = _watchedElsewhere.IndexOf(last);
                if (Array.Find(now, migration => migration.InstanceId == last.InstanceId) is { } said)
                {
                    _watchedElsewhere[at] = said;
                }
                else
                {
                    // What became of it is not known here: it is not shown as if it were.
                    _watchedElsewhere.RemoveAt(at);
                    WriteWarning(Text.Format(SR.WatchGone, last.Id, last.Name));
                }
            }
        }

        return [.. _watched.Select(job => job.Describe()), .. _watchedElsewhere];
    }

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
