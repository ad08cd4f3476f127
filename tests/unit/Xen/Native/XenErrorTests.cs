using System.Runtime.CompilerServices;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Native;

public sealed class XenErrorTests
{
    [Theory]
    [InlineData(XenErrno.Busy, MigrationErrorId.DomainBusy, "EBUSY", "mended")]
    [InlineData(XenErrno.NotSupported, MigrationErrorId.NotSupported, "EOPNOTSUPP", "PV control domain")]
    [InlineData(XenErrno.NoDevice, MigrationErrorId.NotSupported, "ENODEV", "hap=1")]
    [InlineData(XenErrno.TooManyLinks, MigrationErrorId.NotSupported, "EMLINK", "IOMMU")]
    [InlineData(XenErrno.CrossDevice, MigrationErrorId.NotSupported, "EXDEV", "populate-on-demand")]
    [InlineData(XenErrno.NoSystemCall, MigrationErrorId.NotSupported, "ENOSYS", "CONFIG_MEM_PAGING")]
    public void Enabling_the_ring_says_what_the_errno_means(int errno, MigrationErrorId id, string name, string inRemedy)
    {
        XenException exception = new("xc_mem_paging_enable", errno, "Domain 7", "");
        Assert.Equal(id, exception.ErrorId);
        Assert.StartsWith($"Domain 7: xc_mem_paging_enable failed: {name} ({errno}", exception.Message, StringComparison.Ordinal);
        Assert.Equal(name, exception.ErrnoName);
        Assert.Contains(inRemedy, exception.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xc_interface_open", XenErrno.NoEntry, MigrationErrorId.NotSupported)]
    [InlineData("xc_interface_open", XenErrno.Access, MigrationErrorId.AccessDenied)]
    [InlineData("xc_domain_getinfolist", XenErrno.NotPermitted, MigrationErrorId.AccessDenied)]
    [InlineData("xc_domain_getinfolist", XenErrno.NoProcess, MigrationErrorId.DomainNotFound)]
    [InlineData("xc_domain_populate_physmap", XenErrno.OutOfMemory, MigrationErrorId.OutOfMemory)]
    [InlineData("xc_physinfo", XenErrno.Fault, MigrationErrorId.HypervisorCall)]
    public void Other_calls_have_an_id_and_a_remedy(string call, int errno, MigrationErrorId id)
    {
        XenException exception = new(call, errno, "Domain 7", "the library's words\n");
        Assert.Equal(id, exception.ErrorId);
        Assert.NotEmpty(exception.Remedy);
        Assert.EndsWith(": the library's words.", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("prerecord prepare", XenErrno.Busy, MigrationErrorId.DomainBusy, "owner")]
    [InlineData("prerecord start", XenErrno.NoSpace, MigrationErrorId.BackupStoreFull, "larger")]
    [InlineData("prerecord query", XenErrno.NoSystemCall, MigrationErrorId.NotSupported, "prerecord extension")]
    [InlineData("prerecord prepare", XenErrno.Access, MigrationErrorId.NotSupported, "prerecord extension")]
    [InlineData("prerecord prepare", XenErrno.OutOfMemory, MigrationErrorId.OutOfMemory, "Free memory")]
    public void The_extensions_refusals_say_what_to_do(string call, int errno, MigrationErrorId id, string inRemedy)
    {
        XenException exception = new(call, errno, "Domain 7", "");
        Assert.Equal(id, exception.ErrorId);
        Assert.Contains(inRemedy, exception.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_that_cannot_be_trapped_any_more_says_what_may_have_happened()
    {
        XenException exception = new("XENMEM_paging_op_nominate", XenErrno.Invalid, "Domain 7, page 257", "");
        Assert.Contains("was destroyed", exception.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_domctl_refused_for_its_version_is_not_taken_for_missing_rights()
    {
        XenException exception = new("xc_domain_getinfolist", XenErrno.Access, "The Xen host", "");
        Assert.Contains("different versions", exception.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_library_is_an_error_that_says_what_to_install()
    {
        XenLibraryException exception = Assert.Throws<XenLibraryException>(
            () => XenLibrary.Load(["/nowhere/libprerecordxen.so"]));
        Assert.Equal(MigrationErrorId.LibraryMissing, exception.ErrorId);
        Assert.Contains("/nowhere/libprerecordxen.so", exception.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install", exception.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
        Assert.DoesNotContain("LD_DEBUG", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_that_does_not_load_is_named_with_the_loaders_reason()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "not a library");
            XenLibraryException exception = Assert.Throws<XenLibraryException>(
                () => XenLibrary.Load(["/nowhere/libprerecordxen.so", path]));
            Assert.Contains(path, exception.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("/nowhere", exception.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("LD_DEBUG", exception.Message, StringComparison.Ordinal);
            Assert.NotNull(exception.InnerException);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("libprerecordxen.so")]
    [InlineData("./libprerecordxen.so")]
    public void A_library_that_depends_on_the_current_folder_is_not_loaded(string named) =>
        Assert.Equal(MigrationErrorId.FileNotTrusted, Assert.Throws<MigrationException>(() => XenLibrary.Load(XenLibrary.Candidates(named, null))).ErrorId);

    [Fact]
    public void A_library_that_others_may_write_is_not_loaded()
    {
        string path = Path.GetTempFileName();
        try
        {
            Assert.Equal([path], XenLibrary.Candidates(path, null));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.OtherWrite);
            }

            Assert.Equal(MigrationErrorId.FileNotTrusted, Assert.Throws<MigrationException>(() => XenLibrary.Load(XenLibrary.Candidates(path, null))).ErrorId);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void An_unknown_errno_is_shown_by_number() => Assert.Equal("errno 9999", XenErrno.Name(9999));

    [Fact]
    public void Layouts_match_the_header()
    {
        Assert.Equal(56, Unsafe.SizeOf<XenHostInfo>());
        Assert.Equal(88, Unsafe.SizeOf<XenDomainInfo>());
        Assert.Equal(64, Unsafe.SizeOf<XenVcpuRegisters>());
        Assert.Equal(24, Unsafe.SizeOf<XenTscInfo>());
        Assert.Equal(24, Unsafe.SizeOf<XenPagingEvent>());
        Assert.Equal(56, Unsafe.SizeOf<XenExtensionState>());
    }
}
