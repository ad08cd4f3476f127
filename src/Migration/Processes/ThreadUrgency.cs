using System.Runtime.InteropServices;

namespace PreRecordMigration.Processes;

/// <summary>
/// Lets a thread go before others of this machine when both could run. A vCPU stands still for a demanded page, and nobody for a pushed one: on a machine
/// whose processors are all busy, with pushing for the most part, each thread on a fault's way would wait for its turn.
/// </summary>
internal static partial class ThreadUrgency
{
    private const int OfProcessOrThread = 0;
    private const int Niceness = -10;

    /// <summary>
    /// Has the calling thread go first from now on, as far as the kernel lets it: without the privilege (CAP_SYS_NICE), and elsewhere than on Linux, it stays as it
    /// is. Threads and processes that it starts inherit it, so it is to start none.
    /// </summary>
    internal static void GoFirst()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SetPriority(OfProcessOrThread, 0, Niceness);
        }
    }

    /// <summary>Linux has a niceness for each thread; 0 stands for the calling one.</summary>
    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int value);
}
