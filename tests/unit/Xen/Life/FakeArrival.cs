using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>What the toolstack's child does.</summary>
internal enum ChildManner
{
    /// <summary>Makes the domain when its stream begins, and ends well with it.</summary>
    Works,

    /// <summary>Does nothing, until it is killed.</summary>
    Hangs,

    /// <summary>Ends with an error at once.</summary>
    Fails,

    /// <summary>Leaves the domain behind when its stream breaks off.</summary>
    LeavesDomain,
}

/// <summary>A host that takes a domain in: the toolstack's child makes it, and the mechanism does nothing to its pages.</summary>
internal sealed class FakeArrival(FakeXen xen, string uuid)
{
    internal const int PageCount = 64;

    internal ChildManner Manner { get; set; }

    /// <summary>The limit, in pages, that the toolstack gives the domain.</summary>
    internal ulong Limit { get; set; } = 1024;

    /// <summary>Called when the child has made its domain.</summary>
    internal Action<FakeDomain>? OnMade { get; set; }

    /// <summary>Fails the allocation of pages.</summary>
    internal Exception? AllocationError { get; set; }

    internal List<FakeChild> Children { get; } = [];

    /// <summary>Pages that the domain was allowed when its pages were announced.</summary>
    internal ulong LimitAtPages { get; private set; }

    internal static DomainDescription DescriptionOf(string uuid) => new(
        "vm", DomainKind.Pvh, PageCount, [new PageRange(0, PageCount)], 1,
        new XenDomainConfiguration(
            $$"""{ "c_info": { "type": "pvh", "name": "vm", "uuid": "{{new Guid(uuid)}}" } }""", 4, 17, default, default, [], []).Serialise());

    internal XenIncomingDomain Create() => CreateUntil(CancellationToken.None);

    internal XenIncomingDomain CreateUntil(CancellationToken cancellationToken)
    {
        DomainDescription description = DescriptionOf(uuid);
        XenDomainConfiguration configuration = XenDomainConfiguration.Parse(description.Configuration, PageCount);
        return new IncomingCreation(Xen.Connect(), description, configuration, new Kind(this, new IncomingPages(description, configuration))).Make(
            "host",
            name =>
            {
                FakeChild child = new(this, name);
                Children.Add(child);
                return child;
            },
            cancellationToken);
    }

    private sealed class Kind(FakeArrival arrival, IncomingPages pages) : IIncomingKind
    {
        public IncomingPages Pages => pages;

        public void BeginStream(Stream input, SynthesisedRestoreSettings settings) => input.Write("head"u8);

        public void AnnouncePages() => arrival.LimitAtPages = arrival.Xen.Domains.Single(domain => domain.Pauses > 0).MaxPages;

        public void Allocate(IRestoreProcess process, int domid, CancellationToken cancellationToken)
        {
            if (arrival.AllocationError is { } error)
            {
                throw error;
            }
        }

        public IIncomingMechanism Build(IncomingRestore restore, int domid, string name) => new Mechanism(arrival.Xen, domid, pages, restore);
    }

    private FakeXen Xen => xen;

    internal sealed class FakeChild(FakeArrival arrival, string name) : Stream, IRestoreProcess
    {
        private readonly CancellationTokenSource _killed = new();
        private FakeDomain? _made;

        internal bool IsEnded { get; private set; }

        public Stream Input => this;

        public bool HasExited => IsEnded || arrival.Manner == ChildManner.Fails || _killed.IsCancellationRequested;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public void Finish(CancellationToken cancellationToken)
        {
            if (arrival.Manner == ChildManner.Hangs)
            {
                cancellationToken.WaitHandle.WaitOne();
                cancellationToken.ThrowIfCancellationRequested();
            }

            IsEnded = true;
            _made = null;
        }

        public MigrationException Failure(Exception? cause) =>
            new(MigrationErrorId.HypervisorCall, $"{name}: the child ended.", "none", name, cause);

        public void Kill() => _killed.Cancel();

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (arrival.Manner == ChildManner.Hangs)
            {
                _killed.Token.WaitHandle.WaitOne();
                throw new IOException("Broken pipe");
            }

            if (arrival.Manner == ChildManner.Fails)
            {
                throw new IOException("Broken pipe");
            }

            if (_made is null)
            {
                _made = arrival.Xen.Add(name, arrival.Uuid);
                (_made.Pauses, _made.CpuTime, _made.MaxPages) = (1, 0, arrival.Limit);
                arrival.OnMade?.Invoke(_made);
            }
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing && !IsEnded)
            {
                IsEnded = true;
                if (_made is not null && arrival.Manner != ChildManner.LeavesDomain && !_killed.IsCancellationRequested)
                {
                    arrival.Xen.Remove(_made);
                }
            }

            base.Dispose(disposing);
        }
    }

    private string Uuid => uuid;

    /// <summary>What goes on with the domain's pages; without a child of the toolstack where another tool has restored it.</summary>
    internal sealed class Mechanism(FakeXen xen, int domid, IncomingPages pages, IncomingRestore? restore = null) : IIncomingMechanism
    {
        public PageBitmap? TakeUsedPages() => null;

        public IGuestMemory Memory => throw new NotSupportedException();

        public IncomingPages Pages => pages;

        public TimeSpan ToolstackTime => restore?.CompletionTime ?? TimeSpan.Zero;

        public IRemotePaging EnableRemotePF() => new Paging(xen, domid, pages);

        public void Restore(CoreState core, CancellationToken cancellationToken) => restore!.Complete(() => { }, cancellationToken);

        public void BreakOff() => restore?.Dispose();

        public void Dispose() => restore?.Dispose();
    }

    /// <summary>RemotePF each call of which fails where the domain is gone, as a call into Xen does.</summary>
    private sealed class Paging(FakeXen xen, int domid, IncomingPages pages) : IRemotePaging
    {
        public PageBitmap Missing => pages.Missing;

        public void TakeAway(PageBitmap later) => Touch();

        public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
        {
            Touch();
            return 0;
        }

        public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => Touch();

        public void Disable() => Touch();

        public void Dispose() => Touch();

        private void Touch()
        {
            if (xen.Domains.All(domain => domain.DomId != domid))
            {
                throw new XenException("xc_any", XenErrno.NoProcess, $"Domain {domid}", "");
            }
        }
    }
}
