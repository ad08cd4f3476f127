using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Processes;

/// <summary>A process, told apart from later ones of the same id by when it started.</summary>
/// <param name="Id">Its id.</param>
/// <param name="StartTime">Its start, in clock ticks since the machine's (field 22 of /proc/ID/stat).</param>
internal readonly record struct OwnerProcess(int Id, ulong StartTime)
{
    private const int StartTimeField = 22;
    private const int FirstFieldAfterName = 3;

    private const int LongestCommand = 300;

    /// <summary>What the names of this module's services begin with. A terminal may be a part of a service, too (of a server for ssh).</summary>
    private const string OwnServices = "prerecord-";

    /// <summary>This process.</summary>
    internal static OwnerProcess Current => new(Environment.ProcessId, StartTimeOf(Environment.ProcessId) ?? 0);

    /// <summary>Whether it still runs.</summary>
    internal bool IsAlive => StartTimeOf(Id) is { } start && start == StartTime;

    /// <summary>The service of the system that it is, such as <c>prerecord-receiver.service</c>; null where it is none of this module's.</summary>
    internal string? Service
    {
        get
        {
            try
            {
                return ServiceOf(File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{Id}/cgroup")));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

    /// <summary>The service of a process by the control groups that it is in (cgroups(7)).</summary>
    internal static string? ServiceOf(IEnumerable<string> groups)
    {
        // The last line is that of systemd's hierarchy: 0::/system.slice/prerecord-receiver.service.
        string unit = Path.GetFileName(groups.LastOrDefault() ?? "");
        return unit.StartsWith(OwnServices, StringComparison.Ordinal) && unit.EndsWith(".service", StringComparison.Ordinal)
            ? ForeignText.Show(unit, ForeignText.LongestName)
            : null;
    }

    /// <summary>How an administrator finds it: its number, what it runs, and since when.</summary>
    internal string Describe()
    {
        try
        {
            using Process process = Process.GetProcessById(Id);
            string command = string.Join(' ', File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{Id}/cmdline"))
                .Split('\0', StringSplitOptions.RemoveEmptyEntries));
            return string.Create(CultureInfo.InvariantCulture, $"process {Id} ('{ForeignText.Show(command, LongestCommand)}', since {process.StartTime:yyyy-MM-dd HH:mm:ss})");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException or Win32Exception)
        {
            // The process has just ended, or belongs to another user.
            return string.Create(CultureInfo.InvariantCulture, $"process {Id}");
        }
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id}:{StartTime}");

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    internal static bool TryParse(string text, out OwnerProcess owner)
    {
        owner = default;
        string[] parts = text.Split(':');
        if (parts.Length != 2
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            || !ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong start))
        {
            return false;
        }

        owner = new OwnerProcess(id, start);
        return true;
    }

    private static ulong? StartTimeOf(int id)
    {
        try
        {
            // The second field is the name in brackets and may hold anything; the others follow its last bracket.
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            // One that has ended and that its parent has not heard of yet does nothing any more.
            return fields[0] is "Z" or "X" ? null : ulong.Parse(fields[StartTimeField - FirstFieldAfterName], CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
