using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Other processes that a pipeline's thread hears of, each once, until it does not wait any more.</summary>
/// <param name="writer">The way to the pipeline's thread.</param>
/// <param name="hear">Told there what a process says.</param>
internal sealed class FollowedProcesses(PipelineWriter writer, Action<ProcessElsewhere> hear) : IDisposable
{
    private readonly Dictionary<int, IDisposable> _following = [];

    /// <summary>Hears of a process from now on.</summary>
    public void Follow(ProcessElsewhere process)
    {
        if (!_following.ContainsKey(process.Id))
        {
            _following[process.Id] = Workspace.OfProcess.Elsewhere.Follow(process, said => writer.Post(() => hear(said)));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable following in _following.Values)
        {
            following.Dispose();
        }
    }
}
