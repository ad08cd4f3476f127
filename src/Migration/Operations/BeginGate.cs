namespace PreRecordMigration.Operations;

/// <summary>
/// The gate through which everything begins that the end of a workspace concerns. From the moment on at which the end looks at the lists
/// it is closed: a loop that goes on with its next domain would leave that one to a process that is gone.
/// </summary>
/// <param name="onFirst">Called once, before the first thing begins.</param>
internal sealed class BeginGate(Action onFirst)
{
    private readonly Lock _beginning = new();
    private Action? _onFirst = onFirst;
    private bool _isClosed;

    /// <summary>Begins something that the end concerns, and lists it.</summary>
    /// <param name="begin">Begins and lists it, at once.</param>
    /// <param name="isEnding">Whether it is itself to end something, which is never refused.</param>
    /// <exception cref="OperationException">The session ends.</exception>
    public T Begin<T>(Func<T> begin, bool isEnding = false)
    {
        lock (_beginning)
        {
            if (_isClosed && !isEnding)
            {
                throw new OperationException(
                    nameof(SR.SessionEnds), OperationProblem.Stopped, SR.SessionEnds, SR.SessionEndsRemedy, null);
            }

            Interlocked.Exchange(ref _onFirst, null)?.Invoke();
            return begin();
        }
    }

    /// <summary>Nothing begins any more, but what ends something.</summary>
    public void Close() => Set(isClosed: true);

    /// <summary>Everything may begin again: what ended was not the process.</summary>
    public void Open() => Set(isClosed: false);

    private void Set(bool isClosed)
    {
        lock (_beginning)
        {
            _isClosed = isClosed;
        }
    }
}
