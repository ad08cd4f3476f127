using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Extension;

public sealed class ExtensionRemotePagingTests
{
    private const int PageCount = 256;
    private static readonly CancellationToken s_none = CancellationToken.None;

    [Fact]
    public void A_touched_page_is_reported_once_and_its_content_lets_the_guest_go_on()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        PageFault[] faults = new PageFault[8];
        Assert.False(port.Read(7));
        Assert.False(port.Write(9, 1));
        Assert.False(port.Read(7));

        Assert.Equal(2, paging.WaitFault(faults, TimeSpan.FromSeconds(30), s_none));
        Assert.Equal([7, 9], faults.Take(2).Select(fault => fault.Pfn));
        Assert.Equal(0, paging.WaitFault(faults, TimeSpan.Zero, s_none));

        paging.Place([7, 9], Filled(2, 42));
        Assert.True(port.Read(7));
        Assert.Equal(42, port[9]);
        Assert.False(paging.Missing[7]);
    }

    [Fact]
    public void A_page_that_came_before_its_fault_was_seen_is_not_reported()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        port.Read(7);
        paging.Place([7], Filled(1, 1));
        Assert.Equal(0, paging.WaitFault(new PageFault[8], TimeSpan.Zero, s_none));
    }

    [Fact]
    public void More_faults_than_asked_for_are_kept_for_the_next_call()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        for (int pfn = 0; pfn < 100; pfn++)
        {
            port.Read(pfn);
        }

        List<int> reported = [];
        PageFault[] faults = new PageFault[3];
        int count;
        while ((count = paging.WaitFault(faults, TimeSpan.Zero, s_none)) > 0)
        {
            reported.AddRange(faults.Take(count).Select(fault => fault.Pfn));
        }

        Assert.Equal(Enumerable.Range(0, 100), reported);
    }

    [Fact]
    public void A_fault_names_the_vcpu_that_touched_the_page_first()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        foreach ((int pfn, int vcpu) in new[] { (7, 1), (9, -1), (7, 0), (11, 0) })
        {
            port.Vcpu = vcpu;
            port.Read(pfn);
        }

        PageFault[] faults = new PageFault[8];
        Assert.Equal(3, paging.WaitFault(faults, TimeSpan.Zero, s_none));
        Assert.Equal([(7, 1), (9, -1), (11, 0)], faults.Take(3).Select(fault => (fault.Pfn, fault.Vcpu)));
    }

    [Fact]
    public void What_came_and_was_used_is_known_when_remotepf_is_off()
    {
        FakeExtensionPort port = new(PageCount);
        PageBitmap missing = new(PageCount);
        missing.SetRange(10, 200);
        using ExtensionRemotePaging paging = new(port, missing, "vm", _ => { });
        paging.Begin(static page => (ulong)page + 1000);
        Assert.False(port.Read(30));
        paging.Place([.. Enumerable.Range(10, 200)], Filled(200, 3));
        foreach (int pfn in new[] { 30, 5, 250, 12, 30, 209 })
        {
            Assert.True(port.Read(pfn));
        }

        Assert.Null(paging.TakeUsedPages());
        paging.Disable();
        Assert.Equal([12, 30, 209], paging.TakeUsedPages()!.Pfns());
        Assert.Null(paging.TakeUsedPages());
    }

    [Fact]
    public void An_older_hypervisor_says_neither_who_asked_nor_what_was_used()
    {
        FakeExtensionPort port = new(PageCount) { IsOld = true, Vcpu = 1 };
        using ExtensionRemotePaging paging = Begin(port);
        port.Read(7);
        PageFault[] faults = new PageFault[8];
        Assert.Equal(1, paging.WaitFault(faults, TimeSpan.Zero, s_none));
        Assert.Equal(-1, faults[0].Vcpu);
        paging.Place([.. Enumerable.Range(0, PageCount)], Filled(PageCount, 3));
        Assert.True(port.Read(7));
        paging.Disable();
        Assert.Null(paging.TakeUsedPages());
    }

    [Fact]
    public async Task A_waiter_is_woken_by_a_fault_and_by_a_cancellation()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        Task<int> waiting = Task.Run(() => paging.WaitFault(new PageFault[1], Timeout.InfiniteTimeSpan, s_none), s_none);
        port.Read(3);
        Assert.Equal(1, await waiting);
        using CancellationTokenSource cancellation = new();
        waiting = Task.Run(() => paging.WaitFault(new PageFault[1], Timeout.InfiniteTimeSpan, cancellation.Token), s_none);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task A_page_in_use_is_tried_again_until_it_is_free()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        port.Use(5, true);
        Task placing = Task.Run(() => paging.Place([4, 5, 6], Filled(3, 9)), s_none);
        Assert.True(SpinWait.SpinUntil(() => !paging.Missing[4], TimeSpan.FromSeconds(30)));
        Assert.True(paging.Missing[5]);
        port.Use(5, false);
        await placing;
        Assert.False(paging.Missing[5]);
        Assert.False(paging.Missing[6]);
    }

    [Fact]
    public void A_page_that_stays_in_use_is_an_error_that_names_it()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        port.Use(5, true);
        MigrationException error = Assert.Throws<MigrationException>(() => paging.Place([5], Filled(1, 9)));
        Assert.Contains("page 5", error.Message, StringComparison.Ordinal);
        Assert.True(paging.Missing[5]);
    }

    [Fact]
    public void Off_is_refused_while_pages_are_missing_and_leaves_nothing_afterwards()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = Begin(port);
        Assert.Throws<InvalidOperationException>(paging.Disable);
        int[] all = [.. Enumerable.Range(0, PageCount)];
        paging.Place(all, Filled(PageCount, 3));
        paging.Disable();
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
        Assert.True(port.IsDisposed);
    }

    [Fact]
    public void Another_tool_serves_on_and_what_was_there_already_stays_as_it_is()
    {
        FakeExtensionPort port = new(PageCount);
        using (ExtensionRemotePaging killed = Begin(port))
        {
            killed.Place([3], Filled(1, 1));
            Assert.Equal(XenErrno.Busy, Assert.Throws<XenException>(() => port.Adopt()).Errno);
        }

        port.Write(3, 7);
        port.Read(5);
        FakeExtensionPort next = port.OfNextTool();
        using ExtensionRemotePaging paging = Adopt(next)!;

        Assert.Equal(PageCount, paging.Missing.Count);
        PageFault[] faults = new PageFault[PageCount];
        Assert.Contains(5, faults.Take(paging.WaitFault(faults, TimeSpan.Zero, TestContext.Current.CancellationToken)).Select(fault => fault.Pfn));
        int[] all = [.. Enumerable.Range(0, PageCount)];
        paging.Place(all, Filled(PageCount, 3));
        Assert.Equal(7, next[3]);
        Assert.Equal(3, next[5]);
        paging.Disable();
        Assert.Equal(FakeExtensionPort.Phase.Empty, next.State);
    }

    [Fact]
    public void Once_the_hypervisor_misses_nothing_nothing_is_missing_for_the_next_tool()
    {
        FakeExtensionPort port = new(PageCount);
        using (ExtensionRemotePaging killed = Begin(port))
        {
            killed.Place([.. Enumerable.Range(0, PageCount - 2)], Filled(PageCount - 2, 1));
        }

        using ExtensionRemotePaging paging = Adopt(port.OfNextTool())!;
        paging.Place([PageCount - 1], Filled(1, 1));
        Assert.Equal(PageCount - 1, paging.Missing.Count);
        paging.Place([PageCount - 2], Filled(1, 1));

        Assert.Equal(0, paging.Missing.Count);
        paging.Disable();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_nothing_was_missing_any_more_the_next_tool_has_nothing_to_place(bool isReleased)
    {
        FakeExtensionPort port = new(PageCount) { RefusesRelease = !isReleased };
        using (ExtensionRemotePaging killed = Begin(port))
        {
            killed.Place([.. Enumerable.Range(0, PageCount)], Filled(PageCount, 3));
            if (isReleased)
            {
                killed.Disable();
            }
            else
            {
                Assert.Throws<XenException>(killed.Disable);
            }
        }

        port.RefusesRelease = false;
        using ExtensionRemotePaging? paging = Adopt(port.OfNextTool());

        Assert.Equal(isReleased, paging is null);
        Assert.Equal(0, paging?.Missing.Count ?? 0);
        paging?.Disable();
    }

    [Fact]
    public void Off_that_failed_half_way_is_made_again()
    {
        FakeExtensionPort port = new(PageCount) { RefusesRelease = true };
        using ExtensionRemotePaging paging = Begin(port);
        int[] all = [.. Enumerable.Range(0, PageCount)];
        paging.Place(all, Filled(PageCount, 3));
        Assert.Throws<XenException>(paging.Disable);
        Assert.Equal(FakeExtensionPort.Phase.Stopped, port.State);
        Assert.False(port.IsDisposed);

        port.RefusesRelease = false;
        paging.Disable();
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
        Assert.True(port.IsDisposed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_process_left_that_was_killed_while_it_switched_off_is_ended_by_the_next(bool isStopped)
    {
        FakeExtensionPort port = new(PageCount) { RefusesRelease = true };
        ExtensionRemotePaging paging = Begin(port);
        int[] all = [.. Enumerable.Range(0, PageCount)];
        paging.Place(all, Filled(PageCount, 3));
        if (isStopped)
        {
            Assert.Throws<XenException>(paging.Disable);
        }

        port.RefusesRelease = false;
        Assert.True(ExtensionMending.EndRecording(port, "vm"));
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
    }

    [Fact]
    public void Letting_go_leaves_the_missing_pages_missing()
    {
        FakeExtensionPort port = new(PageCount);
        Begin(port).Dispose();
        Assert.Equal(FakeExtensionPort.Phase.Started, port.State);
    }

    [Fact]
    public void Nothing_can_be_placed_before_the_domain_is_restored()
    {
        FakeExtensionPort port = new(PageCount);
        using ExtensionRemotePaging paging = new(port, All(), "vm", _ => { });
        Assert.Throws<InvalidOperationException>(() => paging.Place([5], Filled(1, 9)));
        Assert.Throws<InvalidOperationException>(() => paging.WaitFault(new PageFault[1], TimeSpan.Zero, s_none));
        Assert.Equal(FakeExtensionPort.Phase.Empty, port.State);
    }

    [Fact]
    public void Pages_are_taken_away_as_their_kind_does_it_and_never_of_a_domain_that_another_tool_restored()
    {
        FakeExtensionPort port = new(PageCount);
        PageBitmap taken = new(PageCount);
        PageBitmap one = new(PageCount);
        one.TrySet(5);
        using ExtensionRemotePaging paging = new(port, new PageBitmap(PageCount), "vm", taken.Or);
        paging.TakeAway(one);
        Assert.Equal([5], taken.Pfns());

        Begin(port).Dispose();
        using ExtensionRemotePaging adopted = Adopt(port.OfNextTool())!;
        Assert.Throws<InvalidOperationException>(() => adopted.TakeAway(one));
    }

    private static PageBitmap All()
    {
        PageBitmap missing = new(PageCount);
        missing.SetAll();
        return missing;
    }

    private static ExtensionRemotePaging? Adopt(FakeExtensionPort port) =>
        ExtensionRemotePaging.Adopt(port, All(), "vm", static pfn => (ulong)pfn + 1000);

    private static ExtensionRemotePaging Begin(FakeExtensionPort port)
    {
        ExtensionRemotePaging paging = new(port, All(), "vm", _ => { });
        paging.Begin(static pfn => (ulong)pfn + 1000);
        return paging;
    }

    private static byte[] Filled(int pages, byte value)
    {
        byte[] content = new byte[pages * Page.Size];
        content.AsSpan().Fill(value);
        return content;
    }
}
