using PreRecordMigration.Policies;

namespace PreRecordMigration.Xen.Admission;

/// <summary>
/// Looks at a host's devices for a limited time. Whoever asks for a path on a file system whose server has gone waits for ever, and cannot be
/// stopped; so a thread of its own asks, and of such threads there are few.
/// </summary>
/// <param name="host">The host.</param>
/// <param name="clock">Measures the patience.</param>
internal sealed class DeviceLook(IHostDevices host, TimeProvider clock)
{
    /// <summary>How long a look may take. It is made of some calls that take no time where everything answers; a peer that asks waits for longer.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private const int MostThreads = 8;
    private const string Remedy = "See that what its disks and folders there are on answers (the server of a file system, a path to a storage).";
    private static readonly SemaphoreSlim s_threads = new(MostThreads);

    /// <summary>The host that is looked at.</summary>
    internal IHostDevices Host => host;

    /// <summary>Finds what a domain's devices miss.</summary>
    /// <param name="needs">What they need.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What is missing; nothing where all is there.</returns>
    internal IReadOnlyList<AdmissionRefusal> FindMissing(DeviceNeeds needs, CancellationToken cancellationToken)
    {
        if (!s_threads.Wait(Patience, cancellationToken))
        {
            return [AdmissionRefusal.OfDevice("devices", "earlier looks at devices of this host have not come to an end", Remedy)];
        }

        Task<IReadOnlyList<AdmissionRefusal>> look = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    return needs.FindMissing();
                }
                finally
                {
                    s_threads.Release();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        try
        {
            return look.WaitAsync(Patience, clock, cancellationToken).GetAwaiter().GetResult();
        }
        catch (TimeoutException)
        {
            return [AdmissionRefusal.OfDevice(needs.At, FormattableString.Invariant($"what it is on does not answer within {Patience.TotalSeconds:0} s"), Remedy)];
        }
    }
}
