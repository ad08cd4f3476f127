using System.Globalization;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Native;

/// <summary>The error numbers that calls of Xen, its libraries and this project's extension end with: their names, and what an
/// administrator can do about them.</summary>
internal static class XenErrno
{
    internal const int NotPermitted = 1;
    internal const int NoEntry = 2;
    internal const int NoProcess = 3;
    internal const int Access = 13;
    internal const int Again = 11;
    internal const int OutOfMemory = 12;
    internal const int Fault = 14;
    internal const int Busy = 16;
    internal const int NotThere = 6;
    internal const int CrossDevice = 18;
    internal const int NoDevice = 19;
    internal const int Invalid = 22;
    internal const int NoSpace = 28;
    internal const int TooManyLinks = 31;
    internal const int NoSystemCall = 38;
    internal const int NotSupported = 95;

    /// <summary>The remedy where the hypervisor lacks what this project adds to it, or has it in another version.</summary>
    internal const string BuildRemedy =
        "Build the hypervisor by native/hypervisor/build, which sets the configuration and applies this project's patches with the prerecord extension, and boot it.";

    private static readonly Dictionary<int, (string Name, string Text)> Known = new()
    {
        [NotPermitted] = ("EPERM", "operation not permitted"),
        [NoEntry] = ("ENOENT", "no such entry"),
        [NoProcess] = ("ESRCH", "no such domain"),
        [4] = ("EINTR", "interrupted"),
        [5] = ("EIO", "input/output error"),
        [NotThere] = ("ENXIO", "nothing is prepared"),
        [9] = ("EBADF", "bad file descriptor"),
        [Again] = ("EAGAIN", "try again"),
        [OutOfMemory] = ("ENOMEM", "out of memory"),
        [Access] = ("EACCES", "permission denied"),
        [Fault] = ("EFAULT", "bad address"),
        [Busy] = ("EBUSY", "device or resource busy"),
        [17] = ("EEXIST", "exists already"),
        [CrossDevice] = ("EXDEV", "cross-device link"),
        [NoDevice] = ("ENODEV", "no such device"),
        [Invalid] = ("EINVAL", "invalid argument"),
        [NoSpace] = ("ENOSPC", "no space left"),
        [TooManyLinks] = ("EMLINK", "too many links"),
        [34] = ("ERANGE", "result too large"),
        [35] = ("EDEADLK", "lock not available"),
        [NoSystemCall] = ("ENOSYS", "not implemented"),
        [71] = ("EPROTO", "protocol error"),
        [NotSupported] = ("EOPNOTSUPP", "operation not supported"),
        [105] = ("ENOBUFS", "no buffer space"),
        [110] = ("ETIMEDOUT", "timed out"),
        [111] = ("ECONNREFUSED", "connection refused"),
    };

    /// <summary>The symbol of an error number, such as EBUSY.</summary>
    internal static string Name(int errno) =>
        Known.TryGetValue(errno, out (string Name, string Text) known)
            ? known.Name
            : "errno " + errno.ToString(CultureInfo.InvariantCulture);

    /// <summary>The symbol, number and meaning of an error number.</summary>
    internal static string Describe(int errno) =>
        Known.TryGetValue(errno, out (string Name, string Text) known)
            ? string.Create(CultureInfo.InvariantCulture, $"{known.Name} ({errno}, {known.Text})")
            : Name(errno);

    /// <summary>What an administrator can do about a failed call.</summary>
    /// <param name="call">The Xen call.</param>
    /// <param name="errno">Its error number.</param>
    internal static (MigrationErrorId Id, string Remedy) Advise(string call, int errno)
    {
        bool isEnable = call.StartsWith("xc_mem_paging_enable", StringComparison.Ordinal);
        bool isExtension = call.StartsWith("prerecord ", StringComparison.Ordinal);
        return errno switch
        {
            Busy when call == "prerecord prepare" => (MigrationErrorId.DomainBusy,
                "The hypervisor's extension has an owner for the domain already: another recording or migration, of this or of "
                + "another control domain. Wait for it to end."),
            NoSpace when isExtension => (MigrationErrorId.BackupStoreFull,
                "The backup store's limit is too small to begin with: allow a larger one."),
            NoSystemCall or Access when isExtension => (MigrationErrorId.NotSupported, BuildRemedy),
            NotSupported when isExtension => (MigrationErrorId.NotSupported,
                "The extension takes domains with hardware-assisted paging on AMD's processors only, and without IOMMU, "
                + "populate-on-demand and nested virtualisation."),
            Busy when isEnable => (MigrationErrorId.DomainBusy,
                "A paging ring is still active: another recording or migration owns the domain, or one was killed. Wait for it "
                + "to end; if its process is gone, open the domain again and it is mended."),
            NotSupported when isEnable => (MigrationErrorId.NotSupported,
                "Xen refuses memory paging where the control domain is PVH: boot a PV control domain."),
            NoDevice when isEnable => (MigrationErrorId.NotSupported,
                "The domain has no hardware-assisted paging: set hap=1 in its configuration and start it again."),
            TooManyLinks when isEnable => (MigrationErrorId.NotSupported,
                "The domain uses the IOMMU: remove its passed-through devices, set passthrough=\"disabled\" and start it again."),
            CrossDevice when isEnable => (MigrationErrorId.NotSupported,
                "The domain uses populate-on-demand: set maxmem equal to memory in its configuration and start it again."),
            NoSystemCall when isEnable || call.Contains("paging", StringComparison.Ordinal) => (MigrationErrorId.NotSupported,
                "The hypervisor was built without MEM_PAGING: build it with CONFIG_UNSUPPORTED, CONFIG_EXPERT and "
                + "CONFIG_MEM_PAGING=y (see the operating guide)."),
            Access when call is "xc_interface_open" or "xencall_open" or "xs_open" or "xenforeignmemory_open" or "xenevtchn_open" =>
                (MigrationErrorId.AccessDenied, "Run as root in the control domain."),
            Access => (MigrationErrorId.HypervisorCall,
                "The running hypervisor and the installed Xen libraries are of different versions: install the libraries of the "
                + "hypervisor that is running, or reboot into the hypervisor that belongs to them."),
            NotPermitted => (MigrationErrorId.AccessDenied, "Run as root in the control domain."),
            NoEntry when call is "xc_interface_open" or "xencall_open" or "xenforeignmemory_open" or "xenevtchn_open" =>
                (MigrationErrorId.NotSupported, "This machine does not run under Xen as its control domain: boot it into Xen "
                    + "and load the modules xen-privcmd and xen-evtchn."),
            NoEntry or 111 when call == "xs_open" => (MigrationErrorId.NotSupported,
                "xenstored does not answer: start the Xen toolstack (systemctl start xenstored)."),
            Invalid when call == "XENMEM_paging_op_nominate" => (MigrationErrorId.HypervisorCall,
                "The page is the domain's no more: the domain was destroyed meanwhile, or gave the page back. Where `xl list` "
                + "still shows it, begin again."),
            NoProcess => (MigrationErrorId.DomainNotFound, "The domain is gone: list the domains of the host."),
            OutOfMemory => (MigrationErrorId.OutOfMemory, "Free memory on the host (xl info shows free_memory), or choose another."),
            _ => (MigrationErrorId.HypervisorCall, "Look at `xl dmesg` for what the hypervisor says of it."),
        };
    }
}
