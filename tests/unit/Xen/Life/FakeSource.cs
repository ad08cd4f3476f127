using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>An examination that finds nothing wrong and notes what is done; its mechanism, too.</summary>
internal sealed class FakeSource(FakeXen xen, FakeDomain domain) : ISourceExamination, ISourceMechanism
{
    /// <summary>Fails a step by its name.</summary>
    internal string? FailsAt { get; set; }

    internal List<string> Steps { get; } = [];

    /// <summary>Whether the domain stood still when its traps were removed.</summary>
    internal bool WasPaused { get; private set; }

    public DomainInfo Info => new("vm", domain.DomId, "host", DomainState.Running, DomainKind.Pvh, 1, 64, 64 * Page.Size);

    public IGuestMemory Memory => new Parts(this);

    /// <summary>Done while traps are removed.</summary>
    internal Action WhileRemovingTraps { get; set; } = () => { };

    public IDeviceEmulator? Emulator { get; init; }

    public void RemoveTraps()
    {
        WasPaused = domain.Pauses > 0;
        Step(nameof(RemoveTraps));
        WhileRemovingTraps();
    }

    public void ContinueEmulator() => Step(nameof(ContinueEmulator));

    public ISourceMechanism Build()
    {
        Step(nameof(Build));
        return this;
    }

    public PageBitmap FindPages()
    {
        Touch();
        PageBitmap pages = new(64);
        pages.SetAll();
        return pages;
    }

    public XenDomainConfiguration Describe(string json, PageBitmap populated) => new(json, 4, 17, default, default, [], []);

    public IDirtyTracker StartDirtyTracking()
    {
        Touch();
        return new Parts(this);
    }

    public IAccessRecorder StartRecording(PageBackup? backups, Action onDisposed)
    {
        Touch();
        return new Parts(this);
    }

    public CoreState CaptureCoreState(PageBitmap populated) => throw new NotSupportedException();

    public void EndCapture() => Step(nameof(EndCapture));

    public void EndWithDomain() => Step(nameof(EndWithDomain));

    public void Dispose() => Step(nameof(Dispose));

    /// <summary>Opens the domain as the host does.</summary>
    internal XenSourceDomain Open(bool isReleased = false) => new SourceOpening(xen.Connect(), (_, _) => this, xen.Connect, xen.Layers).Open("vm", isReleased);

    /// <summary>Opens a domain that was leaving as the host does.</summary>
    internal LeftDomain OpenLeaving() => new SourceOpening(xen.Connect(), (_, _) => this, xen.Connect, xen.Layers).OpenLeaving("vm");

    /// <summary>As a call into Xen does, it fails where the domain is gone.</summary>
    private void Touch()
    {
        if (!xen.Domains.Contains(domain))
        {
            throw new XenException("xc_any", XenErrno.NoProcess, $"Domain {domain.DomId}", "");
        }
    }

    private sealed class Parts(FakeSource source) : IGuestMemory, IAccessRecorder, IDirtyTracker
    {
        public int PageCount => 64;

        public bool IsEpochOrdered => true;

        public PageBitmap UntrackedPages => source.FindPages();

        public void Read(ReadOnlySpan<int> pfns, Span<byte> pages) => source.Touch();

        public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => source.Touch();

        public void BeginEpoch() => source.Touch();

        public int Drain(Span<AccessRecord> records)
        {
            source.Touch();
            return 0;
        }

        public void Collect(PageBitmap dirty) => source.Touch();

        public void Dispose() => source.Touch();
    }

    private void Step(string name)
    {
        Steps.Add(name);
        if (FailsAt == name)
        {
            throw new MigrationException(MigrationErrorId.HypervisorCall, $"{name} failed.", "none");
        }
    }
}
