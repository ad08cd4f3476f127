using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Extension;

/// <summary>What comes out of the hypervisor's tables and calls is checked against the domain; nothing of it ends the process.</summary>
public sealed class HostileExtensionTests
{
    private const int PageCount = 512;

    public static TheoryData<int> PagesThatDoNotExist => [PageCount, int.MaxValue, -1, int.MinValue];

    [Theory]
    [MemberData(nameof(PagesThatDoNotExist))]
    public void A_slot_that_names_no_page_of_the_domain_fails_the_recording(int pfn)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        PageBackup backups = new(PageCount);
        using ExtensionRecorder recorder = Start(port, backups);
        port.SlotPfn = pfn;
        port.Inner.Write(3, 1);
        AssertRefused(Assert.Throws<MigrationException>(backups.CatchUp));
        AssertRefused(Assert.Throws<MigrationException>(recorder.BeginEpoch));
        recorder.Dispose();
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.Inner.State);
    }

    [Theory]
    [MemberData(nameof(PagesThatDoNotExist))]
    public void The_store_s_own_thread_turns_a_slot_that_names_no_page_into_the_recording_s_failure(int pfn)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        port.Prepare(PageCount, PageCount);
        port.Grow(16);
        port.Start(XenExtensionFlags.Backups);
        port.SlotPfn = pfn;
        using BackupStore store = new(port, All(), new PageBackup(PageCount), 16, PageCount, "vm");
        port.Inner.Write(3, 1);
        port.Wake();
        AssertRefused(FailureOf(store));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Any_exception_on_the_store_s_thread_is_the_recording_s_failure(bool whileItWaits)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        port.Prepare(PageCount, PageCount);
        port.Grow(16);
        port.Start(XenExtensionFlags.Backups);
        InvalidOperationException cause = new("broken");
        port.WaitError = whileItWaits ? cause : null;
        port.QueryError = whileItWaits ? null : cause;
        using BackupStore store = new(port, All(), new PageBackup(PageCount), 16, PageCount, "vm");
        port.Wake();
        MigrationException failure = FailureOf(store);
        Assert.Equal(MigrationErrorId.HypervisorCall, failure.ErrorId);
        Assert.Equal("vm", failure.Target);
        Assert.Contains("vm", failure.Message, StringComparison.Ordinal);
        Assert.Contains("broken", failure.Message, StringComparison.Ordinal);
        Assert.Same(cause, failure.InnerException);
    }

    [Theory]
    [InlineData(PageCount, false)]
    [InlineData(PageCount, true)]
    [InlineData(-1, false)]
    [InlineData(-1, true)]
    public void A_fixed_page_that_does_not_exist_is_refused_and_leaves_nothing(int pfn, bool withBackups)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount) { FixedPages = [5] }) { SlotPfn = pfn };
        AssertRefused(Assert.Throws<MigrationException>(() => Start(port, withBackups ? new PageBackup(PageCount) : null)));
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.Inner.State);
    }

    [Theory]
    [InlineData(PageCount)]
    [InlineData(0x7fffffff)]
    public void A_record_that_names_no_page_of_the_domain_is_refused(uint pfn)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        using ExtensionRecorder recorder = Start(port, null);
        port.Inner.Read(7);
        port.Record = pfn | XenExtension.WriteBit;
        AssertRefused(Assert.Throws<MigrationException>(() => recorder.Drain(new AccessRecord[4])));
        AssertRefused(Assert.Throws<MigrationException>(recorder.BeginEpoch));
    }

    [Theory]
    [InlineData(PageCount)]
    [InlineData(0x7fffffff)]
    public void A_fault_on_no_page_of_the_domain_is_refused(uint pfn)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        using ExtensionRemotePaging paging = new(port, All(), "vm", _ => { });
        paging.Begin(static page => (ulong)page + 1000);
        port.Inner.Read(7);
        port.Record = pfn;
        AssertRefused(Assert.Throws<MigrationException>(
            () => paging.WaitFault(new PageFault[4], TimeSpan.Zero, CancellationToken.None)));
    }

    public static TheoryData<ulong, ulong, ulong, ulong, ulong> StatesThatCannotBe => new()
    {
        { 0, (2 * PageCount) + 1, 0, 16, 0 },
        { 0, ulong.MaxValue, 0, 16, 0 },
        { 1, 0, 0, 16, 0 },
        { 4 * PageCount, 0, 0, 16, 0 },
        { 0, 0, 17, 16, 0 },
        { 0, 0, ulong.MaxValue, 16, 0 },
        { 0, 0, 0, PageCount + 1, 0 },
        { 0, 0, 0, 16, PageCount + 1 },
    };

    [Theory]
    [MemberData(nameof(StatesThatCannotBe))]
    public void Numbers_that_a_domain_of_that_size_cannot_have_are_refused(ulong first, ulong count, ulong used, ulong slots, ulong missing)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        using ExtensionRecorder recorder = Start(port, null);
        port.State = new XenExtensionState { First = first, Count = count, Used = used, Slots = slots, Missing = missing };
        AssertRefused(Assert.Throws<MigrationException>(() => recorder.Drain(new AccessRecord[4])));
    }

    [Theory]
    [InlineData(0, (2 * PageCount) + 1)]
    [InlineData(0, -1)]
    [InlineData(7, 1)]
    [InlineData(-1, 1)]
    public void An_epoch_outside_the_records_is_refused(long first, long count)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        using ExtensionRecorder recorder = Start(port, null);
        port.Epoch = (first, count);
        AssertRefused(Assert.Throws<MigrationException>(recorder.BeginEpoch));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void More_pages_filled_than_were_given_are_refused(int done)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        using ExtensionRemotePaging paging = new(port, All(), "vm", _ => { });
        paging.Begin(static page => (ulong)page + 1000);
        port.Resolved = done;
        AssertRefused(Assert.Throws<MigrationException>(() => paging.Place([1, 2], new byte[2 * Page.Size])));
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(8192)]
    [InlineData(int.MaxValue)]
    public void A_vcpu_that_no_domain_has_is_refused(int vcpu)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount)) { Vcpu = vcpu };
        using ExtensionRemotePaging paging = new(port, All(), "vm", _ => { });
        paging.Begin(static page => (ulong)page + 1000);
        Assert.False(port.Inner.Read(7));
        AssertRefused(Assert.Throws<MigrationException>(() => paging.WaitFault(new PageFault[4], TimeSpan.Zero, CancellationToken.None)));
    }

    [Theory]
    [InlineData(PageCount, 1)]
    [InlineData(uint.MaxValue, 1)]
    [InlineData(0, PageCount + 1)]
    public void Uses_that_cannot_be_are_not_known_and_remotepf_ends_all_the_same(uint pfn, ulong uses)
    {
        LyingPort port = new(new FakeExtensionPort(PageCount));
        using ExtensionRemotePaging paging = new(port, All(), "vm", _ => { });
        paging.Begin(static page => (ulong)page + 1000);
        paging.Place([.. Enumerable.Range(0, PageCount)], new byte[PageCount * Page.Size]);
        port.Record = pfn;
        port.State = port.Inner.Query() with { Uses = uses };
        paging.Disable();
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.Inner.State);
        Assert.Null(paging.TakeUsedPages());
    }

    private static void AssertRefused(MigrationException error)
    {
        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Equal("vm", error.Target);
        Assert.Contains($"{PageCount} pages", error.Message, StringComparison.Ordinal);
        Assert.Contains("native/hypervisor", error.Remedy, StringComparison.Ordinal);
    }

    private static MigrationException FailureOf(BackupStore store)
    {
        Assert.True(SpinWait.SpinUntil(() => store.Failure is not null, TimeSpan.FromSeconds(30)));
        return store.Failure!;
    }

    private static PageBitmap All()
    {
        PageBitmap all = new(PageCount);
        all.SetAll();
        return all;
    }

    private static ExtensionRecorder Start(LyingPort port, PageBackup? backups) =>
        ExtensionRecorder.Start(port, All(), backups, byHarvest: false, "vm", _ => { });

    /// <summary>An extension whose answers are replaced one by one.</summary>
    private sealed class LyingPort(FakeExtensionPort inner) : IExtensionPort
    {
        internal FakeExtensionPort Inner => inner;

        internal int? SlotPfn { get; set; }

        internal uint? Record { get; set; }

        internal int? Vcpu { get; set; }

        internal XenExtensionState? State { get; set; }

        internal (long First, long Count)? Epoch { get; set; }

        internal int? Resolved { get; set; }

        internal Exception? WaitError { get; set; }

        internal Exception? QueryError { get; set; }

        public void Prepare(int pageCount, int limit) => inner.Prepare(pageCount, limit);

        public long Adopt() => inner.Adopt();

        public void Grow(int slots) => inner.Grow(slots);

        public void Start(XenExtensionFlags flags) => inner.Start(flags);

        public (long First, long Count) BeginEpoch() => Epoch ?? inner.BeginEpoch();

        public XenExtensionState Query() => QueryError is { } error ? throw error : State ?? inner.Query();

        public void Stop() => inner.Stop();

        public void Release() => inner.Release();

        public void DeclareMissing(PageBitmap missing) => inner.DeclareMissing(missing);

        public void Serve() => inner.Serve();

        public int Resolve(ReadOnlySpan<ulong> frames, ReadOnlySpan<byte> pages) => Resolved ?? inner.Resolve(frames, pages);

        public void ReadRecords(long first, Span<uint> records)
        {
            inner.ReadRecords(first, records);
            if (Record is { } record)
            {
                records.Fill(record);
            }
        }

        public void ReadVcpus(long first, Span<int> vcpus) => vcpus.Fill(Vcpu ?? 0);

        public void ReadUses(long first, Span<uint> pfns) => pfns.Fill(Record ?? 0);

        public int ReadSlot(int slot, Span<byte> content)
        {
            int pfn = inner.ReadSlot(slot, content);
            return SlotPfn ?? pfn;
        }

        public void Wait(TimeSpan timeout)
        {
            if (WaitError is { } error)
            {
                throw error;
            }

            inner.Wait(timeout);
        }

        public void Wake() => inner.Wake();

        public void Unmap() => inner.Unmap();

        public void Dispose() => inner.Dispose();
    }
}
