using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;

namespace PreRecordMigration.Tests.Xen.Ring;

public class RingRemotePagingTests
{
    private static readonly byte[] s_page = new byte[Page.Size];

    [Fact]
    public void A_fault_is_reported_once_and_answered_when_its_page_is_placed()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();
        PageFault[] faults = new PageFault[8];
        port.Touch(vcpu: 0, pfn: 7);

        Assert.Equal(1, paging.WaitFault(faults, TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.Equal((7, 0), (faults[0].Pfn, faults[0].Vcpu));
        Assert.Equal(0, paging.WaitFault(faults, TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.True(port.IsWaiting(0));

        paging.Place([7], s_page);

        Assert.False(port.IsWaiting(0));
        Assert.False(paging.Missing[7]);
    }

    [Fact]
    public void In_the_hands_of_another_tool_a_page_that_is_there_already_stays_as_it_is()
    {
        using FakePagingPort port = new(64);
        using (RingRemotePaging killed = port.Open())
        {
            killed.Place([7], s_page);
        }

        PageBitmap mayBeMissing = new(64);
        mayBeMissing.SetRange(0, 64);
        using FakePagingPort next = port.OfNextTool();
        using RingRemotePaging paging = new(next, mayBeMissing, "vm", takeAway: null);
        paging.Place([7, 8], new byte[2 * Page.Size]);

        Assert.False(paging.Missing[7]);
        Assert.False(paging.Missing[8]);
        Assert.Equal([8], next.Prepared);

        // Once Xen counts none as taken away, none is missing.
        Assert.Equal(62, paging.Missing.Count);
        for (int pfn = 63; pfn > 8; pfn--)
        {
            paging.Place([pfn], s_page);
        }

        for (int pfn = 0; pfn < 6; pfn++)
        {
            paging.Place([pfn], s_page);
        }

        Assert.Equal(1, paging.Missing.Count);
        paging.Place([6], s_page);
        Assert.Equal(0, paging.Missing.Count);
    }

    [Fact]
    public void A_request_that_comes_after_its_page_is_answered_at_once_and_not_reported()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();
        port.Touch(vcpu: 0, pfn: 7);
        paging.Place([7], s_page);

        Assert.True(port.IsWaiting(0));
        Assert.Equal(0, paging.WaitFault(new PageFault[1], TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.False(port.IsWaiting(0));
    }

    [Fact]
    public void Every_vCPU_that_waits_for_a_page_is_woken_and_a_repeated_request_is_one_fault()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();
        PageFault[] faults = new PageFault[8];
        port.Touch(vcpu: 0, pfn: 7);
        port.Touch(vcpu: 1, pfn: 7);
        port.Touch(vcpu: 1, pfn: 7);

        Assert.Equal(2, paging.WaitFault(faults, TimeSpan.Zero, TestContext.Current.CancellationToken));
        paging.Place([7], s_page);

        Assert.False(port.IsWaiting(0));
        Assert.False(port.IsWaiting(1));
        Assert.Equal(3, port.Answered);
    }

    [Fact]
    public void A_backends_touch_has_no_vCPU_and_is_answered_after_its_page()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();
        PageFault[] faults = new PageFault[1];
        port.Request(new XenPagingEvent { Gfn = 9, Vcpu = 3, EventFlags = XenEventFlags.Foreign, PageState = XenPageState.PagedOut });

        Assert.Equal(1, paging.WaitFault(faults, TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.Equal(-1, faults[0].Vcpu);
        Assert.Equal(0, port.Answered);
        paging.Place([9], s_page);
        Assert.Equal(1, port.Answered);
    }

    [Fact]
    public void A_page_that_the_guest_gave_up_is_not_missing_and_its_content_is_left_out()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();
        port.Drop(5);

        // The ring has not been read when the content comes: the hypervisor refuses it, and the ring tells why.
        paging.Place([4, 5, 6], new byte[3 * Page.Size]);

        Assert.Equal([4, 6], port.Prepared.Order());
        Assert.False(paging.Missing[5]);
    }

    [Fact]
    public void A_refused_page_is_an_error_that_names_it_and_the_others_are_placed()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();
        port.Refuse(5, XenErrno.OutOfMemory);

        XenException error = Assert.Throws<XenException>(() => paging.Place([4, 5, 6], new byte[3 * Page.Size]));

        Assert.Equal(MigrationErrorId.OutOfMemory, error.ErrorId);
        Assert.Contains("page 5", error.Message, StringComparison.Ordinal);
        Assert.True(paging.Missing[5]);
        Assert.False(paging.Missing[6]);
    }

    [Fact]
    public void Cancelling_ends_a_wait()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();
        using CancellationTokenSource source = new();
        Task wait = Task.Run(
            () => paging.WaitFault(new PageFault[1], Timeout.InfiniteTimeSpan, source.Token), TestContext.Current.CancellationToken);
        port.Waiting.Wait(TestContext.Current.CancellationToken);

        source.Cancel();

        Assert.Throws<OperationCanceledException>(() => wait.GetAwaiter().GetResult());
    }

    [Fact]
    public void Disabling_with_missing_pages_is_refused()
    {
        using FakePagingPort port = new(64);
        using RingRemotePaging paging = port.Open();

        Assert.Throws<InvalidOperationException>(paging.Disable);
        Assert.False(port.IsDisabled);
    }

    [Fact]
    public void Disabling_answers_what_is_left_while_the_domain_stands_still()
    {
        using FakePagingPort port = new(64) { BusyDisables = 3 };
        using RingRemotePaging paging = port.Open();
        port.Touch(vcpu: 0, pfn: 7);
        paging.Place([.. Enumerable.Range(0, 64)], new byte[64 * Page.Size]);

        paging.Disable();

        Assert.False(port.IsWaiting(0));
        Assert.True(port.IsDisabled);
        Assert.Equal(0, port.Pauses);
        paging.Disable();
    }

    [Fact]
    public async Task Vcpus_and_placers_that_race_never_leave_a_vCPU_waiting()
    {
        const int pages = 4096;
        const int vcpus = 4;
        using FakePagingPort port = new(pages);
        using RingRemotePaging paging = port.Open();
        using CancellationTokenSource stop = new();
        PageBitmap unsent = paging.Missing.Clone();

        void PlaceIfUnsent(int pfn)
        {
            if (unsent.TryClear(pfn))
            {
                paging.Place([pfn], s_page);
            }
        }

        Task server = Task.Factory.StartNew(
            () =>
            {
                PageFault[] faults = new PageFault[4];
                while (!stop.IsCancellationRequested)
                {
                    int count;
                    try
                    {
                        count = paging.WaitFault(faults, Timeout.InfiniteTimeSpan, stop.Token);
                    }
                    catch (OperationCanceledException)
                    {
                        return;
                    }

                    foreach (PageFault fault in faults.AsSpan(0, count))
                    {
                        PlaceIfUnsent(fault.Pfn);
                    }
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task[] guests = [.. Enumerable.Range(0, vcpus).Select(vcpu => Task.Factory.StartNew(
            () =>
            {
                Random random = new(vcpu);
                for (int i = 0; i < pages; i++)
                {
                    port.Run(vcpu, random.Next(pages));
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        Task[] pushers = [.. Enumerable.Range(0, 2).Select(half => Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < pages; i++)
                {
                    PlaceIfUnsent(half == 0 ? i : pages - 1 - i);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

        // A vCPU that waits for a page which was placed would wait for ever.
        await Task.WhenAll([.. guests, .. pushers]).WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await server;

        Assert.Equal(0, paging.Missing.Count);
        Assert.Equal(pages, port.Prepared.Count);
        Assert.Equal(pages, port.Prepared.Distinct().Count());
        paging.Disable();
    }
}
