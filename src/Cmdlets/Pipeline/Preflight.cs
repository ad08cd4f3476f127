using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Cmdlets;

/// <summary>What can be known to be impossible before anything is touched; -WhatIf runs it too.</summary>
internal static class Preflight
{
    /// <summary>Refuses what the source cannot do.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/> with the reason and remedy.</exception>
    public static void Recording(DomainLocation domain, MigrationOptions options)
    {
        CapabilityReport report = domain.Host.GetCapabilities();
        report.Require(MigrationCapability.Control);
        if (domain.Info.VcpuCount > 1)
        {
            report.Require(MigrationCapability.SeveralVcpus);
        }

        if (options.Method == MigrationMethod.PreCopy)
        {
            report.Require(MigrationCapability.DirtyTracking);
        }
        else if (options.Method == MigrationMethod.PreRecord)
        {
            report.Require(MigrationCapability.Recording);
            if (options.Mode == RecordingMode.Rollback)
            {
                report.Require(MigrationCapability.Rollback);
                report.Require(MigrationCapability.OutputIsolation);
            }
        }
    }

    /// <summary>Refuses what the source or the destination cannot do.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/> with the reason and remedy, or
    /// <see cref="MigrationErrorId.DomainExists"/>.</exception>
    public static void Move(DomainLocation domain, Destination destination, MigrationOptions options)
    {
        destination.RequireOtherThan(domain);
        Recording(domain, options);
        if (destination.Host is { } host)
        {
            CapabilityReport report = host.GetCapabilities();
            report.Require(MigrationCapability.Control);
            if (options.RemotePF ?? options.Method != MigrationMethod.PreCopy)
            {
                report.Require(MigrationCapability.RemotePF);
            }
        }
    }
}
