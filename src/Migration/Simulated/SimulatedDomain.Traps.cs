using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <content>The traps: recording, backups, dirty pages and missing pages are one mechanism.</content>
public sealed partial class SimulatedDomain
{
    private SimulatedRecorder? _recorder;
    private SimulatedDirtyTracker? _dirtyTracker;
    private SimulatedRemotePaging? _paging;
    private MigrationException? _heldError;
    private long _missingPageFaults;

    /// <summary>The pages that arrived and were used since; null where nobody asks.</summary>
    private PageBitmap? _used;

    /// <summary>Whether its memory still arrives.</summary>
    internal bool IsPaging => Volatile.Read(ref _paging) is not null;

    internal PageBitmap Populated => _pages.Populated;

    /// <summary>Its network card and its disk.</summary>
    internal OutputPath Outputs { get; }

    /// <summary>Its vCPUs stand still while nearly as much of their outputs is held back as can be, as if they were paused at that moment.</summary>
    internal void FollowOutputs()
    {
        lock (_gate)
        {
            UpdateAttention();
        }
    }

    internal SimulatedRecorder StartRecording(PageBackup? backups)
    {
        lock (_gate)
        {
            if (backups is not null)
            {
                RequireState("recorded with backups", DomainState.Suspended);
                ArgumentOutOfRangeException.ThrowIfNotEqual(backups.PageCount, _layout.PageCount, nameof(backups));
            }

            RequireState("recorded", DomainState.Running, DomainState.Paused, DomainState.Suspended);
            if (_recorder is not null)
            {
                throw StateError("recorded", "It is being recorded already.");
            }

            AtSafepoint(() =>
            {
                foreach (int pfn in _sharedInfoPfns)
                {
                    backups?.TryAdd(pfn, _pages[pfn]);
                }

                _recorder = new SimulatedRecorder(this, backups);
                TrapTracked(backups is null ? PageTraps.Access : PageTraps.Access | PageTraps.Write);
            });
            return _recorder!;
        }
    }

    internal void BeginEpoch(SimulatedRecorder recorder) => AtSafepoint(() =>
    {
        foreach (int pfn in recorder.NextEpoch())
        {
            _pages.Trap(pfn, PageTraps.Access);
        }
    });

    internal void StopRecording(SimulatedRecorder recorder) => AtSafepoint(() =>
    {
        if (_recorder != recorder)
        {
            return;
        }

        _recorder = null;
        _heldError = null;
        _pages.UntrapAll(PageTraps.Access | PageTraps.Write);
    });

    internal SimulatedDirtyTracker StartDirtyTracking()
    {
        lock (_gate)
        {
            RequireState("tracked", DomainState.Running, DomainState.Paused, DomainState.Suspended);
            if (_dirtyTracker is not null)
            {
                throw StateError("tracked", "Its dirty pages are being tracked already.");
            }

            AtSafepoint(() =>
            {
                _dirtyTracker = new SimulatedDirtyTracker(this);
                TrapTracked(PageTraps.Log);
            });
            return _dirtyTracker!;
        }
    }

    internal void CollectDirty(PageBitmap written, PageBitmap dirty) => AtSafepoint(() =>
    {
        dirty.Clear();
        dirty.Or(written);
        foreach (int pfn in written.Pfns())
        {
            _pages.Trap(pfn, PageTraps.Log);
        }

        written.Clear();
        MarkUntracked(dirty);
    });

    internal void StopDirtyTracking(SimulatedDirtyTracker tracker) => AtSafepoint(() =>
    {
        if (_dirtyTracker != tracker)
        {
            return;
        }

        _dirtyTracker = null;
        _pages.UntrapAll(PageTraps.Log);
    });

    internal void MarkUntracked(PageBitmap pages)
    {
        foreach (int pfn in _sharedInfoPfns)
        {
            pages.TrySet(pfn);
        }
    }

    internal T WithLock<T>(Func<T> function)
    {
        lock (_gate)
        {
            return function();
        }
    }

    internal CoreState CaptureCoreState()
    {
        lock (_gate)
        {
            RequireState("captured", DomainState.Suspended);
            byte[] contents = new byte[_sharedInfoPfns.Length * Page.Size];
            for (int i = 0; i < _sharedInfoPfns.Length; i++)
            {
                _pages[_sharedInfoPfns[i]].CopyTo(Page.At(contents.AsSpan(), i));
            }

            return new CoreState(
                [.. _vcpus.Select(vcpu => new VcpuState(vcpu.Index, vcpu.Context.Cr3, PagingMode.FourLevel))],
                GuestState.Save(_vcpus, _sharedInfoPfns),
                new PageSet([.. _sharedInfoPfns], contents),
                0);
        }
    }

    /// <summary>Replaces the vCPUs of a domain that has not run yet.</summary>
    internal void RestoreVcpus(VcpuContext[] contexts, int[] sharedInfoPfns)
    {
        lock (_gate)
        {
            RequireState("restored", DomainState.Paused);
            _vcpus = [.. contexts.Select((context, index) => new Vcpu(index, context))];
            sharedInfoPfns.CopyTo(_sharedInfoPfns, 0);
        }
    }

    /// <summary>Puts the vCPUs of a paused domain back; each waits at the boundary of an operation.</summary>
    internal void RewindVcpus(VcpuContext[] contexts)
    {
        lock (_gate)
        {
            RequireState("rolled back", DomainState.Paused);
            ThrowIfHeld();
            foreach (Vcpu vcpu in _vcpus)
            {
                vcpu.Context.CopyFrom(contexts[vcpu.Index]);
                vcpu.Target = vcpu.Context.Operations;
            }
        }
    }

    internal SimulatedRemotePaging EnablePaging()
    {
        lock (_gate)
        {
            RequireState("given RemotePF", DomainState.Paused);
            if (_paging is not null)
            {
                throw StateError("given RemotePF", "RemotePF is on already.");
            }

            _used = new PageBitmap(_pages.PageCount);
            return _paging = new SimulatedRemotePaging(this, _pages, new PageBitmap(_pages.PageCount));
        }
    }

    /// <summary>The pages that arrived and were used since, given over.</summary>
    internal PageBitmap? TakeUsedPages()
    {
        lock (_gate)
        {
            (PageBitmap? used, _used) = (_used, null);
            return used;
        }
    }

    /// <summary>Takes pages away from a domain that stands still.</summary>
    internal void MarkMissing(PageBitmap pages)
    {
        lock (_gate)
        {
            RequireState("deprived of pages", DomainState.Paused);
            if (pages.Count == _pages.Populated.Count)
            {
                // All of them, as for post-copy, in a time that does not grow with the guest.
                _pages.TrapAll(PageTraps.Missing);
                return;
            }

            foreach (int pfn in pages.Pfns())
            {
                _pages.Trap(pfn, PageTraps.Missing);
            }
        }
    }

    /// <summary>
    /// RemotePF in the hands of another tool: whoever waits for a page asks for it again. As a hypervisor that tells of no single page, it
    /// has every page missing as long as one is.
    /// </summary>
    internal SimulatedRemotePaging AdoptPaging()
    {
        lock (_gate)
        {
            RequireState("given RemotePF again", DomainState.Paused);
            _paging = _paging is { } last ? last.Successor() : new SimulatedRemotePaging(this, _pages, new PageBitmap(_pages.PageCount));
            Monitor.PulseAll(_gate);
            return _paging;
        }
    }

    /// <summary>The tool that serves its faults is killed: nothing that it still does has an effect.</summary>
    internal void KillPaging() => Volatile.Read(ref _paging)?.Kill();

    /// <summary>Gives the guest a page whose content is in place, and wakes the vCPUs that wait for it.</summary>
    internal void MarkPlaced(int pfn)
    {
        lock (_gate)
        {
            _pages.Exchange(pfn, PageTraps.Missing, _used is null ? PageTraps.None : PageTraps.Unused);
            if (_vcpus.Any(vcpu => vcpu.IsBlocked))
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    internal void DisablePaging(SimulatedRemotePaging paging)
    {
        lock (_gate)
        {
            if (_paging == paging)
            {
                _paging = null;

                // Rights are given here, and nothing else is changed: the vCPUs may run.
                _pages.UntrapAll(PageTraps.Unused);
            }
        }
    }

    /// <summary>Traps every page but those that the hypervisor writes without a fault.</summary>
    private void TrapTracked(PageTraps traps)
    {
        _pages.TrapAll(traps);
        foreach (int pfn in _sharedInfoPfns)
        {
            _pages.Untrap(pfn, traps);
        }
    }

    private void ThrowIfHeld()
    {
        if (_heldError is { } held)
        {
            throw new MigrationException(held.ErrorId, held.Message, held.Remedy, Name, held);
        }
    }

    private sealed class TrapHandler(SimulatedDomain domain) : ITrapHandler
    {
        public bool Handle(int vcpu, int pfn, bool isWrite) => domain.HandleTrap(domain._vcpus[vcpu], pfn, isWrite);
    }

    private bool HandleTrap(Vcpu vcpu, int pfn, bool isWrite)
    {
        lock (_gate)
        {
            PageTraps traps;
            while (((traps = _pages.TrapsOf(pfn)) & PageTraps.Missing) != 0 || !TryPassWrite(pfn, isWrite, traps))
            {
                if ((traps & PageTraps.Missing) != 0)
                {
                    _missingPageFaults++;
                    _paging?.Report(new PageFault(pfn, vcpu.Index, TimeProvider.System.GetTimestamp()));
                }

                Block(vcpu, pfn, traps);
            }

            if ((traps & PageTraps.Unpopulated) != 0)
            {
                return false;
            }

            if ((traps & PageTraps.Unused) != 0)
            {
                _used?.TrySet(pfn);
                _pages.Untrap(pfn, PageTraps.Unused);
            }

            if ((traps & PageTraps.Access) != 0)
            {
                _recorder?.Record(pfn, isWrite ? AccessKind.Write : AccessKind.Read);
                _pages.Untrap(pfn, PageTraps.Access);
            }

            return true;
        }
    }

    /// <summary>Backs a page up and logs it as dirty, as far as its first write asks for: two mechanisms, of which neither knows the other.</summary>
    /// <returns>False where the write must not happen: its original cannot be kept.</returns>
    private bool TryPassWrite(int pfn, bool isWrite, PageTraps traps)
    {
        if (isWrite && (traps & PageTraps.Write) != 0)
        {
            try
            {
                _recorder?.Backups?.TryAdd(pfn, _pages[pfn]);
            }
            catch (MigrationException full)
            {
                _heldError ??= full;
                return false;
            }

            _pages.Untrap(pfn, PageTraps.Write);
        }

        if (isWrite && (traps & PageTraps.Log) != 0)
        {
            _dirtyTracker?.MarkDirty(pfn);
            _pages.Untrap(pfn, PageTraps.Log);
        }

        return true;
    }

    /// <summary>Stands still, in the middle of an operation, until the traps change and the domain runs.</summary>
    private void Block(Vcpu vcpu, int pfn, PageTraps traps)
    {
        PageTraps reason = (traps & PageTraps.Missing) != 0 ? PageTraps.Missing : PageTraps.Write;
        vcpu.Context.Waits++;
        vcpu.IsBlocked = true;
        Monitor.PulseAll(_gate);
        while ((_pages.TrapsOf(pfn) & reason) != 0 || !MayContinue)
        {
            if (_isDying)
            {
                throw new GuestEndedException();
            }

            Monitor.Wait(_gate);
        }

        vcpu.IsBlocked = false;
    }
}
