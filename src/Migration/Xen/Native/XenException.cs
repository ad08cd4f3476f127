using PreRecordMigration.Errors;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Native;

/// <summary>A call into Xen or its libraries failed.</summary>
public sealed class XenException : MigrationException
{
    /// <summary>Describes a failed call.</summary>
    /// <param name="call">The Xen call, such as xc_mem_paging_enable.</param>
    /// <param name="errno">Its error number, positive.</param>
    /// <param name="subject">The domain or path it was made for.</param>
    /// <param name="libraryMessage">What the Xen library logged; empty where it logged nothing.</param>
    public XenException(string call, int errno, string subject, string libraryMessage)
        : base(
            XenErrno.Advise(call, errno).Id,
            $"{subject}: {call} failed: {XenErrno.Describe(errno)}{(libraryMessage.Length == 0 ? "" : $": {ForeignText.ShowLines(libraryMessage)}")}.",
            XenErrno.Advise(call, errno).Remedy,
            subject)
    {
        Call = call;
        Errno = errno;
    }

    /// <summary>The Xen call that failed.</summary>
    public string Call { get; }

    /// <summary>Its error number, positive.</summary>
    public int Errno { get; }

    /// <summary>The error number's symbol, such as EBUSY.</summary>
    public string ErrnoName => XenErrno.Name(Errno);
}

/// <summary>The native library is missing, or is not the one this module was built for.</summary>
public sealed class XenLibraryException : MigrationException
{
    /// <summary>Describes what is missing.</summary>
    /// <param name="message">What was looked for and found.</param>
    /// <param name="innerException">The loader's own error.</param>
    public XenLibraryException(string message, Exception? innerException = null)
        : base(
            MigrationErrorId.LibraryMissing,
            message,
            $"Build it into the module, in dom0 and as root: {XenLibrary.BuildCommand}. Or name its file in {XenLibrary.PathVariable}. "
            + "Simulated hosts do without it.",
            XenLibrary.FileName,
            innerException)
    {
    }
}
