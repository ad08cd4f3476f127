using System.Diagnostics;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>RemotePF inside the hypervisor, for domains on shadow page tables.</summary>
/// <remarks>
/// The hypervisor names each page once when it is first touched; the page's content, given by hypercall, wakes whoever waits
/// for it. So there is nothing to answer, and placing needs no lock. Before <see cref="Begin"/> every page is missing here,
/// and the hypervisor knows nothing of it yet.
/// </remarks>
internal sealed class ExtensionRemotePaging : IRemotePaging
{
    private const int ReadChunk = 64;
    private const int BusyRetries = 200;
    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(5);

    private readonly IExtensionPort _port;
    private readonly string _subject;
    private readonly Lock _waitGate = new();
    private Func<int, ulong>? _frameOf;
    private long _reported;
    private bool _isClosed;

    /// <summary>Takes charge of a domain that is not restored yet.</summary>
    /// <param name="port">The extension, owned from here on.</param>
    /// <param name="missing">The pages that are missing; shared.</param>
    /// <param name="subject">The domain's name, for messages.</param>
    internal ExtensionRemotePaging(IExtensionPort port, PageBitmap missing, string subject)
    {
        _port = port;
        _subject = subject;
        Missing = missing;
    }

    /// <inheritdoc/>
    public PageBitmap Missing { get; }

    /// <summary>The domain is restored, and paused: switches RemotePF on in the hypervisor.</summary>
    /// <param name="frameOf">The frame by which the hypervisor knows a page.</param>
    internal void Begin(Func<int, ulong> frameOf)
    {
        _port.Prepare(Missing.PageCount, 0);
        try
        {
            _port.DeclareMissing(Missing);
            _port.Serve();
        }
        catch
        {
            _port.Release();
            throw;
        }

        Volatile.Write(ref _frameOf, frameOf);
    }

    /// <inheritdoc/>
    public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(faults.Length, nameof(faults));
        RequireBegun();
        long start = Stopwatch.GetTimestamp();
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static port => ((IExtensionPort)port!).Wake(), _port);

        // Only one thread may wait for the event; a second one waits for the first, no longer than its own time.
        if (!_waitGate.TryEnter(timeout))
        {
            return 0;
        }

        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ObjectDisposedException.ThrowIf(_isClosed, this);
                int count = Collect(faults);
                TimeSpan left = timeout == Timeout.InfiniteTimeSpan ? timeout : timeout - Stopwatch.GetElapsedTime(start);
                if (count > 0 || (left <= TimeSpan.Zero && left != Timeout.InfiniteTimeSpan))
                {
                    return count;
                }

                _port.Wait(left);
            }
        }
        finally
        {
            _waitGate.Exit();
        }
    }

    /// <inheritdoc/>
    public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(pages.Length, (long)pfns.Length * Page.Size, nameof(pages));
        Func<int, ulong> frameOf = RequireBegun();
        ulong[] frames = new ulong[pfns.Length];
        for (int i = 0; i < frames.Length; i++)
        {
            frames[i] = frameOf(pfns[i]);
        }

        int done = 0;
        for (int attempt = 0; done < frames.Length; attempt++)
        {
            int placed = _port.Resolve(frames.AsSpan(done), pages[(done * Page.Size)..]);
            foreach (int pfn in pfns.Slice(done, placed))
            {
                Missing.TryClear(pfn);
            }

            done += placed;
            if (placed > 0)
            {
                attempt = 0;
            }
            else if (attempt == BusyRetries)
            {
                throw new MigrationException(
                    MigrationErrorId.HypervisorCall,
                    $"{_subject}: page {pfns[done]} cannot be filled: the hypervisor uses it as a page table or descriptor table.",
                    "Look at `xl dmesg`; the domain waits, and nothing of it is lost.",
                    _subject);
            }

            if (done < frames.Length)
            {
                Thread.Sleep(s_retryPause);
            }
        }
    }

    /// <inheritdoc/>
    public void Disable()
    {
        lock (_waitGate)
        {
            if (_isClosed)
            {
                return;
            }

            int missing = Missing.Count;
            if (missing != 0)
            {
                throw new InvalidOperationException($"{_subject}: {missing} pages are still missing; RemotePF stays on.");
            }

            if (_frameOf is not null)
            {
                _port.Stop();
                _port.Release();
            }

            _isClosed = true;
            _port.Dispose();
        }
    }

    /// <summary>Lets go: pages that are missing stay missing, and who waits for one keeps waiting.</summary>
    public void Dispose()
    {
        _port.Wake();
        lock (_waitGate)
        {
            if (!_isClosed)
            {
                _isClosed = true;
                _port.Dispose();
            }
        }
    }

    /// <summary>Takes the pages that were asked for since the last time; one that came meanwhile is nobody's fault.</summary>
    private int Collect(Span<PageFault> faults)
    {
        long asked = (long)_port.Query().Count;
        long now = Stopwatch.GetTimestamp();
        Span<uint> records = stackalloc uint[ReadChunk];
        int count = 0;
        while (_reported < asked && count < faults.Length)
        {
            Span<uint> part = records[..(int)Math.Min(Math.Min(ReadChunk, faults.Length - count), asked - _reported)];
            _port.ReadRecords(_reported, part);
            _reported += part.Length;
            foreach (uint record in part)
            {
                int pfn = (int)(record & ~XenExtension.WriteBit);
                if (Missing[pfn])
                {
                    // The hypervisor does not say who waits: it may be several vCPUs, or a backend.
                    faults[count++] = new PageFault(pfn, -1, now);
                }
            }
        }

        return count;
    }

    private Func<int, ulong> RequireBegun() => Volatile.Read(ref _frameOf)
        ?? throw new InvalidOperationException($"{_subject} is not restored yet: nothing of it can be missing.");
}
