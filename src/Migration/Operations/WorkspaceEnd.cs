namespace PreRecordMigration.Operations;

/// <summary>
/// What becomes of migrations, recordings, receivers and work when the process ends: moves are stopped, or finished where the domain
/// is already leaving; held domains run on; and whatever is waited for, or stays behind, is said. Where the process goes on without the
/// module, nothing but what has left does.
/// </summary>
internal sealed class WorkspaceEnd
{
    private readonly Workspace _workspace;
    private readonly Action<string> _say;

    /// <summary>Held by whatever ends: what the module's end has stopped and said the process' end does not say again.</summary>
    private readonly Lock _ending = new();
    private readonly TaskCompletionSource _processEnds = new();
    private IReadOnlyList<LettingGo> _lettingGo = [];

    /// <summary>Describes how a workspace ends.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="say">Says a line to whoever ended the process.</param>
    public WorkspaceEnd(Workspace workspace, Action<string> say) => (_workspace, _say) = (workspace, say);

    /// <summary>Whether there is anything that an end would stop, finish or leave behind.</summary>
    public bool Matters =>
        _workspace.Migrations.All.Any(job => job.HoldsDomain)
        || _workspace.Recordings.All.Count > 0
        || _workspace.Work.All.Count > 0
        || _workspace.Receivers.All.Any(receiver => receiver.Incoming.Any(incoming => incoming.IsKept || !incoming.Ended.IsCompleted));

    /// <summary>Ends everything, and says what is waited for and what stays behind. Returns when there is nothing more to wait for.</summary>
    /// <param name="isHurried">Set where nothing more is to be waited for.</param>
    public void End(WaitHandle isHurried)
    {
        // An end of the module that is under way waits no longer, and says nothing more: what it has not come to is left to this one.
        _processEnds.TrySetResult();
        lock (_ending)
        {
            try
            {
                _workspace.Gate.Close();
                _lettingGo = new Ending(_workspace, new SessionEndWords(), _say, isHurried).Run(_lettingGo);
            }
            finally
            {
                // What it has come to is the last that other processes hear.
                Leave();
            }
        }
    }

    /// <summary>
    /// Ends what has not left, because nobody in the process has the module any more, and says what goes on: what has left, or has run
    /// here, until it is where it belongs. Returns when the rest has ended; then all can begin again.
    /// </summary>
    /// <param name="isHurried">Set where nothing more is to be waited for.</param>
    public void EndModule(WaitHandle isHurried)
    {
        lock (_ending)
        {
            if (_processEnds.Task.IsCompleted)
            {
                return;
            }

            try
            {
                _workspace.Gate.Close();
                _lettingGo = new Ending(_workspace, new ModuleEndWords(), SayOfModule, isHurried, ((IAsyncResult)_processEnds.Task).AsyncWaitHandle)
                    .Run(_lettingGo);
            }
            finally
            {
                _workspace.Gate.Open();
            }
        }
    }

    /// <summary>From now on other processes see nothing of this one any more.</summary>
    public void Leave() => _workspace.CloseBoard();

    private void SayOfModule(string line)
    {
        if (!_processEnds.Task.IsCompleted)
        {
            _say(line);
        }
    }
}
