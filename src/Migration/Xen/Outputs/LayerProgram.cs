using PreRecordMigration.Errors;
using PreRecordMigration.Processes;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>A program of the control domain that changes its network or its block devices.</summary>
/// <param name="name">The program.</param>
/// <param name="package">The Debian package that has it.</param>
/// <param name="patience">How long it may take; null for what is right for a busy control domain.</param>
internal sealed class LayerProgram(string name, string package, TimeSpan? patience = null)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>The program and its package, where this host does not have it; else null.</summary>
    internal string? Missing => SystemProgram.Find(name) is null ? $"{name} (apt-get install {package})" : null;

    /// <summary>Runs the program with arguments.</summary>
    /// <param name="arguments">Its arguments, each a word.</param>
    /// <returns>What it printed.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HypervisorCall"/>: it failed, with its words, or did not end in time;
    /// <see cref="MigrationErrorId.NotSupported"/>: it is not here.</exception>
    internal string Run(params string[] arguments) => RunWith("", arguments);

    /// <summary>Runs the program with arguments and something to read.</summary>
    internal string RunWith(string input, params string[] arguments)
    {
        string path = SystemProgram.Find(name) ?? throw new MigrationException(
            MigrationErrorId.NotSupported,
            $"There is no {name} on this host, by which a domain's outputs are held back.",
            $"apt-get install {package}",
            name);
        TimeSpan allowed = patience ?? s_patience;
        ProgramEnd end = SystemProgram.Run(path, arguments, input, allowed);
        if (end.ExitCode == 0)
        {
            return end.Output;
        }

        string words = ForeignText.ShowLines(end.Complaint);
        string reason = end.ExitCode is { } code
            ? FormattableString.Invariant($"ended with {code}{(words.Length > 0 ? $": {words}" : " and without a word")}")
            : FormattableString.Invariant($"did not end within {allowed.TotalSeconds:0.#} s");
        throw new MigrationException(
            MigrationErrorId.HypervisorCall,
            $"`{name} {string.Join(' ', arguments)}` {reason}.",
            $"Try it by hand in the control domain; `dmesg` may say more. The kernel modules that are needed: {TrafficControl.Modules}, {DeviceMapper.Modules}.",
            name);
    }
}
