using System.Net;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>Runs one case on two simulated hosts, and finds out what became of the domain.</summary>
internal sealed partial class MatrixRun : IAsyncDisposable
{
    private const string Name = "web01";
    private const int Resumptions = 4;
    private const long OperationsAfterRounds = 300;

    /// <summary>Longer than anything here takes: only what hangs for ever meets it.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(1);

    /// <summary>What a receiver's process has for its migrations: each has a process of its own, and one that is killed takes along what it had.</summary>
    private const long RoomOfProcess = 1L << 30;

    private readonly MatrixCase _case;
    private readonly SimulatedHost _source = new("xen1");
    private readonly SimulatedHost _destination = new("xen2");
    private readonly SimulatedDomain _domain;
    private readonly FaultPlan _plan;
    private readonly FaultyRoute _route;
    private readonly FakeTimeProvider _clock = new();
    private readonly CancellationTokenSource _cancel = new();
    private readonly List<MigrationReceiver> _receivers = [];
    private readonly List<string> _ends = [];
    private volatile string _sourceState = nameof(SourceState.Greeting);
    private MigrationOptions _options = new();
    private volatile bool _isSourceGone;
    private volatile bool _isTakingOver;
    private bool _isDestinationGone;
    private volatile int _lastKilled = -1;

    private MatrixRun(MatrixCase matrixCase)
    {
        _case = matrixCase;
        _plan = new FaultPlan(matrixCase.Disturbances) { OnTheWay = OnTheWay, Situation = Situation };
        _route = new FaultyRoute(_plan, () => Route.Loopback(_receivers[^1].Endpoint));
        _domain = _source.CreateDomain(Guest(matrixCase.Vcpus));
        if (new MigrationOptions { Method = matrixCase.Method }.HasRounds)
        {
            // After the last round, so that it leaves something.
            _source.Faults.Before(SimulatedCall.Suspend, 1, () => _domain.RunOperations(OperationsAfterRounds, CancellationToken.None));
        }

        StartReceiver();
    }

    private IEnumerable<IncomingMigration> Incoming => _receivers.SelectMany(receiver => receiver.Incoming);

    public static async Task<MatrixOutcome> RunAsync(MatrixCase matrixCase)
    {
        await using MatrixRun run = new(matrixCase);
        string why = "";
        Fate fate = Fate.Lost;
        string? problem = null;
        try
        {
            (fate, why) = await run.MoveAndJudgeAsync();
        }
#pragma warning disable CA1031 // Whatever a case throws is what is wrong with it; the others go on.
        catch (Exception error)
#pragma warning restore CA1031
        {
            problem = error is Xunit.Sdk.XunitException ? error.Message : error.ToString();
        }

        run._plan.Release();
        await run.EndReceiversAsync();
        problem ??= run.Unreturned();
        string[] violations = [.. run._source.Violations, .. run._destination.Violations];
        problem = violations.Length > 0 ? string.Join(" ", violations) : problem;
        return new MatrixOutcome(
            matrixCase, fate, why, run._route.IsAwaiting ? run._plan.Come - 1 : run._plan.Come, run._ends, run._plan.Log, run._plan.LogAtLast, problem);
    }

    public ValueTask DisposeAsync()
    {
        _source.Dispose();
        _destination.Dispose();
        _cancel.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task EndReceiversAsync()
    {
        foreach (MigrationReceiver receiver in _receivers)
        {
            await receiver.DisposeAsync().AsTask().WaitAsync(s_patience);
        }
    }

    /// <summary>What the process at the destination has not got back of its memory at the end of all; one that was killed has none.</summary>
    private string? Unreturned() => _receivers[^1] is { Budget.Taken: > 0 and var taken } last && !last.Incoming.Any(incoming => incoming.IsKept)
        ? $"{taken} bytes of the receiver's memory were not given back."
        : null;

    /// <summary>A guest of a megabyte whose pages can be compressed; it comes to its end by itself, and is then compared to the byte.</summary>
    private static SimulatedDomainOptions Guest(int vcpus) => new()
    {
        Name = Name,
        MemoryBytes = (long)vcpus << 20,
        VcpuCount = vcpus,
        Seed = 42,
        OperationsPerSecond = 20_000,
        IsPaced = false,
        StopAtOperations = 2_000,
        OutputInterval = 50,
        ContentPeriod = 1024,
    };

    private async Task<(Fate Fate, string Why)> MoveAndJudgeAsync()
    {
        _options = new MigrationOptions
        {
            Method = _case.Method,
            Mode = _case.Mode,
            RemotePF = _case.RemotePF,
            Window = TimeSpan.FromMilliseconds(20),
            Epoch = TimeSpan.FromMilliseconds(5),
            Clock = _clock,
            Trace = new Listener(OnSource),
        };
        Task<MigrationResult> moving = Task.Run(() => MigrationSource.MigrateAsync(
            FaultyHost.Wrap(_source, _plan, "source").OpenSource(Name), _route, _options, null, _cancel.Token));
        bool isResumed = false;
        bool isLeft = true;
        for (int i = 0; ; i++)
        {
            Exception? error = await EndAsync(moving);
            if (_isTakingOver)
            {
                // There was nothing to take over, or nobody could; or it failed, everything is as it was, and the command is repeated.
                (_isSourceGone, _isTakingOver) = (true, false);
                isLeft = error is not MigrationException { ErrorId: MigrationErrorId.DomainState or MigrationErrorId.DomainNotFound };
            }
            else
            {
                _ends.Add(Stand());
            }

            if (_isSourceGone && isLeft && i < Resumptions)
            {
                // Another tool comes after the one that was killed.
                NextAttempt(i);
                isResumed = true;
                moving = Task.Run(TakeOverAsync);
                continue;
            }

            if (error is MigrationInterruptedException interrupted && i < Resumptions && !_isSourceGone)
            {
                NextAttempt(i);
                isResumed = true;
                moving = Task.Run(() => interrupted.Migration.ResumeAsync(_route, null, CancellationToken.None));
                continue;
            }

            _plan.End();
            return Judge(error, error is null ? await moving : null, isResumed);
        }
    }

    private void NextAttempt(int last)
    {
        if (last > 0)
        {
            // What failed for good is mended before it is tried once more.
            _plan.Mend();
        }

        _route.EndAttempt();
        _sourceState = nameof(SourceState.Resuming);
    }

    private Task<MigrationResult> TakeOverAsync()
    {
        (_isSourceGone, _isTakingOver) = (false, true);
        InterruptedMigration taken = MigrationSource.TakeOver(FaultyHost.Wrap(_source, _plan, "source"), Name, _route, _options);
        _isTakingOver = false;
        return taken.ResumeAsync(_route, null, CancellationToken.None);
    }

    /// <summary>Waits until both sides have ended; where that takes time, time passes, and where somebody hangs, the other side ends alone.</summary>
    private async Task<Exception?> EndAsync(Task moving)
    {
        Task both = Task.Run(async () =>
        {
            await Settled(moving);
            foreach (IncomingMigration incoming in Incoming)
            {
                await incoming.Ended;
            }
        });
        await Task.WhenAny(both, _plan.Hung, _route.Silenced.Task).WaitAsync(s_patience);
        await PassTimeAsync(both);
        if (_plan.Hung.IsCompleted && !both.IsCompleted)
        {
            // The administrator gives up, and the way between the sides is lost.
            await _cancel.CancelAsync();
            _route.Do(Upset.BothCut);
            bool isAtSource = (await _plan.Hung).StartsWith("source", StringComparison.Ordinal);
            Task other = isAtSource ? Task.WhenAll(Incoming.Select(incoming => incoming.Ended)) : Settled(moving);

            // Where both hang nobody is left who could end alone.
            Task ended = await Task.WhenAny(other, _plan.HungToo, Task.Delay(s_patience));
            if (ended != _plan.HungToo || (await _plan.HungToo).StartsWith("source", StringComparison.Ordinal) == isAtSource)
            {
                await WaitAsync(other, "The other side waits for one that hangs.");
            }

            _plan.Release();
        }

        await PassTimeAsync(both);
        await WaitAsync(both, "It does not end.");
        return moving.IsCompletedSuccessfully ? null : moving.Exception?.InnerException ?? new OperationCanceledException();
    }

    /// <summary>Where nothing passes between the sides time does, until both have ended or one of them hangs.</summary>
    private async Task PassTimeAsync(Task both)
    {
        while (_route.IsSilent && !both.IsCompleted && !_plan.Hung.IsCompleted)
        {
            _clock.Advance(s_step);
            await Task.Yield();
        }
    }

    private static async Task WaitAsync(Task task, string otherwise)
    {
        if (await Task.WhenAny(task, Task.Delay(s_patience)) != task)
        {
            Assert.Fail(otherwise);
        }
    }

    private static Task Settled(Task task) => task.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private void StartReceiver()
    {
        int number = _receivers.Count;
        MortalHost host = new(_destination, () => number <= _lastKilled);
        MigrationReceiver receiver = MigrationReceiver.Start(
            FaultyHost.Wrap(host, _plan, "destination"), new IPEndPoint(IPAddress.Loopback, 0), null, _clock, budget: new MemoryBudget(RoomOfProcess));
        receiver.Watch(OnDestination);
        _receivers.Add(receiver);
    }

    /// <summary>Where both sides stand: which attempt it is, the states of both sessions, what the destination holds, who is gone.</summary>
    private string Situation() => FormattableString.Invariant($"{_ends.Count}: {Stand()}");

    private string Stand()
    {
        IncomingMigration? incoming = Incoming.LastOrDefault();
        string there = incoming is null ? "never came" : $"{incoming.State.GetType().Name} {incoming.Holding}";
        return $"{_sourceState} / {there}{(_isSourceGone ? ", source gone" : "")}{(_isDestinationGone ? ", destination gone" : "")}";
    }

    private void OnSource(MigrationTrace step)
    {
        if (step.Kind == MigrationTraceKind.State)
        {
            _sourceState = After(step);
            _plan.PassState($"source state {_sourceState}");
        }
    }

    private void OnDestination(IncomingMigration incoming, MigrationTrace step)
    {
        if (step.Kind == MigrationTraceKind.State)
        {
            _plan.PassState($"destination state {After(step)}");
        }
        else if (step is { Kind: MigrationTraceKind.Sent, Name: nameof(RecordType.Welcome), Connection: "bulk" }
            or { Kind: MigrationTraceKind.Sent, Name: nameof(RecordType.Resume) })
        {
            // The states that a session begins in: nothing goes to them.
            _plan.PassState($"destination state {incoming.State.GetType().Name}");
        }
    }

    private void OnTheWay(Upset upset)
    {
        _route.Do(upset);
        if (upset == Upset.SourceGone)
        {
            _isSourceGone = true;
            _source.KillTool();
        }
        else if (upset == Upset.DestinationGone)
        {
            _isDestinationGone = true;
            _lastKilled = _receivers.Count - 1;
            _destination.KillTool();
            StartReceiver();
        }
    }

    private static string After(MigrationTrace step) => step.Name[(step.Name.LastIndexOf(' ') + 1)..];

    /// <summary>The host as a receiver's process has it: one that was killed makes nothing there any more, and opens nothing.</summary>
    private sealed class MortalHost(IMigrationHost host, Func<bool> isKilled) : ForwardingHost(host)
    {
        public override IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
        {
            RequireLife();
            return base.CreateIncoming(description, cancellationToken);
        }

        public override LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which)
        {
            RequireLife();
            return base.OpenArrival(which);
        }

        private void RequireLife()
        {
            if (isKilled())
            {
                throw new InvalidOperationException("The process was killed.");
            }
        }
    }

    private sealed class Listener(Action<MigrationTrace> onStep) : IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value) => onStep(value);
    }
}
