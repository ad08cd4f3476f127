using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>
/// The hypervisor's backup store of a recording. A thread lets it grow step by step while it fills, up to the limit. Whoever reads the
/// checkpoint first takes over the originals that the store has got.
/// </summary>
/// <remarks>
/// The hypervisor pauses the domain before the store is full, so no original is lost: at the limit the domain stands still
/// and the recording has failed, until it is ended.
/// </remarks>
internal sealed class BackupStore : IDisposable
{
    private readonly CheckedExtensionPort _port;
    private readonly PageBitmap _populated;
    private readonly PageBackup _backups;
    private readonly string _subject;
    private readonly Lock _gate = new();
    private readonly byte[] _content = new byte[Page.Size];
    private readonly Thread _thread;
    private readonly int _limit;
    private int _slots;
    private int _taken;
    private MigrationException? _failure;
    private volatile bool _isEnding;
    private bool _isEnded;

    /// <summary>Takes charge of the store of a recording that has started.</summary>
    /// <param name="port">The extension.</param>
    /// <param name="populated">The pages whose originals are wanted.</param>
    /// <param name="backups">Where the originals go.</param>
    /// <param name="slots">The store's size now.</param>
    /// <param name="limit">Its largest size.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    internal BackupStore(IExtensionPort port, PageBitmap populated, PageBackup backups, int slots, int limit, string subject)
    {
        _port = CheckedExtensionPort.Around(port, populated.PageCount, subject);
        _populated = populated;
        _backups = backups;
        _slots = slots;
        _limit = limit;
        _subject = subject;
        _backups.Follow(CatchUp);
        _thread = new Thread(Watch) { Name = "backup store", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Why the recording cannot go on; null where it can.</summary>
    internal MigrationException? Failure => Volatile.Read(ref _failure);

    /// <summary>Takes over the originals that the store has got since the last time.</summary>
    /// <exception cref="MigrationException">An original was lost, or what the hypervisor says of the store cannot be.</exception>
    internal void CatchUp()
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            try
            {
                Take(_port.Query());
            }
            catch (MigrationException error) when (error is not XenException)
            {
                Fail(error);
                throw;
            }
        }
    }

    /// <summary>Takes over what is there and ends the thread. The store itself is freed with the recording.</summary>
    public void Dispose()
    {
        _isEnding = true;
        _port.Wake();
        _thread.Join();
        lock (_gate)
        {
            _isEnded = true;
        }
    }

    private void Take(in XenExtensionState state)
    {
        for (; _taken < (int)state.Used; _taken++)
        {
            int pfn = _port.ReadSlot(_taken, _content);
            if (_populated[pfn])
            {
                _backups.TryAdd(pfn, _content);
            }
        }

        if (state.Flags.HasFlag(XenExtensionFlags.Lost))
        {
            throw new MigrationException(
                MigrationErrorId.BackupStoreFull,
                $"{_subject}: an original found no room in the backup store of {_slots} pages; the checkpoint is lost.",
                "Use a shorter window, or allow a larger backup store.",
                _subject);
        }
    }

    /// <summary>Notes why the recording has failed; its owner is told at its next call. A domain whose store is full stands still until
    /// then.</summary>
    private void Fail(MigrationException error) => Interlocked.CompareExchange(ref _failure, error, null);

    private void Watch()
    {
        try
        {
            while (!_isEnding)
            {
                _port.Wait(Timeout.InfiniteTimeSpan);
                lock (_gate)
                {
                    XenExtensionState state = _port.Query();
                    GrowBefore(state);
                    Take(state);
                }
            }
        }
        catch (MigrationException error)
        {
            Fail(error);
        }
#pragma warning disable CA1031 // The last resort of a thread: whatever it is, it is the recording that fails, not the process.
        catch (Exception error)
#pragma warning restore CA1031
        {
            Fail(new MigrationException(
                MigrationErrorId.HypervisorCall,
                $"{_subject}: the backup store cannot be looked after: {error.Message}",
                "The recording is lost, and the domain runs on when it is ended. The cause is the inner exception.",
                _subject,
                error));
        }
    }

    /// <summary>Lets the store grow before anything else is done: a domain that was paused because the store was full then runs on at
    /// once.</summary>
    private void GrowBefore(in XenExtensionState state)
    {
        if (!state.Flags.HasFlag(XenExtensionFlags.Running) || _slots - (int)state.Used > _slots / 2)
        {
            return;
        }

        if (_slots < _limit)
        {
            int slots = (int)Math.Min(_limit, 2L * _slots);
            _port.Grow(slots);
            _slots = slots;
        }
        else if (state.Flags.HasFlag(XenExtensionFlags.Full))
        {
            throw new MigrationException(
                MigrationErrorId.BackupStoreFull,
                $"{_subject}: the backup store has reached its limit of {_limit} pages; the domain was paused before an original was lost.",
                "Use a shorter window, or allow a larger backup store.",
                _subject);
        }
    }
}
