namespace PreRecordMigration.Transfer;

/// <summary>
/// Lets demand faults pass before pushed pages at the source: a record is not begun while a request waits for its answer.
/// The pusher and the fault threads share it.
/// </summary>
public sealed class DemandGate : IDisposable
{
    /// <summary>How long a push gives way at most, so that it goes on where requests never cease.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    private readonly Lock _counting = new();
    private readonly ManualResetEventSlim _empty = new(true);
    private int _waiting;

    /// <summary>A request has come in.</summary>
    public void Arrived()
    {
        lock (_counting)
        {
            if (_waiting++ == 0)
            {
                _empty.Reset();
            }
        }
    }

    /// <summary>Requests have been answered.</summary>
    /// <param name="count">How many.</param>
    public void Answered(int count)
    {
        lock (_counting)
        {
            _waiting -= count;
            if (_waiting == 0)
            {
                _empty.Set();
            }
        }
    }

    /// <summary>Waits until no request waits, or for as long as a push gives way.</summary>
    /// <returns>Whether none waits.</returns>
    public bool GiveWay(CancellationToken cancellationToken) => _empty.Wait(s_patience, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _empty.Dispose();
}
