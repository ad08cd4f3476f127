using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Extension;

public sealed class ExtensionRecorderTests
{
    private const int PageCount = 512;

    [Fact]
    public void Records_come_in_the_order_of_the_accesses_with_their_epoch_and_kind()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRecorder recorder = Start(port, null);
        port.Read(7);
        port.Write(3, 1);
        port.Write(7, 2);
        port.Read(3);
        Assert.Equal([(0, 7, AccessKind.Read), (0, 3, AccessKind.Write), (0, 7, AccessKind.Write)], Drain(recorder));
        port.Read(9);
        recorder.BeginEpoch();
        port.Read(7);
        recorder.BeginEpoch();
        Assert.Equal([(0, 9, AccessKind.Read), (1, 7, AccessKind.Read)], Drain(recorder));
        Assert.Empty(Drain(recorder));
        Assert.True(recorder.IsEpochOrdered);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void By_harvest_first_touches_come_in_order_and_later_ones_when_their_epoch_has_ended(bool withBackups)
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRecorder recorder = ExtensionRecorder.Start(
            port, All(), withBackups ? new PageBackup(PageCount) : null, byHarvest: true, "vm", _ => { });
        port.Read(7);
        port.Write(3, 1);
        recorder.BeginEpoch();
        port.Write(3, 2);
        port.Read(7);
        port.Write(9, 1);
        Assert.Equal([(0, 7, AccessKind.Read), (0, 3, AccessKind.Write), (1, 9, AccessKind.Write)], Drain(recorder));
        recorder.BeginEpoch();
        Assert.Equal([(1, 3, AccessKind.Write), (1, 7, AccessKind.Read)], Drain(recorder));
    }

    [Fact]
    public void A_small_buffer_gets_every_record_in_turn()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRecorder recorder = Start(port, null);
        for (int pfn = 0; pfn < 100; pfn++)
        {
            port.Read(pfn);
        }

        AccessRecord[] few = new AccessRecord[7];
        List<AccessRecord> all = [];
        int count;
        while ((count = recorder.Drain(few)) > 0)
        {
            all.AddRange(few.AsSpan(0, count));
        }

        Assert.Equal(Enumerable.Range(0, 100), all.Select(record => record.Pfn));
        Assert.Equal(Enumerable.Range(0, 100), all.Select(record => record.Sequence));
    }

    [Fact]
    public void Without_backups_no_store_is_kept_but_fixed_pages_are_known()
    {
        FakeExtensionPort port = new(PageCount) { FixedPages = [5, 40] };
        using ExtensionRecorder recorder = Start(port, null);
        Assert.Equal([5, 40], recorder.UntrackedPages.Pfns());
        port.Write(3, 1);
        Assert.Equal(0ul, port.Query().Used);
    }

    [Fact]
    public void Touches_of_pages_that_do_not_migrate_are_left_out()
    {
        FakeExtensionPort port = new(PageCount) { FixedPages = [5, 40] };
        PageBitmap populated = All();
        populated.TryClear(7);
        populated.TryClear(40);
        PageBackup backups = new(PageCount);
        using ExtensionRecorder recorder = ExtensionRecorder.Start(port, populated, backups, byHarvest: false, "vm", _ => { });
        port.Write(7, 1);
        port.Write(8, 1);
        Assert.Equal([(0, 8, AccessKind.Write)], Drain(recorder));
        Assert.Equal([5], recorder.UntrackedPages.Pfns());
        backups.CatchUp();
        Assert.Equal([5, 8], backups.Pfns());
    }

    [Fact]
    public void A_page_written_a_moment_ago_is_read_as_it_was()
    {
        FakeExtensionPort port = new(PageCount);
        port.Write(3, 10);
        PageBackup backups = new(PageCount);
        using ExtensionRecorder recorder = Start(port, backups);
        port.Write(3, 11);
        byte[] page = new byte[Page.Size];
        new CheckpointMemory(new PortMemory(port), backups).Read([3], page);
        Assert.Equal(10, page[0]);
        Assert.True(backups.Contains(3));
    }

    [Fact]
    public void What_was_kept_outlives_the_recording_and_the_recording_leaves_nothing()
    {
        FakeExtensionPort port = new(PageCount);
        PageBackup backups = new(PageCount);
        ExtensionRecorder recorder = Start(port, backups);
        port.Write(3, 11);
        port.Write(4, 11);
        recorder.Dispose();
        recorder.Dispose();
        Assert.Equal([3, 4], backups.Pfns());
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
        Assert.True(port.IsDisposed);
        backups.CatchUp();
    }

    [Fact]
    public void A_destroyed_domains_tables_are_let_go_first_and_the_hypervisor_is_not_asked_any_more()
    {
        FakeExtensionPort port = new(PageCount);
        PageBackup backups = new(PageCount);
        ExtensionRecorder recorder = Start(port, backups);
        port.Write(3, 11);
        recorder.EndWithDomain();
        Assert.False(port.IsMapped);
        Assert.True(port.IsDisposed);
        Assert.Equal([3], backups.Pfns());
        recorder.Dispose();
        Assert.Equal(FakeExtensionPort.Phase.Started, port.State);
    }

    [Fact]
    public void The_store_grows_while_the_domain_writes_and_the_domain_never_stays_paused()
    {
        FakeExtensionPort port = new(PageCount);
        PageBackup backups = new(PageCount);
        port.Prepare(PageCount, PageCount);
        port.Grow(16);
        port.Start(XenExtensionFlags.Backups);
        using BackupStore store = new(port, All(), backups, 16, PageCount, "vm");
        for (int pfn = 0; pfn < 400; pfn++)
        {
            Assert.True(SpinWait.SpinUntil(() => port.Write(pfn, 1), TimeSpan.FromSeconds(30)), $"Page {pfn}");
        }

        backups.CatchUp();
        Assert.Equal(400, backups.Count);
        Assert.Null(store.Failure);
    }

    [Fact]
    public void At_the_limit_the_domain_is_held_and_the_recording_fails_until_it_is_ended()
    {
        const int limit = 32;
        FakeExtensionPort port = new(PageCount);
        PageBackup backups = new(PageCount, limit);
        using ExtensionRecorder recorder = Start(port, backups);
        int written = 0;
        while (port.Write(written, 1))
        {
            written++;
        }

        Assert.Equal(limit - FakeExtensionPort.Reserve, written);
        MigrationException? error = null;
        Assert.True(SpinWait.SpinUntil(() => (error = Failure(recorder)) is not null, TimeSpan.FromSeconds(30)));
        Assert.Equal(MigrationErrorId.BackupStoreFull, error!.ErrorId);
        Assert.Contains("vm", error.Message, StringComparison.Ordinal);
        Assert.Contains("32", error.Message, StringComparison.Ordinal);
        Assert.Throws<MigrationException>(recorder.BeginEpoch);
        Assert.False(port.Write(0, 1));
        recorder.Dispose();
        Assert.True(port.State == FakeExtensionPort.Phase.Empty);
        Assert.Equal(written, backups.Count);
    }

    [Fact]
    public void A_lost_original_is_never_passed_over()
    {
        const int limit = 16;
        FakeExtensionPort port = new(PageCount);
        PageBackup backups = new(PageCount, limit);
        using ExtensionRecorder recorder = Start(port, backups);
        for (int pfn = 0; pfn <= limit; pfn++)
        {
            port.WriteAllTheSame(pfn);
        }

        MigrationException error = Assert.Throws<MigrationException>(backups.CatchUp);
        Assert.Equal(MigrationErrorId.BackupStoreFull, error.ErrorId);
        Assert.Contains("lost", error.Message, StringComparison.Ordinal);
        Assert.NotNull(Failure(recorder));
    }

    [Fact]
    public void A_limit_that_is_too_small_to_begin_with_is_refused_and_leaves_nothing()
    {
        FakeExtensionPort port = new(PageCount);
        XenException error = Assert.Throws<XenException>(() => Start(port, new PageBackup(PageCount, 4)));
        Assert.Equal(MigrationErrorId.BackupStoreFull, error.ErrorId);
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public void A_first_store_that_is_too_small_for_what_the_start_puts_in_is_tried_again_larger(int fixedPages)
    {
        FakeExtensionPort port = new(PageCount) { FixedPages = [.. Enumerable.Range(100, fixedPages)] };
        int slots = RecordingStart.Begin(port, PageCount, XenExtensionFlags.Backups, PageCount, firstSlots: 4);
        Assert.True(slots - fixedPages > FakeExtensionPort.Reserve);
        Assert.Equal(slots, port.Sizes[^1]);
        Assert.Equal(port.FixedPages, RecordingStart.ReadFixedPages(port));
        Assert.Equal(0u, (uint)(port.Query().Flags & (XenExtensionFlags.Full | XenExtensionFlags.Lost)));
    }

    [Fact]
    public void A_second_owner_is_refused_and_takes_nothing_away()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRecorder recorder = Start(port, null);
        Assert.Equal(XenErrno.Busy, Assert.Throws<XenException>(() => Start(port, null)).Errno);
        port.Read(7);
        Assert.Single(Drain(recorder));
    }

    [Theory]
    [InlineData(nameof(FakeExtensionPort.Phase.Empty))]
    [InlineData(nameof(FakeExtensionPort.Phase.Ready))]
    [InlineData(nameof(FakeExtensionPort.Phase.Started))]
    [InlineData(nameof(FakeExtensionPort.Phase.Stopped))]
    public void What_a_killed_process_left_is_ended_wherever_it_was_killed(string left)
    {
        FakeExtensionPort.Phase phase = Enum.Parse<FakeExtensionPort.Phase>(left);
        FakeExtensionPort port = new(PageCount);
        if (phase != FakeExtensionPort.Phase.Empty)
        {
            port.Prepare(PageCount, 64);
            port.Grow(64);
        }

        if (phase is FakeExtensionPort.Phase.Started or FakeExtensionPort.Phase.Stopped)
        {
            port.Start(XenExtensionFlags.Backups);
        }

        if (phase == FakeExtensionPort.Phase.Stopped)
        {
            port.Stop();
        }

        Assert.Equal(phase != FakeExtensionPort.Phase.Empty, ExtensionMending.EndRecording(port, "vm"));
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
    }

    [Fact]
    public void Nothing_is_to_be_mended_of_a_domain_that_the_extension_does_not_take()
    {
        FakeExtensionPort port = new(PageCount) { RefusesDomain = true };
        Assert.False(ExtensionMending.EndRecording(port, "vm"));
    }

    [Fact]
    public void Whether_the_extension_takes_a_domain_is_found_out_without_leaving_anything()
    {
        FakeExtensionPort port = new(1);
        Assert.True(ExtensionSupport.Accepts(port));
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
        Assert.False(ExtensionSupport.Accepts(new FakeExtensionPort(1) { RefusesDomain = true }));
        port.Prepare(1, 0);
        Assert.Equal(XenErrno.Busy, Assert.Throws<XenException>(() => ExtensionSupport.Accepts(port)).Errno);
    }

    [Fact]
    public void A_domain_whose_pages_are_missing_is_not_mended()
    {
        FakeExtensionPort port = new(PageCount);
        PageBitmap missing = new(PageCount);
        missing.TrySet(4);
        port.Prepare(PageCount, 0);
        port.DeclareMissing(missing);
        port.Serve();
        MigrationException error = Assert.Throws<MigrationException>(() => ExtensionMending.EndRecording(port, "vm"));
        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Equal(FakeExtensionPort.Phase.Started, port.State);
    }

    private static PageBitmap All()
    {
        PageBitmap all = new(PageCount);
        all.SetRange(0, PageCount);
        return all;
    }

    private static ExtensionRecorder Start(FakeExtensionPort port, PageBackup? backups) =>
        ExtensionRecorder.Start(port, All(), backups, byHarvest: false, "vm", _ => { });

    private static List<(int Epoch, int Pfn, AccessKind Kind)> Drain(ExtensionRecorder recorder)
    {
        AccessRecord[] records = new AccessRecord[64];
        int count = recorder.Drain(records);
        return [.. records.Take(count).Select(record => (record.Epoch, record.Pfn, record.Kind))];
    }

    private static MigrationException? Failure(ExtensionRecorder recorder) =>
        Record.Exception(() => recorder.Drain(new AccessRecord[1])) as MigrationException;

    private sealed class PortMemory(FakeExtensionPort port) : IGuestMemory
    {
        public int PageCount => ExtensionRecorderTests.PageCount;

        public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                Page.At(pages, i).Fill(port[pfns[i]]);
            }
        }

        public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => throw new NotSupportedException();
    }
}
