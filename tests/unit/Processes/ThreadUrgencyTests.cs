using System.Globalization;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Processes;

/// <summary>Threads that go before others are those that asked for it, and no others.</summary>
public sealed class ThreadUrgencyTests
{
    private const int Niceness = 18;

    [Fact]
    public void The_thread_that_asks_goes_first_where_the_kernel_lets_it_and_none_that_it_starts_does()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux has a niceness for each thread.");
        int before = Own(), after = 0, child = -1;
        Thread thread = new(() =>
        {
            ThreadUrgency.GoFirst();
            after = Own();
            Thread started = new(() => child = Own());
            started.Start();
            started.Join();
        });
        thread.Start();
        thread.Join();
        Assert.Equal(before, Own());
        Assert.Equal(MayGoFirst() ? 0 : before, child);
        Assert.Equal(MayGoFirst() ? -10 : before, after);
    }

    /// <summary>The kernel's number for the calling thread, and not the process.</summary>
    private static int Own()
    {
        string[] words = File.ReadAllText("/proc/thread-self/stat").Split(") ", 2)[1].Split(' ');
        return int.Parse(words[Niceness - 2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    /// <summary>CAP_SYS_NICE, the 23rd.</summary>
    private static bool MayGoFirst()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapEff:", StringComparison.Ordinal));
        return (ulong.Parse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> 23 & 1) == 1;
    }
}
