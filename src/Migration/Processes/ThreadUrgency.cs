using System.Runtime.InteropServices;

namespace PreRecordMigration.Processes;

/// <summary>
/// Lets a thread go before others of this machine when both could run. A vCPU stands still for a demanded page, and nobody for a pushed one: on a machine
/// whose processors are all busy, with pushing for the most part, each thread on a fault's way would wait for its turn.
/// </summary>
internal static partial class ThreadUrgency
{
    /// <summary>sched_setattr of x86-64, for which the C library of Debian 12 has no function.</summary>
    private const nint SetAttributes = 314;

    /// <summary>SCHED_FLAG_RESET_ON_FORK: threads (those of the pool, too) and processes that the thread starts do not inherit it.</summary>
    private const ulong NotInherited = 1;

    private const int Niceness = -10;

    /// <summary>
    /// Has the calling thread go first from now on, as far as the kernel lets it: without the privilege (CAP_SYS_NICE), and elsewhere than on Linux, it stays as it is.
    /// </summary>
    internal static void GoFirst()
    {
        if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            Attributes attributes = new() { Size = (uint)Marshal.SizeOf<Attributes>(), Flags = NotInherited, Nice = Niceness };
            _ = SystemCall(SetAttributes, 0, in attributes, 0);
        }
    }

    /// <summary>0 stands for the calling thread.</summary>
    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint thread, in Attributes attributes, nint flags);

    /// <summary>Linux' struct sched_attr, as it was at first; the policy 0 is the usual one.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Attributes
    {
        internal uint Size;
        internal uint Policy;
        internal ulong Flags;
        internal int Nice;
        internal uint Priority;
        internal ulong Runtime;
        internal ulong Deadline;
        internal ulong Period;
    }
}
