using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Reliability;

/// <content>What became of the domain, once nothing happens by itself any more.</content>
internal sealed partial class MatrixRun
{
    private (Fate Fate, string Why) Judge(Exception? error, MigrationResult? result, bool isResumed)
    {
        // The administrator looks at what is left: what only lacks its name gets it, what never ran goes. Then the tool ends.
        foreach (IncomingMigration incoming in _receivers[^1].Incoming)
        {
            if (incoming.IsUnnamed || incoming.IsUndestroyed)
            {
                incoming.GiveUp();
            }

            incoming.Dispose();
        }

        if (_isSourceGone)
        {
            return JudgeWithoutSource();
        }

        if (result is not null)
        {
            CheckMoved(result);
            return (isResumed ? Fate.Resumed : Fate.Moved, "");
        }

        if (error is MigrationInterruptedException interrupted)
        {
            // Its destination's process had come to an end with the domain, and was killed before its source heard of that: nothing there comes in
            // any more, and an administrator looks.
            Assert.True(_isDestinationGone, $"It cannot be resumed: {error}");
            Assert.Contains("it has arrived", interrupted.Remedy, StringComparison.Ordinal);
            if (AtDestination() is { } arrived)
            {
                interrupted.Migration.GiveUp();
                Assert.Empty(_source.GetDomains());
                return (CheckRunsOn(arrived), "");
            }

            Assert.Empty(There);
            _source.KillTool();
            MigrationSource.TakeBack(_source, Name);
        }

        CheckStayed();
        return (Fate.Stayed, "");
    }

    private (Fate Fate, string Why) JudgeWithoutSource()
    {
        try
        {
            OpenAndClose();
        }
        catch (MigrationException refusal) when (refusal.ErrorId == MigrationErrorId.DomainNotFound)
        {
            Assert.NotNull(AtDestination());
            return (CheckRunsOn(AtDestination()!), "");
        }
        catch (MigrationException refusal) when (refusal.ErrorId == MigrationErrorId.DomainState)
        {
            Assert.Contains("may run at its destination", refusal.Message, StringComparison.Ordinal);
            if (AtDestination() is { } arrived)
            {
                return (CheckRunsOn(arrived), "");
            }

            // It was taken down there before it ran, and no process that knows that lives: an administrator looks.
            Assert.True(
                There.All(domain => domain.IncomingMark == IncomingMark.Preparing),
                $"It stands still at its source, and is not whole at its destination: {string.Join(", ", There.Select(domain => $"{domain.State} {domain.IncomingMark}"))}.");
            MigrationSource.TakeBack(_source, Name);
        }

        CheckStayed();
        return (Fate.Stayed, "");
    }

    /// <summary>The domain where nothing of it is missing there; null for none.</summary>
    private SimulatedDomain? AtDestination() =>
        There.FirstOrDefault(domain => domain.IncomingMark is null or IncomingMark.Whole && domain.State == DomainState.Running);

    private IEnumerable<SimulatedDomain> There => _destination.GetDomains().Select(info => _destination.GetDomain(info.Name));

    private void CheckMoved(MigrationResult result)
    {
        if (_source.GetDomains().Count > 0)
        {
            // What could not be taken away is, by the next command, and the result has said so.
            Assert.NotEmpty(result.Problems);
            Assert.Equal(MigrationErrorId.DomainNotFound, Open()?.ErrorId);
        }

        Assert.Empty(_source.GetDomains());

        // The note may say less than is true where it could not be written, and its tool was killed before it took the name.
        SimulatedDomain? moved = AtDestination() ?? There.FirstOrDefault(domain => domain.State == DomainState.Running);
        Assert.True(moved is not null, $"Nothing runs at the destination: {string.Join(", ", _destination.GetDomains())}");
        Assert.True(moved.Name == Name || result.Problems.Count > 0, "It has no final name, and nobody said so.");
        CheckRunsOn(moved);
    }

    private void CheckStayed()
    {
        Assert.True(Open() is not { } refusal, $"It cannot be opened at its source: {Open()?.Message}");
        Assert.Equal(DomainState.Running, _domain.State);
        Assert.Equal(0, _domain.TrappedPages);
        _domain.RunOperations(_domain.Options.StopAtOperations!.Value, CancellationToken.None);
        CheckRunsOn(_domain);
        Assert.True(_isDestinationGone || _destination.GetDomains().Count == 0, $"Left at the destination: {string.Join(", ", _destination.GetDomains())}");

        // And nothing that was left keeps it from moving after all.
        if (_isDestinationGone)
        {
            Assert.DoesNotContain(_destination.GetDomains(), info => info.State == DomainState.Running);
        }

        MigrationSource.MigrateAsync(
            _source.OpenSource(Name), Route.Loopback(_receivers[^1].Endpoint), new MigrationOptions { Method = MigrationMethod.PreCopy }, null, CancellationToken.None)
            .WaitAsync(s_patience).GetAwaiter().GetResult();
        CheckRunsOn(_destination.GetDomain(Name));
    }

    /// <summary>Opens the domain as the next command does.</summary>
    private MigrationException? Open()
    {
        try
        {
            OpenAndClose();
            return null;
        }
        catch (MigrationException refusal)
        {
            return refusal;
        }
    }

    private void OpenAndClose()
    {
        try
        {
            _source.OpenSource(Name).Dispose();
        }
        catch (MigrationException busy) when (
            busy.ErrorId == MigrationErrorId.DomainBusy && _case.Disturbances.Any(one => one.Point.EndsWith("ISourceDomain.Dispose", StringComparison.Ordinal)))
        {
            // Handles that cannot be freed go with their process.
            _source.KillTool();
            _source.OpenSource(Name).Dispose();
        }
    }

    private Fate CheckRunsOn(SimulatedDomain domain)
    {
        domain.WaitForOperations(domain.Options.StopAtOperations!.Value, new CancellationTokenSource(s_patience).Token);
        Assert.Equal(0, domain.CheckErrors);
        Assert.Equal(-1, SimulatedReference.FirstDifference(domain.PopulatedPages, domain.Memory, domain.ReferenceMemory()));
        foreach (IGrouping<int, SimulatedOutput> vcpu in _source.Outputs.Concat(_destination.Outputs).GroupBy(output => output.Vcpu))
        {
            long[] numbers = [.. vcpu.Select(output => output.Number)];
            Assert.Equal(Enumerable.Range(0, numbers.Length).Select(i => numbers[0] + i), numbers);
        }

        return Fate.Moved;
    }
}
