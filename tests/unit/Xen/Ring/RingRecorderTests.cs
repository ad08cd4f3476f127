using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;

namespace PreRecordMigration.Tests.Xen.Ring;

public sealed class RingRecorderTests : IDisposable
{
    private const int PageCount = 600;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private readonly FakeTrapPort _port = new(PageCount);
    private readonly FakeMemory _memory = new();
    private readonly PageBitmap _populated = new(PageCount);
    private PageTraps? _traps;

    public RingRecorderTests() => _populated.SetRange(0, PageCount - 10);

    public void Dispose() => _traps?.Dispose();

    [Fact]
    public async Task A_first_touch_is_recorded_and_backed_up_before_the_vcpu_runs_on()
    {
        PageBackup backups = new(PageCount);
        RingRecorder recorder = Start(backups);
        Assert.Equal(_populated.Count, _port.Trapped);

        await _port.Touch(0, 7).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        await _port.Touch(0, 7).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        await _port.Touch(0, 3).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        Assert.Equal([(0, 0, 7), (1, 0, 3)], Drain(recorder));
        byte[] content = new byte[Page.Size];
        Assert.True(backups.TryRead(7, content));
        Assert.Equal(FakeMemory.ContentOf(7), content);
        Assert.Equal(2, backups.Count);
    }

    [Fact]
    public async Task A_new_epoch_traps_what_was_touched_and_does_not_back_up_twice()
    {
        PageBackup backups = new(PageCount);
        RingRecorder recorder = Start(backups);
        await _port.Touch(0, 7).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        recorder.BeginEpoch();
        Assert.Equal(_populated.Count, _port.Trapped);
        _memory.Version = 1;
        await _port.Touch(1, 7).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        Assert.Equal([(0, 0, 7), (1, 1, 7)], Drain(recorder));
        byte[] content = new byte[Page.Size];
        Assert.True(backups.TryRead(7, content));
        Assert.Equal(FakeMemory.ContentOf(7), content);
    }

    [Fact]
    public void Pages_that_cannot_be_trapped_are_untracked_and_backed_up_at_once()
    {
        _port.Busy.Add(11);
        _port.Busy.Add(12);
        PageBackup backups = new(PageCount);
        RingRecorder recorder = Start(backups);
        Assert.Equal([11, 12], recorder.UntrackedPages.Pfns());
        Assert.Equal([11, 12], backups.Pfns());
    }

    [Fact]
    public async Task A_page_that_becomes_busy_is_untracked_from_the_second_refusal()
    {
        RingRecorder recorder = Start(null);
        await _port.Touch(0, 5).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        _port.Busy.Add(5);
        recorder.BeginEpoch();
        Assert.False(recorder.UntrackedPages[5]);
        recorder.BeginEpoch();
        Assert.True(recorder.UntrackedPages[5]);
        _port.Busy.Clear();
        recorder.BeginEpoch();
        Assert.Equal(_populated.Count, _port.Trapped);
    }

    [Fact]
    public async Task A_full_store_holds_the_toucher_until_the_recording_ends()
    {
        RingRecorder recorder = Start(new PageBackup(PageCount, 1));
        await _port.Touch(0, 1).WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Task held = _port.Touch(0, 2);
        // The failure is noted by the ring's thread: until it is, draining finds nothing and goes on.
        MigrationException error = await UntilThrows(recorder);
        Assert.Equal(MigrationErrorId.BackupStoreFull, error.ErrorId);
        Assert.False(held.IsCompleted);

        recorder.Dispose();
        await held.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal(0, _port.Trapped);
    }

    [Fact]
    public async Task A_page_given_back_during_the_window_ends_a_rollback()
    {
        RingRecorder rollback = Start(new PageBackup(PageCount));
        _port.Drop(9);
        MigrationException error = await UntilThrows(rollback);
        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("page 9", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ending_frees_every_page_through_a_ring_of_eight_places_and_switches_paging_off()
    {
        RingRecorder recorder = Start(null);
        _port.DisableRefusals = 2;
        recorder.Dispose();
        Assert.Equal(0, _port.Trapped);
        Assert.True(_port.IsDisabled);
        Assert.Equal(0, _port.PauseCount);
        Assert.Equal(_populated.Count, _port.PreparedPages);
    }

    [Fact]
    public async Task Ending_while_the_guest_touches_leaves_no_vcpu_waiting()
    {
        RingRecorder recorder = Start(new PageBackup(PageCount));
        Task guest = Task.Run(
            async () =>
            {
                for (int pfn = 0; pfn < 500; pfn++)
                {
                    await _port.Touch(2, pfn);
                }
            },
            TestContext.Current.CancellationToken);
        recorder.Dispose();
        await guest.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal(0, _port.Trapped);
    }

    [Fact]
    public void Adopting_a_killed_runs_traps_frees_also_the_page_whose_request_is_lost()
    {
        int[] results = new int[PageCount];
        _port.Run(XenPagingOperation.Nominate, [.. _populated.Pfns()], [], results);
        _ = _port.Touch(0, 1);
        Assert.Equal(1, _port.Take(new XenPagingEvent[8]));
        _traps = new PageTraps(_port, PageCount, vcpuCount: 2, "guest", s_limit, TimeProvider.System);
        _traps.Adopt(_populated);
        _traps.Remove();
        Assert.Equal(0, _port.Trapped);
    }

    private static List<(int Sequence, int Epoch, int Pfn)> Drain(RingRecorder recorder)
    {
        AccessRecord[] records = new AccessRecord[64];
        int count = recorder.Drain(records);
        return [.. records[..count].Select(record => (record.Sequence, record.Epoch, record.Pfn))];
    }

    private static async Task<MigrationException> UntilThrows(RingRecorder recorder)
    {
        using CancellationTokenSource limit = new(s_limit);
        while (!limit.IsCancellationRequested)
        {
            try
            {
                Drain(recorder);
            }
            catch (MigrationException exception)
            {
                return exception;
            }

            await Task.Yield();
        }

        throw new TimeoutException("The recorder reported no failure.");
    }

    private RingRecorder Start(PageBackup? backups)
    {
        _traps = new PageTraps(_port, PageCount, vcpuCount: 2, "guest", s_limit, TimeProvider.System);
        return RingRecorder.Start(_traps, _memory, _populated, backups, "guest", _ => _traps.Remove());
    }

    private sealed class FakeMemory : IGuestMemory
    {
        public int Version { get; set; }

        public int PageCount => RingRecorderTests.PageCount;

        public static byte[] ContentOf(int pfn, int version = 0)
        {
            byte[] content = new byte[Page.Size];
            content.AsSpan().Fill((byte)(pfn + version));
            return content;
        }

        public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                ContentOf(pfns[i], Version).CopyTo(Page.At(pages, i));
            }
        }

        public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) =>
            throw new InvalidOperationException("A recorder writes nothing.");
    }
}
