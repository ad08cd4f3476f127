using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>Why a domain stands still, in words.</summary>
internal static class ShutdownReasons
{
    /// <summary>What a domain did, in words for a SHUTDOWN_* number of Xen's public/sched.h.</summary>
    internal static string Describe(uint reason) => reason switch
    {
        0 => "has shut down",
        1 => "is rebooting",
        XenDomainInfo.ReasonSuspend => "has suspended itself",
        3 => "has crashed",
        4 => "was shut down by a watchdog",
        5 => "was reset",
        _ => string.Create(CultureInfo.InvariantCulture, $"has shut down (reason {reason})"),
    };

    /// <summary>What a domain does.</summary>
    internal static DomainState StateOf(in XenDomainInfo info) => info.Flags switch
    {
        var flags when flags.HasFlag(XenDomainFlags.Dying) => DomainState.Dying,
        var flags when flags.HasFlag(XenDomainFlags.Shutdown) => info.IsSuspended ? DomainState.Suspended : DomainState.Shutdown,
        var flags when flags.HasFlag(XenDomainFlags.Paused) => DomainState.Paused,
        _ => DomainState.Running,
    };
}
