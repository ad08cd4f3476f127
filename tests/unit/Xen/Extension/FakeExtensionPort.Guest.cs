using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Extension;

/// <summary>What the guest does, and what the hypervisor notes of it.</summary>
internal sealed partial class FakeExtensionPort
{
    /// <summary>The guest writes; false where it stands still instead.</summary>
    internal bool Write(int pfn, byte content)
    {
        lock (_gate)
        {
            if (_flags.HasFlag(XenExtensionFlags.Full) || Asks(pfn))
            {
                return false;
            }

            bool faults = Faults(pfn, write: true);
            BackUp(pfn);
            Touch(pfn, write: true, faults);
            _memory[pfn] = content;
            return true;
        }
    }

    /// <summary>The guest reads; false where it stands still instead.</summary>
    internal bool Read(int pfn)
    {
        lock (_gate)
        {
            if (_flags.HasFlag(XenExtensionFlags.Full) || Asks(pfn))
            {
                return false;
            }

            Touch(pfn, write: false, Faults(pfn, write: false));
            return true;
        }
    }

    /// <summary>Has the hypervisor use a page as a page table, or no longer.</summary>
    internal void Use(int pfn, bool isUsed)
    {
        lock (_gate)
        {
            _ = isUsed ? _inUse.Add(pfn) : _inUse.Remove(pfn);
        }
    }

    /// <summary>Has something write that the guest's pause does not stop.</summary>
    internal void WriteAllTheSame(int pfn)
    {
        lock (_gate)
        {
            BackUp(pfn);
        }
    }

    private bool Asks(int pfn)
    {
        if (!_missing.Contains(pfn))
        {
            if (_flags.HasFlag(XenExtensionFlags.Uses) && !_uses.Contains(pfn))
            {
                _uses.Add(pfn);
            }

            return false;
        }

        _records[pageCount + _count] = (uint)Vcpu;
        Note(pfn, write: false);
        _event.Release();
        return true;
    }

    private void BackUp(int pfn)
    {
        if (!_flags.HasFlag(XenExtensionFlags.Backups) || !_flags.HasFlag(XenExtensionFlags.Running) || _backed.Contains(pfn))
        {
            return;
        }

        if (_store.Count == _slots)
        {
            _flags |= XenExtensionFlags.Lost;
            _event.Release();
            return;
        }

        _backed.Add(pfn);
        _store.Add((pfn, _memory[pfn]));
        int left = _slots - _store.Count;
        if (left <= Reserve)
        {
            _flags |= XenExtensionFlags.Full;
        }

        if (left <= Reserve || left == _slots / 4)
        {
            _event.Release();
        }
    }

    /// <summary>Whether a touch is recorded when it happens, and not when the epoch ends.</summary>
    private bool Faults(int pfn, bool write) => !_flags.HasFlag(XenExtensionFlags.Harvest) || !_touched.Contains(pfn)
        || (write && _flags.HasFlag(XenExtensionFlags.Backups) && !_backed.Contains(pfn));

    private void Touch(int pfn, bool write, bool faults)
    {
        _touched.Add(pfn);
        if (faults)
        {
            Note(pfn, write);
        }
        else
        {
            _harvest[pfn] = write || _harvest.GetValueOrDefault(pfn);
        }
    }

    private void Note(int pfn, bool write)
    {
        bool isNew = _read.Add(pfn) | (write && _written.Add(pfn));
        if (isNew && _flags.HasFlag(XenExtensionFlags.Accesses))
        {
            _records[(_half * 2 * pageCount) + _count++] = (uint)pfn | (write ? XenExtension.WriteBit : 0);
        }
    }

    private void NextEpochStates()
    {
        _read.Clear();
        _written.Clear();
    }
}
