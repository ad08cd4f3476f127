using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Transfer;

/// <summary>A record of the protocol other than a page batch or a page request.</summary>
public abstract record ControlRecord
{
    private protected ControlRecord()
    {
    }
}

/// <summary>The source's greeting.</summary>
/// <param name="Version">The version it speaks.</param>
/// <param name="Role">What the connection is for.</param>
/// <param name="Session">The same on both connections.</param>
/// <param name="Capabilities">Capability bits.</param>
public sealed record HelloRecord(ushort Version, ConnectionRole Role, Guid Session, ulong Capabilities) : ControlRecord;

/// <summary>The destination's answer to a greeting.</summary>
/// <param name="Version">The version it speaks.</param>
/// <param name="Capabilities">Capability bits.</param>
public sealed record WelcomeRecord(ushort Version, ulong Capabilities) : ControlRecord;

/// <summary>What the destination must know to prepare.</summary>
/// <param name="Description">The domain.</param>
/// <param name="Arrival">When its memory arrives.</param>
public sealed record PrepareRecord(DomainDescription Description, PageArrival Arrival) : ControlRecord
{
    /// <summary>Whether memory arrives after the domain runs, so that its faults come to the migration.</summary>
    public bool RemotePF => Arrival != PageArrival.BeforeRun;
}

/// <summary>The incoming domain exists.</summary>
public sealed record PreparedRecord : ControlRecord;

/// <summary>The core state without its pages, which came before.</summary>
/// <param name="PageCount">How many core pages came.</param>
/// <param name="PageTablePageCount">How many of the first are page tables.</param>
/// <param name="Vcpus">The vCPUs.</param>
/// <param name="Sections">The hypervisor's sections.</param>
public sealed record CoreStateRecord(
    int PageCount,
    int PageTablePageCount,
    IReadOnlyList<VcpuState> Vcpus,
    IReadOnlyList<CoreStateSection> Sections) : ControlRecord;

/// <summary>The destination has everything it needs to run.</summary>
public sealed record RestoredRecord : ControlRecord;

/// <summary>The source has stopped for good.</summary>
public sealed record CommitRecord : ControlRecord;

/// <summary>The domain runs at the destination.</summary>
public sealed record RunningRecord : ControlRecord;

/// <summary>What the handover took at the destination.</summary>
/// <param name="Restore">The restoration, without the toolstack's part of it.</param>
/// <param name="Toolstack">How long the toolstack was waited for within it.</param>
/// <param name="Resume">From the commit until the domain ran.</param>
public sealed record HandoverTimesRecord(TimeSpan Restore, TimeSpan Toolstack, TimeSpan Resume) : ControlRecord;

/// <summary>What a destination has seen of the domain while it ran there, for whoever looks at the move afterwards. It says nothing about the domain itself.</summary>
/// <param name="Latencies">Faults by how long they waited: bucket 0 less than a microsecond, bucket k from 2^(k-1) microseconds up to its double.</param>
/// <param name="Vcpus">Faults by vCPU, ascending; −1, last, for those of nobody and of vCPUs beyond <see cref="Protocol.MaximumVcpus"/>.</param>
/// <param name="IntervalLength">How long a stretch of time is; above zero.</param>
/// <param name="OverTime">Faults by when they began, ascending, from when the domain ran there; each starts at a multiple of the length.</param>
/// <param name="Speed">How fast the domain was there, ascending.</param>
public sealed record ObservationsRecord(
    IReadOnlyList<long> Latencies,
    IReadOnlyList<Reporting.VcpuStall> Vcpus,
    TimeSpan IntervalLength,
    IReadOnlyList<Reporting.FaultInterval> OverTime,
    IReadOnlyList<ObservedSpeed> Speed) : ControlRecord;

/// <summary>How fast a domain was at its destination.</summary>
/// <param name="At">When, from when it ran there.</param>
/// <param name="Milli">Thousandths of an operation a second since the sample before it.</param>
public readonly record struct ObservedSpeed(TimeSpan At, long Milli);

/// <summary>Every page has been sent.</summary>
public sealed record PushCompleteRecord : ControlRecord;

/// <summary>Every page has been placed.</summary>
/// <param name="RemoteFaults">Faults that waited for the source.</param>
/// <param name="Latency">How long they waited.</param>
/// <param name="DuplicatePages">Pages that came twice and were dropped.</param>
public sealed record CompleteRecord(long RemoteFaults, Reporting.FaultLatency Latency, long DuplicatePages) : ControlRecord;

/// <summary>The source's domain is gone.</summary>
public sealed record ReleasedRecord : ControlRecord;

/// <summary>How the domain is named at the destination, once its source has let go.</summary>
/// <param name="Name">The name that it has there.</param>
/// <param name="Problem">Why it is not the one that it had; null where it is.</param>
public sealed record SettledRecord(string Name, AbortRecord? Problem) : ControlRecord;

/// <summary>What a destination says to a domain that would come.</summary>
/// <param name="Verdict">What it is.</param>
public sealed record VerdictRecord(AdmissionVerdict Verdict) : ControlRecord;

/// <summary>Where the destination stands when a source comes back.</summary>
/// <param name="Position">How far it is.</param>
/// <param name="Missing">The pages that have not arrived.</param>
public sealed record ResumeRecord(ResumePosition Position, Pages.PageBitmap Missing) : ControlRecord;

/// <summary>The source goes on from where the destination stands.</summary>
public sealed record ResumedRecord : ControlRecord;

/// <summary>The sender gives up.</summary>
/// <param name="ErrorId">Why; an id that is not known here reads as <see cref="MigrationErrorId.AbortedByPeer"/>.</param>
/// <param name="Message">The sender's message.</param>
/// <param name="Remedy">What the sender advises.</param>
public sealed record AbortRecord(MigrationErrorId ErrorId, string Message, string Remedy) : ControlRecord;
