using PreRecordMigration.Boards;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.History;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>
/// What one process knows and does, shared by all who ask: its hosts, its receivers, its recordings, its migrations, and the work that
/// somebody waits for. Everything that the end of the process concerns begins through it.
/// </summary>
public sealed class Workspace
{
    private static readonly Lazy<Workspace> s_ofProcess = new(() =>
    {
        Workspace workspace = new(ProcessSignals.Await, LastWords.Say, boards: RuntimeFolder.Find);
        _ = MigrationGauges.Show(workspace);
        return workspace;
    });
    private readonly Func<string>? _boards;
    private readonly Lock _opening = new();
    private Board? _board;
    private bool _isLeaving;

    /// <summary>Makes one.</summary>
    /// <param name="onFirst">Called once, before the first thing begins that an end concerns, with what ends it all.</param>
    /// <param name="say">Says what is to be said at the end.</param>
    /// <param name="history">Keeps how migrations end; null for the user's.</param>
    /// <param name="boards">Finds the folder in which processes say what they have; null where this one says nothing, and hears nothing.</param>
    internal Workspace(Action<WorkspaceEnd> onFirst, Action<string> say, MigrationHistory? history = null, Func<string>? boards = null)
    {
        _boards = boards;
        Elsewhere = new Elsewhere(() => boards?.Invoke(), OwnerProcess.Current);
        History = history ?? new MigrationHistory();
        End = new WorkspaceEnd(this, say);
        Gate = new BeginGate(() =>
        {
            onFirst(End);
            OpenBoard();
        });
        Hosts = new HostRegistry();
        Receivers = new ReceiverRegistry(Gate, History);
        Recordings = new RecordingRegistry(this);
        Migrations = new MigrationRegistry(this);
        Work = new OngoingWork(Gate);
    }

    /// <summary>The one of this process.</summary>
    public static Workspace OfProcess => s_ofProcess.Value;

    /// <summary>The hosts that are known.</summary>
    public HostRegistry Hosts { get; }

    /// <summary>The receivers of the hosts.</summary>
    public ReceiverRegistry Receivers { get; }

    /// <summary>The recordings that wait for their move.</summary>
    public RecordingRegistry Recordings { get; }

    /// <summary>The migrations, those under way and the last that ended.</summary>
    public MigrationRegistry Migrations { get; }

    /// <summary>The work that somebody waits for.</summary>
    public OngoingWork Work { get; }

    /// <summary>How migrations ended, of whatever process.</summary>
    public MigrationHistory History { get; }

    /// <summary>What other processes of this user have.</summary>
    public Elsewhere Elsewhere { get; }

    /// <summary>Why other processes do not see what this one has; null where they do, or it has nothing yet.</summary>
    public MigrationException? BoardProblem { get; private set; }

    /// <summary>What becomes of all of it at the end.</summary>
    internal WorkspaceEnd End { get; }

    /// <summary>Where everything begins that the end concerns.</summary>
    internal BeginGate Gate { get; }

    /// <summary>A host as it is now.</summary>
    /// <param name="host">The host.</param>
    public MigrationHost Describe(IMigrationHost host) => Receivers.Describe(host);

    /// <summary>Refuses to let go of a host that receives, whose domain is held, or that a migration leaves or enters.</summary>
    /// <param name="hostName">The host.</param>
    /// <exception cref="OperationException">It is in use.</exception>
    public void RequireUnused(string hostName)
    {
        if (Receivers.TryGet(hostName, out _) || Recordings.HoldsDomainOf(hostName) || Migrations.Uses(hostName))
        {
            throw new OperationException(
                nameof(SR.HostBusy), OperationProblem.Busy, Text.Format(SR.HostBusy, hostName), SR.HostBusyRemedy, hostName);
        }
    }

    /// <summary>What to do about an error: of a domain that something of this process holds, what lets it go.</summary>
    /// <param name="error">The error.</param>
    public string RemedyFor(MigrationException error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return error is not { ErrorId: MigrationErrorId.DomainBusy, Target: { } domain } ? error.Remedy
            : Recordings.HolderOf(domain) is { } held ? Text.Format(SR.HeldRemedy, domain, held.Holder, held.HeldUntil)
            : Migrations.HolderOf(domain) is { } job
                ? Text.Format(job.IsActive ? SR.MovingRemedy : SR.InterruptedRemedy, domain, job.Id, job.Destination.Name)
            : error.Remedy;
    }

    /// <summary>
    /// Ends what has not left, because nobody in the process has the module any more. What has left, or has run here, goes on, which is said on
    /// standard error; the end of the process waits for it. Returns when the rest has ended, within the limits of an end; then all can begin again.
    /// </summary>
    public void EndModule() => ProcessSignals.EndModule(End);

    /// <summary>Says the last word to other processes; from then on they see nothing of this one any more.</summary>
    internal void CloseBoard()
    {
        lock (_opening)
        {
            _isLeaving = true;
            _board?.Dispose();
            _board = null;
        }
    }

    /// <summary>From now on other processes see what this one has. Where that cannot be, nothing else is kept from beginning.</summary>
    private void OpenBoard()
    {
        if (_boards is null || !OperatingSystem.IsLinux())
        {
            return;
        }

        lock (_opening)
        {
            try
            {
                _board = _isLeaving ? null : Board.Open(_boards(), OwnerProcess.Current, () => BoardWord.Write(this));
            }
            catch (MigrationException error)
            {
                BoardProblem = error;
            }
        }
    }
}
