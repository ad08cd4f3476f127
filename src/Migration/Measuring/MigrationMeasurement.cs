using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Measuring;

/// <summary>Who is told of a measurement while it goes on, and asked for what it cannot do itself.</summary>
/// <param name="OnRun">Told of each run that has ended.</param>
/// <param name="OnStep">Told which run begins, of how many, and by which method.</param>
/// <param name="Progress">Told of a run's progress; null for nobody.</param>
/// <param name="BringBack">Brings the domain back from another machine, and returns when it runs here; null where nobody can.</param>
public sealed record MeasureWatch(
    Action<MeasuredRun> OnRun, Action<int, int, MeasuredVariant> OnStep, Action<MigrationProgress>? Progress = null, Action? BringBack = null);

/// <summary>
/// Moves one domain by several methods to and fro and measures each move. It ends with the domain where it was; where that cannot be, it says where it is. A move
/// that fails is a run with its error, and the others are made only where it is certain where the domain is, and that it runs there.
/// </summary>
public sealed class MigrationMeasurement
{
    private readonly Workspace _workspace;
    private readonly DomainLocation _home;
    private readonly Destination _away;
    private readonly MeasureOptions _options;
    private readonly MeasureWatch _watch;
    private readonly Func<XlMigrate> _xl;

    /// <summary>Prepares; nothing is moved yet.</summary>
    /// <param name="workspace">Knows the hosts, and makes the moves.</param>
    /// <param name="home">The domain, where it is.</param>
    /// <param name="away">Where it goes.</param>
    /// <param name="options">What is measured.</param>
    /// <param name="watch">Who is told.</param>
    /// <exception cref="MigrationException">The options make no sense, or one of the methods is impossible for this domain.</exception>
    /// <exception cref="OperationException">Nobody can bring the domain back.</exception>
    public MigrationMeasurement(Workspace workspace, DomainLocation home, Destination away, MeasureOptions options, MeasureWatch watch)
        : this(workspace, home, away, options, watch, XlMigrate.Find)
    {
    }

    /// <summary>As the other one.</summary>
    /// <param name="workspace">As above.</param>
    /// <param name="home">As above.</param>
    /// <param name="away">As above.</param>
    /// <param name="options">As above.</param>
    /// <param name="watch">As above.</param>
    /// <param name="xl">Finds xl.</param>
    internal MigrationMeasurement(
        Workspace workspace, DomainLocation home, Destination away, MeasureOptions options, MeasureWatch watch, Func<XlMigrate> xl)
    {
        Check(home, away, options, watch.BringBack is not null, xl);
        (_workspace, _home, _away, _options, _watch, _xl) = (workspace, home, away, options, watch, xl);
    }

    private string Name => _home.Info.Name;

    /// <summary>Refuses a measurement that makes no sense, as the constructor does: nothing is touched.</summary>
    /// <param name="home">The domain, where it is.</param>
    /// <param name="away">Where it goes.</param>
    /// <param name="options">What is measured.</param>
    /// <param name="canBringBack">Whether somebody brings it back from another machine.</param>
    /// <exception cref="MigrationException">As the constructor's.</exception>
    /// <exception cref="OperationException">As the constructor's.</exception>
    public static void Check(DomainLocation home, Destination away, MeasureOptions options, bool canBringBack)
    {
        ArgumentNullException.ThrowIfNull(home);
        ArgumentNullException.ThrowIfNull(away);
        ArgumentNullException.ThrowIfNull(options);
        Check(home, away, options, canBringBack, XlMigrate.Find);
    }

    /// <summary>Makes the runs.</summary>
    /// <param name="cancellationToken">Stops the move that goes on, as far as it can be stopped, and makes no other one.</param>
    /// <returns>What it came to; also where it had to end before all runs were made.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the message says where the domain is.</exception>
    public MigrationComparison Run(CancellationToken cancellationToken)
    {
        DateTimeOffset started = TimeProvider.System.GetLocalNow();
        IReadOnlyList<(int Variant, int Block)> order = RunOrder.Of(_options.Variants.Count, _options.WarmUps, _options.Repeat, _options.Seed);
        List<MeasuredRun> runs = [];
        string? stopped = null;
        try
        {
            foreach ((int variant, int block) in order)
            {
                _watch.OnStep(runs.Count + 1, order.Count, _options.Variants[variant]);
                MeasuredRun run = One(runs.Count + 1, _options.Variants[variant], block, cancellationToken);
                runs.Add(run);
                _watch.OnRun(run);
                if (run.Error is null && Find() is null)
                {
                    _watch.BringBack?.Invoke();
                }
            }

            GoHome(cancellationToken);
        }
        catch (OperationCanceledException error)
        {
            throw new OperationCanceledException($"{error.Message} {WhereItIs()}", error, cancellationToken);
        }
        catch (Exception error) when (error is MigrationException or OperationException)
        {
            stopped = $"{error.Message} {WhereItIs()}";
        }

        (Listed<MeasuredSummary> summaries, Listed<MeasuredDifference> differences) = MigrationComparison.Compare(runs, _options.Variants);
        return new MigrationComparison
        {
            Name = Name,
            HostName = Find()?.Host.Name,
            Source = _home.Host.Name,
            Destination = _away.Name,
            Against = _options.Variants[0].ToString(),
            Repeat = _options.Repeat,
            Seed = _options.Seed,
            Started = started,
            Ended = TimeProvider.System.GetLocalNow(),
            Failures = runs.Count(run => run.Error is not null),
            Stopped = stopped,
            Summaries = summaries,
            Differences = differences,
            Made = [.. runs],
        };
    }

    private static void Check(DomainLocation home, Destination away, MeasureOptions options, bool canBringBack, Func<XlMigrate> xl)
    {
        options.Validate();
        string name = home.Info.Name;
        if (options.Variants.Any(variant => variant.Method == MeasuredMethod.XlMigrate))
        {
            if (home.Info.Kind == DomainKind.Simulated)
            {
                throw new MigrationException(
                    MigrationErrorId.NotSupported, $"xl migrate moves domains of Xen, and {name} is a simulated one.", "Leave XlMigrate out of -Method.", name);
            }

            xl();
        }

        if (away.IsProtected && !canBringBack)
        {
            throw new OperationException(
                nameof(SR.NobodyBringsBack), OperationProblem.Argument, Text.Format(SR.NobodyBringsBack, away.Name, name), SR.NobodyBringsBackRemedy, name);
        }
    }

    /// <summary>One run, from leaving the domain alone to leaving it alone again.</summary>
    private MeasuredRun One(int number, MeasuredVariant variant, int block, CancellationToken cancellationToken)
    {
        DomainLocation from = Require();
        Destination to = IsHome(from) ? _away : Destination.Parse(_home.Host.Name, _workspace);
        MeasuredRun run = new()
        {
            Run = number,
            Name = Name,
            Source = from.Host.Name,
            Destination = to.Name,
            Method = variant.Method,
            Order = variant.Order,
            Block = block,
            Started = TimeProvider.System.GetLocalNow(),
        };
        OutsideProbe? probe = _options.Probe is { } endpoint ? new OutsideProbe(endpoint, _options.ProbeKind, TimeProvider.System) : null;
        BeatWatch? beats = _options.Beat is { } key
            ? new BeatWatch(new[] { _home.Host, _away.Host }.OfType<IMigrationHost>(), Name, key, TimeProvider.System)
            : null;
        try
        {
            LeaveAlone(cancellationToken);
            probe?.Gaps.Begin();
            beats?.Gaps.Begin();
            run = Move(run, variant, from, to, cancellationToken);
            LeaveAlone(cancellationToken);

            // What a guest counts on another machine is not seen here: that it was not seen says nothing.
            run = run with { ProbeGap = probe?.Gaps.Longest()?.TotalSeconds, BeatGap = Find() is null ? null : beats?.Gaps.Longest()?.TotalSeconds };
        }
        finally
        {
            beats?.Dispose();
            probe?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        return run with { HostName = Find()?.Host.Name ?? (run.Error is null ? to.Name : null) };
    }

    private MeasuredRun Move(MeasuredRun run, MeasuredVariant variant, DomainLocation from, Destination to, CancellationToken cancellationToken)
    {
        try
        {
            if (variant.Method == MeasuredMethod.XlMigrate)
            {
                XlMove moved = _xl().Run(from.Info.Id, _options.XlReceiver, _options.TimeLimit, cancellationToken);
                return run with { TotalTime = moved.Total.TotalSeconds, Downtime = moved.Downtime?.TotalSeconds };
            }

            PlannedMove move = new(from, to, variant.Apply(_options.Move), null);
            return run.With(Move(move, cancellationToken));
        }
        catch (Exception error) when (error is MigrationException or OperationException)
        {
            return run with { Error = error.Message };
        }
    }

    /// <summary>Moves the domain, and waits for the end.</summary>
    private MigrationOutcome Move(PlannedMove move, CancellationToken cancellationToken)
    {
        move.Destination.Ask(move.Location, isTunnelAsked: false, move.Options.PeerTimeout, cancellationToken);
        Preflight.Move(move);
        MigrationJob job = _workspace.Migrations.Start(move, _watch.Progress);
        try
        {
            if (!job.Ended.Wait(_options.TimeLimit, cancellationToken))
            {
                job.Cancel();
                StopPatience.Join([job.Ended]);
                throw new MigrationException(
                    MigrationErrorId.Cancelled,
                    $"The move had not ended within {Text.Duration(_options.TimeLimit)}, and was asked to stop: {job.ExplainHolder()}",
                    "Allow more with -TimeLimit.",
                    Name);
            }
        }
        catch (OperationCanceledException)
        {
            job.Cancel();
            StopPatience.Join([job.Ended]);
            throw;
        }

        return job.Outcome ?? throw (job.Error as MigrationException ?? new MigrationException(
            MigrationErrorId.AbortedByPeer, job.Error?.Message ?? job.State.ToString(), "Get-Migration says more.", Name, job.Error));
    }

    private void LeaveAlone(CancellationToken cancellationToken)
    {
        if (_options.Settle > TimeSpan.Zero)
        {
            cancellationToken.WaitHandle.WaitOne(_options.Settle);
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Brings the domain back to where it was, where it is not there.</summary>
    private void GoHome(CancellationToken cancellationToken)
    {
        if (Require() is var now && !IsHome(now))
        {
            Move(
                new PlannedMove(
                    now, Destination.Parse(_home.Host.Name, _workspace), new MeasuredVariant(MeasuredMethod.PreCopy, null).Apply(_options.Move), null),
                cancellationToken);
        }
    }

    private bool IsHome(DomainLocation where) => ReferenceEquals(where.Host, _home.Host);

    /// <summary>Where the domain runs among the hosts of this process; null where it runs on none of them, or where anything else has to do with it there.</summary>
    private DomainLocation? Find()
    {
        DomainLocation[] found =
        [
            .. new[] { _home.Host, _away.Host }.OfType<IMigrationHost>().Distinct().SelectMany(host => host.GetDomains()
                .Where(domain => domain.Name == Name || domain.Name.StartsWith($"{Name}--", StringComparison.Ordinal))
                .Select(domain => new DomainLocation(host, domain))),
        ];
        return found is [{ Info.State: DomainState.Running } only] && only.Info.Name == Name ? only : null;
    }

    private DomainLocation Require() => Find() ?? throw new OperationException(
        nameof(SR.MeasuredDomainUnknown), OperationProblem.State, Text.Format(SR.MeasuredDomainUnknown, Name), SR.MeasuredDomainUnknownRemedy, Name);

    private string WhereItIs()
    {
        try
        {
            string[] copies =
            [
                .. new[] { _home.Host, _away.Host }.OfType<IMigrationHost>().Distinct().SelectMany(host => host.GetDomains()
                    .Where(domain => domain.Name == Name || domain.Name.StartsWith($"{Name}--", StringComparison.Ordinal))
                    .Select(domain => $"'{domain.Name}' on {host.Name} ({domain.State})")),
            ];
            return copies.Length > 0
                ? Text.Format(SR.MeasuredDomainIs, string.Join(", ", copies))
                : Text.Format(SR.MeasuredDomainElsewhere, Name, _away.Name);
        }
        catch (MigrationException error)
        {
            return error.Message;
        }
    }
}
