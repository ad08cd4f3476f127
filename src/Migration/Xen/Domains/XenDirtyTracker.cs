using System.Numerics;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>Xen's log-dirty mode.</summary>
internal sealed class XenDirtyTracker : IDirtyTracker
{
    private readonly XenControl _control;
    private readonly int _domid;
    private readonly PageBitmap _pages;
    private readonly PageBitmap _alwaysDirty;
    private readonly IDeviceEmulator? _emulator;
    private readonly ulong[] _words;
    private bool _isDisposed;

    /// <summary>Begins to track.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="pages">The pages that migrate: Xen also marks rings of the toolstack, which do not.</param>
    /// <param name="alwaysDirty">Those of them that Xen or backends write without a mark.</param>
    /// <param name="emulator">The domain's emulator, which then marks what it writes; null where it has none.</param>
    internal XenDirtyTracker(
        XenControl control, int domid, PageBitmap pages, PageBitmap alwaysDirty, IDeviceEmulator? emulator)
    {
        _control = control;
        _domid = domid;
        _pages = pages;
        _alwaysDirty = alwaysDirty;
        _words = new ulong[(alwaysDirty.PageCount + 63) / 64];
        _emulator = emulator;
        control.EnableLogDirty(domid);
        try
        {
            emulator?.TrackWrites(true);
        }
        catch
        {
            control.DisableLogDirty(domid);
            throw;
        }
    }

    /// <summary>Ends the tracking that a killed process left, where it left any: it would slow the domain down for good, and keep others from tracking.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="emulator">The domain's emulator; null where it has none.</param>
    internal static void EndLeft(XenControl control, int domid, IDeviceEmulator? emulator)
    {
        // QEMU cannot be asked whether it marks, and to end what never began ends QEMU itself, by an assertion; to begin twice is allowed.
        emulator?.TrackWrites(true);
        emulator?.TrackWrites(false);
        control.DisableLogDirty(domid);
    }

    /// <inheritdoc/>
    public void Collect(PageBitmap dirty)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(dirty.PageCount, _alwaysDirty.PageCount, nameof(dirty));
        _control.ReadLogDirty(_domid, _words, dirty.PageCount, clean: true);
        dirty.Clear();
        for (int i = 0; i < _words.Length; i++)
        {
            for (ulong word = _words[i]; word != 0; word &= word - 1)
            {
                int pfn = (i * 64) + BitOperations.TrailingZeroCount(word);
                if (pfn < dirty.PageCount && _pages[pfn])
                {
                    dirty.TrySet(pfn);
                }
            }
        }

        dirty.Or(_alwaysDirty);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            try
            {
                _emulator?.TrackWrites(false);
            }
            finally
            {
                _control.DisableLogDirty(_domid);
            }
        }
    }
}
