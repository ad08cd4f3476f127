using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Xen.Life;

/// <summary>What a domain sends and writes: whether it can be held back, and what becomes of what a killed process held back.</summary>
/// <param name="control">The connection.</param>
/// <param name="layers">What the control domain has for holding outputs back.</param>
/// <param name="domid">The domain.</param>
/// <param name="name">Its name, for errors.</param>
internal sealed class DomainOutputs(IDomainControl control, OutputLayers layers, int domid, string name)
{
    /// <summary>Refuses a domain of which something could get out.</summary>
    /// <param name="uuid">Its UUID.</param>
    /// <param name="configuration">Gives the configuration of a domain that has a device emulator; null for others.</param>
    /// <returns>Its devices.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutputNotIsolable"/>.</exception>
    internal OutputDevices RequireIsolable(string uuid, Func<string>? configuration)
    {
        OutputDevices devices = Ask(() => OutputDevices.Find(control, domid, uuid, layers));
        if (configuration is not null)
        {
            devices = Ask(() => EmulatedDevices.AddTo(devices, domid, layers));
        }

        devices.Require(name);
        if (configuration is not null)
        {
            EmulatorRequirements.RequireSilent(configuration(), name);
        }

        return devices;
    }

    private OutputDevices Ask(Func<OutputDevices> look)
    {
        try
        {
            return look();
        }
        catch (MigrationException error) when (error is not XenException && error.ErrorId == MigrationErrorId.HypervisorCall)
        {
            throw new MigrationException(
                MigrationErrorId.OutputNotIsolable, $"Whether what {name} does in the window can be held back is not known: {error.Message}", error.Remedy, name, error);
        }
    }

    /// <summary>What a process held back that has ended; null where it held nothing back.</summary>
    /// <param name="uuid">The domain's UUID.</param>
    internal DomainPlug? Left(string uuid) => DomainPlug.Left(control, layers, domid, uuid, name) is { IsEmpty: false } left ? left : null;

    /// <summary>Does with what was held back what a mark says of the domain: where it may run elsewhere it is thrown away, else it goes where it was to go.
    /// </summary>
    /// <param name="uuid">The domain's UUID.</param>
    /// <param name="mark">The mark that a dead process left.</param>
    internal void Settle(string uuid, SourceMark mark)
    {
        DomainPlug left = DomainPlug.Left(control, layers, domid, uuid, name);
        if (mark is SourceMark.Leaving or SourceMark.Destroying)
        {
            left.Drop();
        }
        else
        {
            left.Release();
        }
    }
}
