using PreRecordMigration.Backup;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>
/// What a service does unasked for processes of its hosts that have ended, however they did: domains that they stopped or trapped run on, what
/// came in and never ran is taken down, originals that nobody needs go, as do the boards of ended processes, and migrations whose domain had left are taken over. It holds nothing between two tries, so that
/// an administrator can take over, or take back, what it could not bring on.
/// </summary>
internal sealed class Successor
{
    /// <summary>How long it waits after a first try that came to nothing; each further one doubles that.</summary>
    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongestPatience = TimeSpan.FromMinutes(5);

    private readonly Workspace _workspace;
    private readonly MigrationOptions _options;
    private readonly Action<string> _say;
    private readonly TimeProvider _clock;

    /// <summary>What came to nothing.</summary>
    private readonly Dictionary<Concern, Try> _tries = [];

    /// <param name="workspace">The service's, whose receivers' hosts are looked after.</param>
    /// <param name="options">How migrations go on: the limit of the bandwidth, and how long a destination may be silent.</param>
    /// <param name="say">Is told what is done and what could not be, once as long as nothing changes.</param>
    /// <param name="clock">Measures how long it waits between two tries.</param>
    public Successor(Workspace workspace, MigrationOptions options, Action<string> say, TimeProvider clock) =>
        (_workspace, _options, _say, _clock) = (workspace, options, say, clock);

    /// <summary>Looks after what has been left by now.</summary>
    /// <param name="cancellationToken">Gives up waiting for destinations.</param>
    /// <exception cref="OperationCanceledException">Cancelled first.</exception>
    public void Look(CancellationToken cancellationToken)
    {
        foreach (MigrationJob job in _workspace.Migrations.All.Where(job => job is { IsTakenOver: true, State: MigrationState.Interrupted }))
        {
            Attempt(Concern.Of(job.Location.Host, job.Location.Info.Name), () => Relinquish(job));
        }

        Attempt(new Concern(Chore.Originals), BackupFiles.Sweep);
        Attempt(new Concern(Chore.Boards), _workspace.Elsewhere.Sweep);
        Dictionary<string, MigrationException> silent = [];
        foreach (IMigrationHost host in _workspace.Receivers.All.Select(receiver => receiver.Host))
        {
            Attempt(new Concern(Chore.Arrivals, host.Name), host.SweepArrivals);
            Attempt(new Concern(Chore.Finding, host.Name), () => LookAfter(host, silent, cancellationToken));
        }
    }

    private void LookAfter(IMigrationHost host, Dictionary<string, MigrationException> silent, CancellationToken cancellationToken)
    {
        IReadOnlyList<LeftBehind> all = host.GetLeftBehind();
        Forget(host, all);
        foreach (LeftBehind left in all)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Concern concern = Concern.Of(host, left.Name);
            if (!_tries.TryGetValue(concern, out Try? last) || _clock.GetElapsedTime(last.At) >= last.Patience)
            {
                Attempt(concern, () =>
                {
                    if (left.Mark == SourceMark.Leaving)
                    {
                        TakeOver(host, left, silent, cancellationToken);
                    }
                    else
                    {
                        Mend(host, left);
                    }
                });
            }
        }
    }

    /// <summary>Forgets what was tried with domains that nobody has left any more.</summary>
    private void Forget(IMigrationHost host, IReadOnlyList<LeftBehind> all)
    {
        HashSet<string> current = [.. all.Select(left => left.Name)];
        foreach (Concern tried in _tries.Keys.Where(tried => tried.Chore == Chore.Domain && tried.Host == host.Name).ToArray())
        {
            if (!current.Contains(tried.Domain) && _workspace.Migrations.HolderOf(tried.Domain) is null)
            {
                _tries.Remove(tried);
            }
        }
    }

    /// <summary>Opening it does what its mark says: it runs on here without traps, or what is left of it goes.</summary>
    private void Mend(IMigrationHost host, LeftBehind left)
    {
        new SourceCustody(host.OpenSource(left.Name)).Dispose();
        _say(Text.Format(SR.SuccessorMended, left.Name, host.Name));
    }

    private void TakeOver(IMigrationHost host, LeftBehind left, Dictionary<string, MigrationException> silent, CancellationToken cancellationToken)
    {
        if (left.Departure is not { Continuation: not null } departure || Destination.Noted(departure, _workspace) is not { Route: { } route } destination)
        {
            throw new OperationException(
                nameof(SR.SuccessorKnowsNoWay),
                OperationProblem.NotFound,
                Text.Format(SR.SuccessorKnowsNoWay, left.Name, host.Name),
                Text.Format(SR.SuccessorKnowsNoWayRemedy, left.Name),
                left.Name);
        }

        if (silent.TryGetValue(route.Address, out MigrationException? answer))
        {
            throw answer;
        }

        try
        {
            // Asked before the domain is taken: what waits for a host that is away is anybody's to take over.
            ReceiverProbe.Ask(route, cancellationToken, _options.PeerTimeout);
        }
        catch (MigrationException error)
        {
            silent[route.Address] = error;
            throw;
        }

        _workspace.Migrations.TakeOver(new PlannedMove(DomainLocation.Find(left.Name, host), destination, _options, null));
        _say(Text.Format(SR.SuccessorTookOver, left.Name, host.Name, route.Address));
    }

    /// <summary>What did not come to its end is anybody's to take over again, this process' too, when it has waited.</summary>
    private void Relinquish(MigrationJob job)
    {
        _workspace.Migrations.Relinquish(job);
        Note(Concern.Of(job.Location.Host, job.Location.Info.Name), job.Error!);
    }

    /// <summary>Tries something; where it cannot be done it is tried again later.</summary>
    private void Attempt(Concern concern, Action action)
    {
        try
        {
            action();
        }
        catch (OperationCanceledException)
        {
            throw;
        }
#pragma warning disable CA1031 // Whatever it is, the others are looked after all the same, and this one is tried again.
        catch (Exception error)
#pragma warning restore CA1031
        {
            Note(concern, error);
        }
    }

    /// <summary>Notes a try that came to nothing, and says why where it is another reason than before.</summary>
    private void Note(Concern concern, Exception error)
    {
        Try? last = _tries.GetValueOrDefault(concern);
        string remedy = error switch
        {
            MigrationException migration => migration.Remedy,
            OperationException operation => operation.Remedy,
            _ => "",
        };
        string text = $"{error.Message} {remedy}".TrimEnd();
        if (text != last?.Said)
        {
            _say(text);
        }

        TimeSpan patience = last is null ? FirstPatience : last.Patience * 2;
        _tries[concern] = new Try(text, _clock.GetTimestamp(), patience < LongestPatience ? patience : LongestPatience);
    }

    /// <summary>What there is to look after.</summary>
    private enum Chore
    {
        /// <summary>Originals of recordings that were killed.</summary>
        Originals,

        /// <summary>By what processes said what they had.</summary>
        Boards,

        /// <summary>What came in to a host and never ran.</summary>
        Arrivals,

        /// <summary>Finding which domains have been left at a host.</summary>
        Finding,

        /// <summary>One of these domains.</summary>
        Domain,
    }

    /// <summary>What is tried by itself.</summary>
    /// <param name="Chore">Of what kind it is.</param>
    /// <param name="Host">At which host; empty where it is the machine's.</param>
    /// <param name="Domain">Which domain; empty where it is the host's.</param>
    private readonly record struct Concern(Chore Chore, string Host = "", string Domain = "")
    {
        public static Concern Of(IMigrationHost host, string domain) => new(Chore.Domain, host.Name, domain);
    }

    /// <summary>A try that came to nothing.</summary>
    /// <param name="Said">Why.</param>
    /// <param name="At">When.</param>
    /// <param name="Patience">How long the next one waits.</param>
    private sealed record Try(string Said, long At, TimeSpan Patience);
}
