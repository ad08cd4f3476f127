using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>
/// Records a domain inside the hypervisor. Reads and writes are told apart: a page that is first read
/// and then written comes twice in an epoch, once as each.
/// </summary>
internal sealed class ExtensionRecorder : IAccessRecorder
{
    private const int ReadChunk = 4096;
    private readonly CheckedExtensionPort _port;
    private readonly PageBitmap _populated;
    private readonly PageBackup? _backups;
    private readonly Action<ExtensionRecorder> _onDisposed;
    private readonly Lock _gate = new();
    private readonly Queue<AccessRecord> _records = new();
    private readonly uint[] _buffer = new uint[ReadChunk];
    private BackupStore? _store;
    private long _taken;
    private int _sequence;
    private int _epoch;
    private bool _isEnded;
    private bool _isDisposed;

    private ExtensionRecorder(
        CheckedExtensionPort port, PageBitmap populated, PageBackup? backups, PageBitmap untracked, Action<ExtensionRecorder> onDisposed)
    {
        _port = port;
        _populated = populated;
        _backups = backups;
        _onDisposed = onDisposed;
        UntrackedPages = untracked;
    }

    /// <inheritdoc/>
    public bool IsEpochOrdered => true;

    /// <inheritdoc/>
    public PageBitmap UntrackedPages { get; }

    /// <summary>Starts a recording.</summary>
    /// <param name="port">The extension, owned from here on.</param>
    /// <param name="populated">The domain's pages; touches of others, which do not migrate, are left out.</param>
    /// <param name="backups">Where originals go; null to record only. Where it is not null the domain must be suspended.</param>
    /// <param name="byHarvest">Whether a page that is touched again in a later epoch is found when that epoch ends.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    /// <param name="onDisposed">Called once, when the recording has ended.</param>
    internal static ExtensionRecorder Start(
        IExtensionPort port, PageBitmap populated, PageBackup? backups, bool byHarvest, string subject, Action<ExtensionRecorder> onDisposed)
    {
        int pageCount = populated.PageCount;
        CheckedExtensionPort checkedPort = CheckedExtensionPort.Around(port, pageCount, subject);
        XenExtensionFlags accesses = byHarvest ? XenExtensionFlags.Accesses | XenExtensionFlags.Harvest : XenExtensionFlags.Accesses;
        int[] fixedPages;
        BackupStore? store = null;
        if (backups is null)
        {
            fixedPages = RecordingStart.FindFixedPages(checkedPort, pageCount);
            RecordingStart.Begin(checkedPort, pageCount, accesses, 0);
        }
        else
        {
            int slots = RecordingStart.Begin(checkedPort, pageCount, accesses | XenExtensionFlags.Backups, backups.LimitPages);
            fixedPages = RecordingStart.ReadFixedPagesOrEnd(checkedPort);
            store = new BackupStore(checkedPort, populated, backups, slots, backups.LimitPages, subject);
        }

        PageBitmap untracked = new(pageCount);
        foreach (int pfn in fixedPages.Where(pfn => populated[pfn]))
        {
            untracked.TrySet(pfn);
        }

        return new ExtensionRecorder(checkedPort, populated, backups, untracked, onDisposed) { _store = store };
    }

    /// <inheritdoc/>
    public void BeginEpoch()
    {
        ThrowIfFailed();
        lock (_gate)
        {
            RequireRunning();
            (long first, long count) = _port.BeginEpoch();
            Take(first, count);
            _taken = 0;
            _epoch++;
        }
    }

    /// <inheritdoc/>
    public int Drain(Span<AccessRecord> records)
    {
        ThrowIfFailed();
        lock (_gate)
        {
            if (_records.Count < records.Length && !_isEnded)
            {
                XenExtensionState state = _port.Query();
                Take((long)state.First, (long)state.Count);
            }

            int count = 0;
            while (count < records.Length && _records.TryDequeue(out AccessRecord record))
            {
                records[count++] = record;
            }

            return count;
        }
    }

    /// <summary>Takes over what the hypervisor keeps for the domain, and lets go of it: the domain is about to be destroyed.</summary>
    internal void EndWithDomain()
    {
        EndStore();
        lock (_gate)
        {
            _isEnded = true;
            _port.Dispose();
        }
    }

    /// <summary>Ends the recording; what was recorded and kept so far stays readable.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        try
        {
            EndStore();
        }
        finally
        {
            EndPort();
            _onDisposed(this);
        }
    }

    private void EndPort()
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            _isEnded = true;
            try
            {
                _port.Stop();
                _port.Release();
            }
            catch (XenException exception) when (exception.Errno == XenErrno.NoProcess)
            {
                // The domain is gone, and with it everything that was kept for it.
            }
            finally
            {
                _port.Dispose();
            }
        }
    }

    private void EndStore()
    {
        if (_store is not { } store)
        {
            return;
        }

        _store = null;
        try
        {
            store.CatchUp();
        }
        catch (MigrationException exception) when (store.Failure is not null || exception is XenException { Errno: XenErrno.NoProcess })
        {
            // The recording's owner was told before, or the domain is gone and nobody can want its originals.
        }
        finally
        {
            _backups!.Follow(null);
            store.Dispose();
        }
    }

    private void Take(long first, long count)
    {
        while (_taken < count)
        {
            Span<uint> part = _buffer.AsSpan(0, (int)Math.Min(ReadChunk, count - _taken));
            _port.ReadRecords(first + _taken, part);
            foreach (uint record in part)
            {
                int pfn = (int)(record & ~XenExtension.WriteBit);
                if (_populated[pfn])
                {
                    AccessKind kind = (record & XenExtension.WriteBit) != 0 ? AccessKind.Write : AccessKind.Read;
                    _records.Enqueue(new AccessRecord(_sequence++, _epoch, pfn, kind));
                }
            }

            _taken += part.Length;
        }
    }

    private void RequireRunning() => ObjectDisposedException.ThrowIf(_isEnded, this);

    private void ThrowIfFailed()
    {
        if (_store?.Failure is { } failure)
        {
            throw new MigrationException(failure.ErrorId, failure.Message, failure.Remedy, failure.Target, failure);
        }
    }
}
