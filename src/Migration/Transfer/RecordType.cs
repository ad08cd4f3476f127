namespace PreRecordMigration.Transfer;

/// <summary>The records of the wire protocol (docs/protocol.md). Numbers travel: never reuse or renumber.</summary>
public enum RecordType : ushort
{
    /// <summary>The source's first record on each connection.</summary>
    Hello = 1,

    /// <summary>The destination's answer.</summary>
    Welcome = 2,

    /// <summary>What the destination must know to prepare.</summary>
    Prepare = 3,

    /// <summary>The incoming domain exists.</summary>
    Prepared = 4,

    /// <summary>Pages of the core state.</summary>
    CorePages = 5,

    /// <summary>The core state, after its pages.</summary>
    CoreState = 6,

    /// <summary>The destination has everything it needs to run.</summary>
    Restored = 7,

    /// <summary>The source has stopped for good.</summary>
    Commit = 8,

    /// <summary>The domain runs at the destination.</summary>
    Running = 9,

    /// <summary>Pushed pages.</summary>
    Pages = 10,

    /// <summary>Every page has been sent.</summary>
    PushComplete = 11,

    /// <summary>Every page has been placed.</summary>
    Complete = 12,

    /// <summary>The source's domain is gone.</summary>
    Released = 13,

    /// <summary>The sender gives up.</summary>
    Abort = 14,

    /// <summary>Where the destination stands when a source comes back.</summary>
    Resume = 15,

    /// <summary>The source goes on from there.</summary>
    Resumed = 16,

    /// <summary>The sender lives. A side sends it while it has nothing else to send.</summary>
    Beat = 17,

    /// <summary>A part of the missing pages, ahead of Resume.</summary>
    MissingPages = 18,

    /// <summary>A part of the populated ranges, ahead of Prepare.</summary>
    PopulatedRanges = 19,

    /// <summary>How the final naming at the destination went.</summary>
    Settled = 22,

    /// <summary>What a destination says to a domain that would come: what of it is refused.</summary>
    Verdict = 23,

    /// <summary>Pages that arrive after the domain runs, whatever came of them before.</summary>
    Rest = 24,

    /// <summary>Pushed pages whose contents are compressed.</summary>
    CompressedPages = 25,

    /// <summary>What the handover took at the destination. Optional: whoever does not know it passes over it.</summary>
    HandoverTimes = 26,

    /// <summary>What a destination has seen of the domain. Optional, too.</summary>
    Observations = 27,

    /// <summary>Pages that the guest has used at the destination. Optional, too.</summary>
    UsedPages = 28,

    /// <summary>Pages that the guest waits for.</summary>
    PageRequest = 20,

    /// <summary>Their contents.</summary>
    DemandPages = 21,
}

/// <summary>The protocol's constants.</summary>
public static class Protocol
{
    /// <summary>"PRMG", the first bytes after the first record's header.</summary>
    public const uint Magic = 0x474D5250;

    /// <summary>The version spoken here.</summary>
    public const ushort Version = 2;

    /// <summary>Bytes of a record's header.</summary>
    public const int HeaderSize = 8;

    /// <summary>Most bytes of a record's body.</summary>
    public const int MaximumLength = 4 << 20;

    /// <summary>Bytes of the body of Hello. Before it, a destination takes no longer record.</summary>
    internal const int HelloLength = 32;

    /// <summary>Most pages in a page batch.</summary>
    public const int MaximumBatch = 512;

    /// <summary>Most page frame numbers in a page request.</summary>
    public const int MaximumRequest = 4096;

    /// <summary>
    /// Pages in each part of what is missing, 1 MiB of bits; what is left after the last whole part, at least one page where
    /// there are parts, is in the record itself.
    /// </summary>
    public const int PagesInPart = 8 << 20;

    /// <summary>Ranges in each part of what is populated, 2 MiB; the rest is in the record itself.</summary>
    public const int RangesInPart = 256 << 10;

    /// <summary>Most ranges that a domain may be populated in: 128 MiB of them.</summary>
    public const int MaximumRanges = 16 << 20;

    /// <summary>Most bytes of a string.</summary>
    public const int MaximumString = 64 << 10;

    /// <summary>What a record's type reads as where a TLS handshake begins instead. It is never given to a record.</summary>
    internal const RecordType TlsHandshake = (RecordType)0x0316;

    /// <summary>What a record's type reads as where a TLS alert begins instead. It is never given to a record.</summary>
    internal const RecordType TlsAlert = (RecordType)0x0315;

    /// <summary>Most words of 64 pages in a record of pages that are still to come.</summary>
    public const int MaximumRestWords = 64 << 10;

    /// <summary>Buckets of how long faults waited; the last one has all that waited longer, too.</summary>
    internal const int LatencyBuckets = 40;

    /// <summary>vCPUs whose faults are counted each by itself.</summary>
    internal const int MaximumVcpus = 1024;

    /// <summary>Capability bit: a destination that takes memory before and after the domain runs (<see cref="PageArrival.Both"/>).</summary>
    public const ulong ArrivalOfBoth = 1;

    /// <summary>Capability bit: a destination that takes <see cref="RecordType.CompressedPages"/>.</summary>
    public const ulong Compression = 2;

    /// <summary>The capabilities of this process.</summary>
    public static ulong Capabilities => ArrivalOfBoth | (Lz4.IsAvailable ? Compression : 0);

    /// <summary>Flag bit: a receiver that does not know the type passes over it.</summary>
    public const ushort OptionalFlag = 1;
}

/// <summary>When the memory of a domain arrives. Numbers travel: never reuse or renumber.</summary>
public enum PageArrival : byte
{
    /// <summary>All of it before the domain runs: RemotePF is off.</summary>
    BeforeRun = 0,

    /// <summary>All but the core state after the domain runs: everything is missing from the beginning.</summary>
    AfterRun = 1,

    /// <summary>Some before, and after it the rest, which the source names before the core state: only that is missing then.</summary>
    Both = 2,
}

/// <summary>What a connection is for.</summary>
public enum ConnectionRole : ushort
{
    /// <summary>Control, core state and pushed pages.</summary>
    Bulk = 1,

    /// <summary>Page requests and their answers.</summary>
    Demand = 2,

    /// <summary>The <see cref="Bulk"/> connection of a migration that is resumed.</summary>
    ResumedBulk = 3,

    /// <summary>The <see cref="Demand"/> connection of a migration that is resumed.</summary>
    ResumedDemand = 4,

    /// <summary>A question whether a receiver is there, and which version it speaks; Welcome is the whole answer.</summary>
    Probe = 5,

    /// <summary>A question whether a domain would be let in: Prepare without pages follows, and Verdict is the answer.</summary>
    Inquiry = 6,
}

/// <summary>Where a destination stands when its source comes back. Numbers travel: never reuse or renumber.</summary>
public enum ResumePosition : byte
{
    /// <summary>The domain never ran there, and nothing of it is left.</summary>
    NeverRan = 1,

    /// <summary>The domain ran there, and is paused with what it has.</summary>
    Paused = 2,

    /// <summary>All of the domain is there; Complete follows.</summary>
    Complete = 3,
}
