using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Source;

/// <summary>Has a guest suspend itself: through control/shutdown in XenStore, as the toolstack does.</summary>
internal sealed class DomainSuspension(XenControl control, int domid, string name)
{
    private const string Request = "suspend";
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_withdrawalPatience = TimeSpan.FromSeconds(5);
    private readonly string _path = string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/control/shutdown");

    /// <summary>Asks, and waits until the domain is suspended.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.SuspendTimeout"/>: it did not; the request is
    /// withdrawn and the domain runs on.</exception>
    internal void Suspend(TimeSpan timeout, CancellationToken cancellationToken)
    {
        control.WriteStore(_path, Request);
        if (WaitSuspended(timeout, cancellationToken))
        {
            return;
        }

        bool isAcknowledged = !Withdraw();
        // A guest that has taken the request may still suspend: left alone it would then stand still for ever.
        if (isAcknowledged && WaitSuspended(s_withdrawalPatience, CancellationToken.None))
        {
            control.Resume(domid);
            control.ResumeStore(domid);
        }

        cancellationToken.ThrowIfCancellationRequested();
        throw new MigrationException(
            MigrationErrorId.SuspendTimeout,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name} did not suspend within {timeout.TotalSeconds:0.#} s ({(isAcknowledged ? "it took the request" : "it did not take the request")}); it runs on."),
            "Its kernel needs Xen's suspend support (control/feature-suspend in XenStore), and must not be shutting down; if it is busy, allow more time.",
            name);
    }

    private bool WaitSuspended(TimeSpan timeout, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            XenDomainInfo info = control.GetDomain(domid);
            if (info.IsSuspended)
            {
                return true;
            }

            if (info.Flags.HasFlag(XenDomainFlags.Shutdown) || info.Flags.HasFlag(XenDomainFlags.Dying))
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"{name} shut down (reason {info.ShutdownReason}) instead of suspending.",
                    "Start it again; look at its console for why it went down.",
                    name);
            }

            if (cancellationToken.IsCancellationRequested || TimeProvider.System.GetElapsedTime(start) >= timeout)
            {
                return false;
            }

            cancellationToken.WaitHandle.WaitOne(s_poll);
        }
    }

    /// <summary>Takes the request back; false where the guest had taken it.</summary>
    private bool Withdraw()
    {
        if (control.ReadStore(_path) != Request)
        {
            return false;
        }

        control.WriteStore(_path, "");
        return true;
    }
}
