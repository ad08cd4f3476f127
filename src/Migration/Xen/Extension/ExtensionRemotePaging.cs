using System.Diagnostics;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>RemotePF inside the hypervisor, by its extension.</summary>
/// <remarks>
/// The hypervisor names each page once when it is first touched; the page's content, given by hypercall, wakes whoever waits
/// for it. So there is nothing to answer, and placing needs no lock. Before <see cref="Begin"/> the hypervisor knows nothing of what is
/// missing here.
/// </remarks>
internal sealed class ExtensionRemotePaging : WaitingRemotePaging
{
    private const int ReadChunk = 64;
    private const int BusyRetries = 200;
    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(5);

    private readonly CheckedExtensionPort _port;
    private Func<int, ulong>? _frameOf;
    private long _reported;
    private bool _isStopped;

    /// <summary>The pages that were missing at the beginning; null where another tool began.</summary>
    private PageBitmap? _wasMissing;
    private PageBitmap? _used;

    /// <summary>Takes charge of a domain that is not restored yet.</summary>
    /// <param name="port">The extension, owned from here on.</param>
    /// <param name="missing">The pages that are missing; shared with what takes them away.</param>
    /// <param name="subject">The domain's name, for messages.</param>
    /// <param name="takeAway">Takes pages away, and sets their bits; null where another tool did.</param>
    internal ExtensionRemotePaging(IExtensionPort port, PageBitmap missing, string subject, Action<PageBitmap>? takeAway)
        : base(missing, subject, takeAway) => _port = CheckedExtensionPort.Around(port, missing.PageCount, subject);

    /// <summary>Tells the hypervisor which pages are missing, and has it serve them. The domain is paused, and of a PV domain restored.</summary>
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

        _wasMissing = Missing.Clone();
        Volatile.Write(ref _frameOf, frameOf);
    }

    /// <summary>As <see cref="IPageUse.TakeUsedPages"/>.</summary>
    internal PageBitmap? TakeUsedPages()
    {
        (PageBitmap? used, _used) = (_used, null);
        return used;
    }

    /// <summary>
    /// Takes charge of a domain that was served when its tool was killed. Which pages are missing the hypervisor does not say: those that
    /// may be are missing here, and to place one that is not changes nothing.
    /// </summary>
    /// <param name="port">The extension, owned from here on.</param>
    /// <param name="missing">The pages that may be missing; given over.</param>
    /// <param name="subject">The domain's name, for messages.</param>
    /// <param name="frameOf">The frame by which the hypervisor knows a page.</param>
    /// <returns>Null where the hypervisor serves it no more: nothing is missing.</returns>
    internal static ExtensionRemotePaging? Adopt(IExtensionPort port, PageBitmap missing, string subject, Func<int, ulong> frameOf)
    {
        ExtensionRemotePaging adopted = new(port, missing, subject, takeAway: null);
        try
        {
            adopted._port.Adopt();
            XenExtensionState state = adopted._port.Query();
            if (state.Missing > (ulong)missing.Count)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"{subject}: the hypervisor misses {state.Missing} pages, and only {missing.Count} can be found: the guest was about to change which it has.",
                    "Resume it again in a moment.",
                    subject);
            }

            adopted.ClearWhereAllIsHere(state);
            adopted._isStopped = !state.Flags.HasFlag(XenExtensionFlags.Serving);
            Volatile.Write(ref adopted._frameOf, frameOf);
            return adopted;
        }
        catch (XenException error) when (error.Errno is XenErrno.NotThere or XenErrno.NotSupported)
        {
            adopted.Dispose();
            return null;
        }
        catch
        {
            adopted.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
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
                    $"{Subject}: page {pfns[done]} cannot be filled: the hypervisor uses it as a page table or descriptor table.",
                    "Look at `xl dmesg`; the domain waits, and nothing of it is lost.",
                    Subject);
            }

            if (done < frames.Length)
            {
                Thread.Sleep(s_retryPause);
            }
        }

        if (IsAdopted)
        {
            ClearWhereAllIsHere(_port.Query());
        }
    }

    /// <summary>More pages may be missing here than are: once the hypervisor misses none, none is.</summary>
    private void ClearWhereAllIsHere(in XenExtensionState state)
    {
        if (state.Missing == 0)
        {
            Missing.Clear();
        }
    }

    /// <summary>Takes the pages that were asked for since the last time, except for those that have been placed meanwhile.</summary>
    protected override int Collect(Span<PageFault> faults)
    {
        RequireBegun();
        XenExtensionState state = _port.Query();
        long asked = (long)state.Count;
        long now = Stopwatch.GetTimestamp();
        Span<uint> records = stackalloc uint[ReadChunk];
        Span<int> vcpus = stackalloc int[ReadChunk];
        vcpus.Fill(-1);
        int count = 0;
        while (_reported < asked && count < faults.Length)
        {
            Span<uint> part = records[..(int)Math.Min(Math.Min(ReadChunk, faults.Length - count), asked - _reported)];
            _port.ReadRecords(_reported, part);
            if (state.Flags.HasFlag(XenExtensionFlags.Uses))
            {
                _port.ReadVcpus(_reported, vcpus[..part.Length]);
            }

            _reported += part.Length;
            for (int i = 0; i < part.Length; i++)
            {
                int pfn = (int)(part[i] & ~XenExtension.WriteBit);
                if (Missing[pfn])
                {
                    // Who touched it first; others may wait for it as well.
                    faults[count++] = new PageFault(pfn, vcpus[i], now);
                }
            }
        }

        return count;
    }

    /// <inheritdoc/>
    protected override void Wait(TimeSpan timeout) => _port.Wait(timeout);

    /// <inheritdoc/>
    protected override void Wake() => _port.Wake();

    /// <inheritdoc/>
    protected override void SwitchOff()
    {
        if (_frameOf is null)
        {
            return;
        }

        // What failed is made again: what the hypervisor has ended it does not end once more.
        if (!_isStopped)
        {
            _used = FindUsed();
            _port.Stop();
            _isStopped = true;
        }

        _port.Release();
    }

    /// <inheritdoc/>
    protected override void Close() => _port.Dispose();

    /// <summary>Which of the pages that were missing have been used since; null where that cannot be told. It must not keep RemotePF on: so it fails for nobody.</summary>
    private PageBitmap? FindUsed()
    {
        if (_wasMissing is not { } wasMissing)
        {
            return null;
        }

        try
        {
            XenExtensionState state = _port.Query();
            if (!state.Flags.HasFlag(XenExtensionFlags.Uses))
            {
                return null;
            }

            PageBitmap used = new(wasMissing.PageCount);
            Span<uint> pfns = stackalloc uint[ReadChunk];
            for (long at = 0, count = (long)state.Uses; at < count; at += ReadChunk)
            {
                Span<uint> part = pfns[..(int)Math.Min(ReadChunk, count - at)];
                _port.ReadUses(at, part);
                foreach (uint pfn in part)
                {
                    if (wasMissing[(int)pfn])
                    {
                        used.TrySet((int)pfn);
                    }
                }
            }

            return used;
        }
        catch (MigrationException)
        {
            return null;
        }
    }

    private Func<int, ulong> RequireBegun() => Volatile.Read(ref _frameOf)
        ?? throw new InvalidOperationException($"{Subject} is not restored yet: nothing of it can be missing.");
}
