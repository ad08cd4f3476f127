using PreRecordMigration.Errors;
using PreRecordMigration.Estimates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>One thing that a move needs.</summary>
/// <param name="Target">The object that is the matter where it is not so.</param>
/// <param name="Require">Throws where it is not so.</param>
public sealed record Requirement(object Target, Action Require);

/// <summary>What can be known to be impossible before anything is touched; -WhatIf and Test-Migration run it too.</summary>
public static class Preflight
{
    /// <summary>Refuses what the source cannot do.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/> with the reason and remedy, or
    /// <see cref="MigrationErrorId.DomainBusy"/> with who works on the domain.</exception>
    public static void Recording(DomainLocation domain, MigrationOptions options) =>
        RequireAll([.. OfSource(domain, options), Unclaimed(domain)]);

    /// <summary>What stands against recording a domain so, in words; null where nothing does.</summary>
    public static string? WhyNotRecorded(DomainLocation domain, MigrationOptions options)
    {
        try
        {
            RequireAll(OfSource(domain, options));
            return null;
        }
        catch (MigrationException error)
        {
            return error.Message;
        }
    }

    /// <summary>Refuses what the source or the destination cannot do.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/> with the reason and remedy,
    /// <see cref="MigrationErrorId.DomainBusy"/>, <see cref="MigrationErrorId.DomainExists"/> or
    /// <see cref="MigrationErrorId.OutOfMemory"/>.</exception>
    /// <exception cref="OperationException">The destination is the source.</exception>
    public static void Move(PlannedMove move)
    {
        ArgumentNullException.ThrowIfNull(move);
        RequireAll(OfHosts(move.Location, move.Destination, move.Options, isHeld: move.Recorded is { IsPreview: false }));

        // All that the policy refuses in one error.
        move.Destination.Judge(move.Location).Require(move.Location.Info.Name);
    }

    /// <summary>Refuses a move whose exposure is predicted to be above a limit: by its report's sample, else by its size.</summary>
    /// <param name="move">The move.</param>
    /// <param name="bySize">Its report as far as its size tells (<see cref="MoveReport.OfPlan"/>).</param>
    /// <param name="limit">The limit; null for none.</param>
    /// <exception cref="OperationException">It is above.</exception>
    public static void Exposure(PlannedMove move, MigrationReport bySize, TimeSpan? limit)
    {
        ArgumentNullException.ThrowIfNull(move);
        ArgumentNullException.ThrowIfNull(bySize);

        // A sample that was reckoned with a faster way than the move has tells nothing of how long it takes.
        MigrationReport? sample = move.Report is { } report && report.Bandwidth <= (move.Options.BandwidthLimit ?? long.MaxValue) ? report : null;
        MigrationEstimate predicted =
            sample?.Expected.FirstOrDefault(estimate =>
                estimate.Method == move.Options.Method && (estimate.Mode is null || estimate.Mode == move.Options.Mode))
            ?? bySize.Expected[0];
        if (limit is { } most && predicted.Exposure > most)
        {
            throw new OperationException(
                nameof(SR.ExposureTooLong),
                OperationProblem.Limit,
                Text.Format(SR.ExposureTooLong, move.Location.Info.Name, Text.Duration(predicted.Exposure), move.Options.Method, Text.Duration(most)),
                SR.ExposureTooLongRemedy,
                move.Location.Info.Name);
        }
    }

    /// <summary>All that a move needs, the source's part first.</summary>
    public static IEnumerable<Requirement> OfMove(DomainLocation domain, Destination destination, MigrationOptions options) =>
        [.. OfHosts(domain, destination, options, isHeld: false), .. OfAdmission(domain, destination)];

    /// <param name="domain">The domain.</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="options">How.</param>
    /// <param name="isHeld">Whether it is held by the recording that moves it.</param>
    private static IEnumerable<Requirement> OfHosts(DomainLocation domain, Destination destination, MigrationOptions options, bool isHeld)
    {
        Requirement otherHost = new(domain.Info, () => destination.RequireOtherThan(domain));
        Requirement[] unclaimed = isHeld ? [] : [Unclaimed(domain)];
        return [otherHost, .. unclaimed, .. OfSource(domain, options), .. OfDestination(domain, destination, options)];
    }

    /// <summary>Nobody else works on the domain.</summary>
    private static Requirement Unclaimed(DomainLocation domain) =>
        new(domain.Info, () => domain.Host.RequireUnclaimed(domain.Info.Name));

    private static IEnumerable<Requirement> OfSource(DomainLocation domain, MigrationOptions options)
    {
        List<MigrationCapability> needed = [MigrationCapability.Control];
        if (domain.Info.VcpuCount > 1)
        {
            needed.Add(MigrationCapability.SeveralVcpus);
        }

        if (options.HasRounds)
        {
            needed.Add(MigrationCapability.DirtyTracking);
        }
        else if (options.Method == MigrationMethod.PreRecord)
        {
            needed.Add(MigrationCapability.Recording);
            if (options.Mode == RecordingMode.Rollback)
            {
                needed.AddRange([MigrationCapability.Rollback, MigrationCapability.OutputIsolation]);
            }
        }

        IEnumerable<Requirement> ofHost = OfHost(domain.Host, needed, domain.Info.Kind);
        if (options.NeedsTraps)
        {
            ofHost = [.. ofHost, new Requirement(domain.Info, () => domain.Host.RequireTrappable(domain.Info.Name))];
        }

        // Which devices a domain has matters only on a host that could hold something back.
        return needed.Contains(MigrationCapability.OutputIsolation)
            && domain.Host.GetCapabilities(domain.Info.Kind)[MigrationCapability.OutputIsolation].IsAvailable
                ? [.. ofHost, new Requirement(domain.Info, () => domain.Host.RequireIsolableOutputs(domain.Info.Name))]
                : ofHost;
    }

    private static IEnumerable<Requirement> OfDestination(DomainLocation domain, Destination destination, MigrationOptions options)
    {
        // What another machine can do its own receiver knows, and says when the domain is announced to it.
        if (destination.Host is not { } host)
        {
            return [new Requirement(destination.Name, destination.RequireAnswer)];
        }

        if (ReferenceEquals(host, domain.Host))
        {
            return [];
        }

        return
        [
            .. OfHost(
                host,
                options.IsSplit ? [MigrationCapability.Control, MigrationCapability.RemotePF] : [MigrationCapability.Control],
                domain.Info.Kind),
            new Requirement(domain.Info, () => RequireFreeName(domain.Info, host)),
            new Requirement(destination.Describe(), () => Room(domain.Info, host)),
        ];
    }

    /// <summary>What the destination's policy refuses, each by itself: whoever tests a move sees all of it.</summary>
    private static IEnumerable<Requirement> OfAdmission(DomainLocation domain, Destination destination)
    {
        try
        {
            return
            [
                .. destination.Judge(domain).Errors(domain.Info.Name).Select(error => new Requirement(domain.Info, () => throw error)),
            ];
        }
        catch (MigrationException error)
        {
            return [new Requirement(destination.Name, () => throw error)];
        }
    }

    private static IEnumerable<Requirement> OfHost(
        IMigrationHost host, IReadOnlyList<MigrationCapability> needed, DomainKind kind)
    {
        CapabilityReport report = host.GetCapabilities(kind);
        return needed.Select(capability =>
            new Requirement(MigrationHostCapability.Of(host.Name, host.Hypervisor, report[capability]), () => report.Require(capability)));
    }

    private static void RequireFreeName(DomainInfo domain, IMigrationHost host)
    {
        if (host.GetDomains().Any(other => other.Name == domain.Name))
        {
            throw DomainLocation.Exists(domain.Name, host, SR.DomainExistsThereRemedy);
        }
    }

    /// <summary>Refuses a host without room for a domain's memory.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutOfMemory"/>.</exception>
    public static void Room(DomainInfo domain, IMigrationHost host)
    {
        ArgumentNullException.ThrowIfNull(domain);
        ArgumentNullException.ThrowIfNull(host);
        long free = host.FreeMemoryBytes;
        if (free < domain.MemoryBytes)
        {
            throw new MigrationException(
                MigrationErrorId.OutOfMemory,
                Text.Format(SR.MemoryMissing, host.Name, Text.Bytes(free), domain.Name, Text.Bytes(domain.MemoryBytes)),
                SR.MemoryMissingRemedy,
                host.Name);
        }
    }

    private static void RequireAll(IEnumerable<Requirement> requirements)
    {
        foreach (Requirement requirement in requirements)
        {
            requirement.Require();
        }
    }
}
