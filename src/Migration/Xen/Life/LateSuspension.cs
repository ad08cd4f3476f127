using System.Collections.Concurrent;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// Waits for a guest that took a request to suspend which was given up, and lets it run when it suspends after all. A thread of this
/// process for each such guest, until the guest has suspended, is gone, or is asked for something by somebody else: a suspension that
/// another tool asked for is never undone.
/// </summary>
internal sealed class LateSuspension
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_firstEvent = TimeSpan.FromSeconds(10);
    private static readonly ConcurrentDictionary<(string Uuid, int DomId), LateSuspension> s_waiting = new();
    private readonly IDomainControl _control;
    private readonly KnownDomain _domain;
    private readonly SuspendRequest _request;
    private readonly IStoreWatch _watch;
    private readonly object _gate = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isGivenUp;

    private LateSuspension(IDomainControl control, KnownDomain domain, SuspendRequest request)
    {
        _control = control;
        _domain = new KnownDomain(control, domain.DomId, domain.Uuid, domain.Name);
        _watch = control.WatchStore(request.ControlPath);

        // A watch fires once at its start; whatever it tells after that somebody has done.
        _watch.Wait(s_firstEvent);
        _request = request.HandOver(_domain);
    }

    /// <summary>Done when the waiting has ended.</summary>
    internal Task Ended => _ended.Task;

    /// <summary>What failed last; it was tried again.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Begins to wait for a domain that has taken a request.</summary>
    /// <param name="control">A connection of its own, given over.</param>
    /// <param name="domain">The domain.</param>
    /// <param name="request">The request, given over.</param>
    internal static LateSuspension Await(IDomainControl control, KnownDomain domain, SuspendRequest request)
    {
        LateSuspension late;
        try
        {
            End(domain);
            late = new LateSuspension(control, domain, request);
        }
        catch
        {
            control.Dispose();
            throw;
        }

        s_waiting[(domain.Uuid, domain.DomId)] = late;
        new Thread(late.Run) { IsBackground = true, Name = $"late suspension of {domain.Name}" }.Start();
        return late;
    }

    /// <summary>The waiting for a given domain; null where this process does not wait for it.</summary>
    internal static LateSuspension? Find(KnownDomain domain) => s_waiting.GetValueOrDefault((domain.Uuid, domain.DomId));

    /// <summary>Ends the waiting: somebody is about to ask the domain for another suspension. The note of the request stays.</summary>
    internal static void End(KnownDomain domain)
    {
        if (Find(domain) is { } late)
        {
            lock (late._gate)
            {
                late._isGivenUp = true;
                Monitor.PulseAll(late._gate);
            }

            late._ended.Task.Wait();
        }
    }

    private void Run()
    {
        try
        {
            while (!WaitGivenUp(Failure is null ? s_poll : s_afterFailure) && !TrySettle())
            {
                // The loop only polls. The watch is asked once the domain is suspended.
            }
        }
        finally
        {
            s_waiting.TryRemove(new((_domain.Uuid, _domain.DomId), this));
            Try(_watch.Dispose);
            Try(_control.Dispose);
            _ended.SetResult();
        }
    }

    private bool WaitGivenUp(TimeSpan time)
    {
        lock (_gate)
        {
            if (!_isGivenUp)
            {
                Monitor.Wait(_gate, time);
            }

            return _isGivenUp;
        }
    }

    private bool TrySettle()
    {
        bool isSettled = false;
        if (Try(() => isSettled = IsSettled()))
        {
            Failure = null;
        }

        return isSettled;
    }

    private bool IsSettled()
    {
        XenDomainInfo? info = _domain.Find();

        // The order matters: once XenStore has answered, the watch has told of everything that was asked before the domain was seen
        // suspended.
        bool isSomethingElseAsked = _request.IsSomethingElseAsked() | _watch.Wait(TimeSpan.Zero);
        if (info is { IsSuspended: true } && !isSomethingElseAsked)
        {
            _domain.EndSuspension();
        }
        else if (info is { } running && !running.Flags.HasFlag(XenDomainFlags.Shutdown) && !isSomethingElseAsked)
        {
            return false;
        }

        _request.Remove();
        return true;
    }

    /// <summary>Takes a step of this thread. A failure is kept and the step tried again; should the process die, the note in XenStore
    /// outlives it.</summary>
    private bool Try(Action action)
    {
        try
        {
            action();
            return true;
        }
#pragma warning disable CA1031 // Nobody waits for this thread: an exception would end the process.
        catch (Exception error)
#pragma warning restore CA1031
        {
            Failure = error;
            return false;
        }
    }
}
