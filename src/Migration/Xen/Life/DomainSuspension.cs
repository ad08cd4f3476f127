using System.Globalization;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// Has a guest suspend itself, through control/shutdown in XenStore as the toolstack does. It ends in one of three ways: the domain is
/// suspended; the request was withdrawn before the guest took it; or the guest has taken it, and a thread waits for the late suspension to
/// undo it.
/// </summary>
/// <param name="domain">The domain.</param>
/// <param name="connect">Opens a connection for the thread that goes on waiting when a request is given up.</param>
internal sealed class DomainSuspension(KnownDomain domain, Func<IDomainControl> connect)
{
    /// <summary>The node that changes when a domain has shut down, suspended or gone.</summary>
    private const string DomainStopped = "@releaseDomain";

    /// <summary>
    /// How long nothing is told of the domain before it is looked at all the same, the first time and at most: each time is twice as long. What is told
    /// comes by events alone, so that a control domain that shares its processor with the guest leaves it to the guest.
    /// </summary>
    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_lastLook = TimeSpan.FromMilliseconds(800);

    /// <summary>How long this call waits for a guest that has taken the request; after that a thread waits for it.</summary>
    internal TimeSpan TakenPatience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long it took in the last suspension until the guest had taken the request; zero where it was seen suspended at once.</summary>
    internal TimeSpan AskTime { get; private set; }

    /// <summary>Asks the guest, and waits until the domain is suspended. Does nothing where it is suspended already.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.SuspendTimeout"/>: it did not, and runs.</exception>
    /// <exception cref="OperationCanceledException">Given up; it runs.</exception>
    internal void Suspend(TimeSpan timeout, CancellationToken cancellationToken)
    {
        AskTime = TimeSpan.Zero;
        LateSuspension.End(domain);
        if (!domain.Require().IsSuspended)
        {
            Ask(new SuspendRequest(domain), timeout, cancellationToken);
        }
    }

    /// <summary>
    /// Settles what a killed process left: a request that nobody took is withdrawn; where one was taken, the domain is woken, or its late
    /// suspension is waited for.
    /// </summary>
    internal void Settle()
    {
        SuspendRequest request = new(domain);
        if (request.Find() is not { Owner.IsAlive: false } note || !request.TryAdopt(note))
        {
            return;
        }

        XenDomainInfo info = domain.Require();
        if (request.TryWithdraw() || info.Flags.HasFlag(XenDomainFlags.Shutdown) || !note.IsFresh)
        {
            // A suspension long after the request was asked for by somebody else.
            if (domain.Require().IsSuspended && note.IsFresh)
            {
                domain.EndSuspension();
            }

            request.Remove();
            return;
        }

        LateSuspension.Await(connect(), domain, request);
    }

    private void Ask(SuspendRequest request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Exception why;

        // Watched before it is asked, so that nothing stands between the request and the wait. Should this fail, nothing is to be undone.
        IStoreWatch events = domain.Control.WatchStore(DomainStopped, request.ControlPath);
        try
        {
            using (events)
            {
                events.Wait(TimeSpan.Zero);
                request.Make();
                if (WaitSuspended(events, request, timeout, cancellationToken))
                {
                    // Where the guest answered an earlier request, it must not answer this one when it runs again.
                    request.TryWithdraw();
                    request.Remove();
                    return;
                }
            }

            why = cancellationToken.IsCancellationRequested ? new OperationCanceledException(cancellationToken) : TooSlow(timeout);
        }
#pragma warning disable CA1031 // Whatever the failure, the request must not be answered afterwards.
        catch (Exception error)
#pragma warning restore CA1031
        {
            why = error;
        }

        bool isTaken = false;
        Exception told = CleanUp.After(why, () => isTaken = !TryUndo(request));
        throw isTaken && told is MigrationException timedOut
            ? new MigrationException(
                timedOut.ErrorId,
                $"{timedOut.Message} Its kernel has taken the request: should it suspend yet, process {Environment.ProcessId} wakes it.",
                timedOut.Remedy,
                timedOut.Target,
                timedOut)
            : told;
    }

    /// <summary>Undoes a request whose suspension is not wanted any more.</summary>
    /// <returns>False where the guest has taken it and is still on its way; that is waited for from here on.</returns>
    private bool TryUndo(SuspendRequest request)
    {
        // Whether the request was withdrawn or not, the domain may have suspended meanwhile, perhaps for an earlier request that was given
        // up.
        if (domain.Find() is null || request.TryWithdraw() || !request.IsTaken() || WaitSuspended(TakenPatience))
        {
            Undo(request);
            return true;
        }

        LateSuspension.Await(connect(), domain, request);
        return false;
    }

    private void Undo(SuspendRequest request)
    {
        if (domain.Find() is { IsSuspended: true })
        {
            domain.EndSuspension();
        }

        request.Remove();
    }

    private MigrationException TooSlow(TimeSpan timeout) => new(
        MigrationErrorId.SuspendTimeout,
        string.Create(CultureInfo.InvariantCulture, $"{domain.Name} did not suspend within {timeout.TotalSeconds:0.#} s; it runs on."),
        "Its kernel needs Xen's suspend support (control/feature-suspend in XenStore), and must not be shutting down; if it is busy, allow more time.",
        domain.Name);

    /// <summary>Whether a domain that has taken a request is suspended within a time.</summary>
    private bool WaitSuspended(TimeSpan timeout)
    {
        using IStoreWatch stopped = domain.Control.WatchStore(DomainStopped);
        return WaitSuspended(stopped, null, timeout, CancellationToken.None);
    }

    /// <summary>Whether the domain is suspended within a time.</summary>
    /// <param name="events">Tells that it may be.</param>
    /// <param name="request">The request, told of too, which the guest has not been seen to take; null where it has.</param>
    /// <param name="timeout">The time.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    private bool WaitSuspended(IStoreWatch events, SuspendRequest? request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        TimeSpan look = s_firstLook;
        using CancellationTokenRegistration wake = cancellationToken.UnsafeRegister(static watch => ((IStoreWatch)watch!).Wake(), events);
        while (true)
        {
            XenDomainInfo info = domain.Require();
            if (info.IsSuspended)
            {
                return true;
            }

            if (info.Flags.HasFlag(XenDomainFlags.Shutdown))
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"{domain.Name} {ShutdownReasons.Describe(info.ShutdownReason)} instead of suspending.",
                    "Start it again; look at its console for why it went down.",
                    domain.Name);
            }

            if (request?.IsTaken() == true)
            {
                (AskTime, request) = (TimeProvider.System.GetElapsedTime(start), null);
            }

            TimeSpan left = timeout - TimeProvider.System.GetElapsedTime(start);
            if (cancellationToken.IsCancellationRequested || left <= TimeSpan.Zero)
            {
                return false;
            }

            if (!events.Wait(left < look ? left : look))
            {
                look = look * 2 < s_lastLook ? look * 2 : s_lastLook;
            }
        }
    }
}
