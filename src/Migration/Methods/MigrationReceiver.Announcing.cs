using PreRecordMigration.Errors;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>Being found by who comes through ssh.</content>
public sealed partial class MigrationReceiver
{
    private ReceiverNote? _note;
    private long _greetings;

    /// <summary>How many peers have greeted so far. Strangers do not come that far.</summary>
    internal long Greetings => Interlocked.Read(ref _greetings);

    /// <summary>Has who comes through ssh find this receiver, until it stops listening; where ssh can lead to it.</summary>
    /// <param name="folder">The runtime folder.</param>
    /// <exception cref="MigrationException">What keeps it from being noted there.</exception>
    internal void Announce(string folder)
    {
        lock (_gate)
        {
            if (!_isStopping)
            {
                _note ??= ReceiverNote.Write(folder, Endpoint);
            }
        }
    }

    /// <summary>Has nobody find it any more; it still listens.</summary>
    internal void Withdraw()
    {
        lock (_gate)
        {
            _note?.Dispose();
            _note = null;
        }
    }
}
