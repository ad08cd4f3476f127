using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>One vCPU of a simulated domain, with what its domain's lock protects.</summary>
internal sealed class Vcpu(int index, VcpuContext context)
{
    public int Index => index;

    public VcpuContext Context { get; } = context;

    /// <summary>Where a guest that does not run free stops.</summary>
    public long Target { get; set; } = context.Operations;

    /// <summary>Whether it is inside an operation.</summary>
    public bool IsInGuest { get; set; }

    /// <summary>Whether it waits in the middle of an operation, outside of every access.</summary>
    public bool IsBlocked { get; set; }

    /// <summary>Whether it can be anywhere inside an access.</summary>
    public bool IsAccessing => IsInGuest && !IsBlocked;

    /// <summary>When a paced guest may go on.</summary>
    public long NextSlice { get; set; }

    public Thread? Thread { get; set; }
}

/// <summary>Unwinds a vCPU that waited in the middle of an operation when its domain was destroyed.</summary>
internal sealed class GuestEndedException : Exception;
