using System.Diagnostics;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>
/// The requests of the paging ring that wait for their pages. Not safe for several threads: its owner's lock also orders the
/// clearing of <see cref="PageBitmap"/> bits, so that a request finds its page missing (and is kept) or there (and is
/// answered), never in between.
/// </summary>
/// <param name="missing">The pages that are not there.</param>
internal sealed class PendingFaults(PageBitmap missing)
{
    private readonly Dictionary<int, List<XenPagingEvent>> _waiting = [];
    private readonly Queue<PageFault> _unreported = [];

    /// <summary>How many pages are waited for.</summary>
    internal int Count => _waiting.Count;

    /// <summary>Takes requests that came from the ring.</summary>
    /// <param name="events">The requests.</param>
    /// <param name="answers">Receives those to be answered now.</param>
    internal void Arrived(ReadOnlySpan<XenPagingEvent> events, List<XenPagingEvent> answers)
    {
        long now = Stopwatch.GetTimestamp();
        foreach (XenPagingEvent request in events)
        {
            if (request.Gfn >= (ulong)missing.PageCount)
            {
                // The page is none that migrates, so its vCPU must not wait.
                answers.Add(request);
                continue;
            }

            int pfn = (int)request.Gfn;
            if (request.PagingFlags.HasFlag(XenPagingFlags.DropPage))
            {
                // The guest gave the page up: it is not missing any more, and nobody may wait for it.
                answers.Add(request);
                Placed(pfn, answers);
            }
            else if (!missing[pfn])
            {
                answers.Add(request);
            }
            else
            {
                Keep(pfn, request, now);
            }
        }
    }

    /// <summary>Takes note that a page is there, or was given up: clears its bit, and has its requests answered.</summary>
    internal void Placed(int pfn, List<XenPagingEvent> answers)
    {
        missing.TryClear(pfn);
        if (_waiting.Remove(pfn, out List<XenPagingEvent>? requests))
        {
            answers.AddRange(requests);
        }
    }

    /// <summary>Takes faults that nobody has been told of; a fault whose page has come meanwhile is left out.</summary>
    internal int Report(Span<PageFault> faults)
    {
        int count = 0;
        while (count < faults.Length && _unreported.TryDequeue(out PageFault fault))
        {
            if (missing[fault.Pfn])
            {
                faults[count++] = fault;
            }
        }

        return count;
    }

    private void Keep(int pfn, XenPagingEvent request, long now)
    {
        if (!_waiting.TryGetValue(pfn, out List<XenPagingEvent>? requests))
        {
            _waiting[pfn] = requests = [];
        }

        int vcpu = request.EventFlags.HasFlag(XenEventFlags.Foreign) || !request.EventFlags.HasFlag(XenEventFlags.VcpuPaused)
            ? -1
            : (int)request.Vcpu;

        // One vCPU can raise a page several times before it stands still; each request needs its answer, but it is one fault.
        if (!requests.Exists(earlier => earlier.Vcpu == request.Vcpu && earlier.EventFlags == request.EventFlags))
        {
            _unreported.Enqueue(new PageFault(pfn, vcpu, now));
        }

        requests.Add(request);
    }
}
