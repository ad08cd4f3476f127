using System.Runtime.InteropServices;

namespace PreRecordMigration.Transfer;

/// <summary>
/// The priority of threads that move pages nobody waits for: where processors are short, as in a control domain with one or
/// two, a guest that stands still at a fault must not wait behind them.
/// </summary>
internal static partial class BulkThread
{
    private const int PrioProcess = 0;
    private const uint CallingThread = 0;
    private const int Niceness = 10;

    /// <summary>Lowers the priority of the calling thread for good; one that the migration made for itself.</summary>
    /// <remarks>A hint: elsewhere than on Linux, where the runtime has no say in it either, nothing happens.</remarks>
    internal static void Enter()
    {
        if (OperatingSystem.IsLinux())
        {
            // On Linux PRIO_PROCESS means a thread. Lowering needs no privilege, so there is nothing to check.
            _ = SetPriority(PrioProcess, CallingThread, Niceness);
        }
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int priority);
}
