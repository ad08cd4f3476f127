using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Cmdlets;

/// <summary>What a simulated guest does. Its names and numbers are those of <see cref="GuestWorkloadKind"/> that an administrator can
/// ask for.</summary>
public enum SimulatedWorkload : long
{
    /// <summary>Next to nothing: a timer tick that touches a handful of pages.</summary>
    Idle = GuestWorkloadKind.Idle,

    /// <summary>Walks its working set from end to end, again and again.</summary>
    Sequential = GuestWorkloadKind.Sequential,

    /// <summary>Random accesses, nearly all within a small set of page clusters.</summary>
    HotSet = GuestWorkloadKind.HotSet,

    /// <summary>Many processes with an address space and a small working set each, switched every few hundred operations.</summary>
    ManyProcesses = GuestWorkloadKind.ManyProcesses,

    /// <summary>Walks its working set with a stride, pass after pass.</summary>
    Strided = GuestWorkloadKind.Strided,

    /// <summary>Random accesses over all of its memory.</summary>
    UniformRandom = GuestWorkloadKind.UniformRandom,

    /// <summary>Random accesses over all of its memory, few pages very often and many seldom.</summary>
    ZipfHotSet = GuestWorkloadKind.ZipfHotSet,

    /// <summary>One part of its memory after another, in turns walked and at random.</summary>
    PhaseChanging = GuestWorkloadKind.PhaseChanging,
}
