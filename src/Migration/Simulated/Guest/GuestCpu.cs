using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PreRecordMigration.Pages;
using static PreRecordMigration.Pages.PageTableEntry;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>
/// One vCPU: reaches memory by virtual addresses alone, walking the guest's own tables for each access, and checks all it
/// reads.
/// </summary>
internal sealed class GuestCpu
{
    private readonly GuestPages _pages;
    private readonly ulong _seed;
    private readonly int _index;
    private readonly int _sharedInfoPfn;

    public GuestCpu(GuestPages pages, GuestLayout layout, ulong seed, int index, int sharedInfoPfn, VcpuContext context)
    {
        _pages = pages;
        _seed = seed;
        _index = index;
        _sharedInfoPfn = sharedInfoPfn;
        Layout = layout;
        Context = context;
    }

    public GuestLayout Layout { get; }

    public VcpuContext Context { get; }

    /// <summary>One operation: what every guest does, and the workload's own part.</summary>
    public void Step(IGuestWorkload workload)
    {
        long operation = Context.Operations;
        if (operation % 32 == 0)
        {
            CheckKernelPage(Context.Random.Below(GuestLayout.KernelPages));
            CheckTime(operation);
        }

        workload.Step(this, operation);
        operation++;
        if (operation % GuestLayout.TickInterval == 0)
        {
            WriteTime(operation);
        }

        Context.Operations = operation;
    }

    /// <summary>Reads a data page of the running process and checks it.</summary>
    public void Read(int page)
    {
        if (TryAccessData(page, false, out Span<byte> content, out Span<byte> generation))
        {
            Check(PageContent.Matches(content, Key(page, BinaryPrimitives.ReadUInt64LittleEndian(generation)), Layout.ContentPeriod));
        }
    }

    /// <summary>Checks a data page of the running process and writes its next generation.</summary>
    public void Write(int page)
    {
        if (TryAccessData(page, true, out Span<byte> content, out Span<byte> generation))
        {
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(generation);
            Check(PageContent.Matches(content, Key(page, value), Layout.ContentPeriod));
            BinaryPrimitives.WriteUInt64LittleEndian(generation, value + 1);
            PageContent.Fill(content, Key(page, value + 1), Layout.ContentPeriod);
        }
    }

    /// <summary>Switches to another process: its CR3 stands in the task page.</summary>
    public void SwitchTo(int process)
    {
        if (TryAccess(GuestLayout.TaskPage(_index), false, out Span<byte> tasks))
        {
            Context.Cr3 = BinaryPrimitives.ReadUInt64LittleEndian(tasks[(process * sizeof(ulong))..]);
            Context.Process = process;
        }
    }

    private ulong Key(int page, ulong generation) =>
        PageContent.Key(_seed, Layout.ProcessId(_index, Context.Process), page, generation);

    /// <summary>Reaches a data page and its generation, both untrapped at the same time.</summary>
    private bool TryAccessData(int page, bool isWrite, out Span<byte> content, out Span<byte> generation)
    {
        ulong address = GuestLayout.GenerationBase + ((ulong)page * sizeof(ulong));
        int waits;
        do
        {
            waits = Context.Waits;
            if (!TryAccess(GuestLayout.DataBase + ((ulong)page << Page.Shift), isWrite, out content)
                || !TryAccess(address, isWrite, out generation))
            {
                generation = default;
                return false;
            }
        }
        while (waits != Context.Waits);
        generation = generation[(int)(address & (Page.Size - 1))..];
        return true;
    }

    private void CheckKernelPage(int page)
    {
        if (TryAccess(GuestLayout.KernelBase + ((ulong)page << Page.Shift), false, out Span<byte> content))
        {
            Check(PageContent.Matches(content, PageContent.Key(_seed, -1, page, 0), Layout.ContentPeriod));
        }
    }

    private void CheckTime(long operation)
    {
        if (TryAccess(GuestLayout.SharedInfoPage(_index), false, out Span<byte> content))
        {
            long expected = operation - (operation % GuestLayout.TickInterval);
            Check(BinaryPrimitives.ReadInt64LittleEndian(content) == expected);
        }
    }

    // The hypervisor's write: no virtual address, no trap, no record.
    private void WriteTime(long operation)
    {
        Span<byte> content = _pages.Writable(_sharedInfoPfn);
        BinaryPrimitives.WriteInt64LittleEndian(content, operation);
        BinaryPrimitives.WriteUInt64LittleEndian(content[8..], GuestRandom.Mix((ulong)operation));
    }

    /// <summary>Translates an address and reaches its page, setting accessed and dirty bits as the processor does.</summary>
    private bool TryAccess(ulong address, bool isWrite, out Span<byte> page)
    {
        ulong frame = FrameOf(Context.Cr3);
        for (int shift = 39; shift >= Page.Shift; shift -= 9)
        {
            if (!_pages.TryAccess(_index, frame, false, out Span<byte> table))
            {
                break;
            }

            int offset = (int)((address >> shift) & 511);
            ulong entry = Entry(table, offset);
            if ((entry & Present) == 0)
            {
                break;
            }

            ulong bits = isWrite && shift == Page.Shift ? Accessed | Dirty : Accessed;
            if ((entry & bits) != bits)
            {
                if (!_pages.TryAccess(_index, frame, true, out table))
                {
                    break;
                }

                Entry(table, offset) |= bits;
            }

            frame = FrameOf(entry);
            if (shift == Page.Shift && _pages.TryAccess(_index, frame, isWrite, out page))
            {
                return true;
            }
        }

        // The tables lead nowhere. A real guest would crash; this one counts a wrong content and goes on.
        Check(false);
        page = default;
        return false;
    }

    private static ref ulong Entry(Span<byte> table, int index) =>
        ref Unsafe.Add(ref Unsafe.As<byte, ulong>(ref MemoryMarshal.GetReference(table)), index);

    private void Check(bool isRight)
    {
        if (!isRight)
        {
            Context.CheckErrors++;
        }
    }
}
