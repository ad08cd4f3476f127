using System.Runtime.CompilerServices;
using PreRecordMigration.Files;
using PreRecordMigration.History;

namespace PreRecordMigration.Tests;

/// <summary>The tests' processes have a state folder of their own, which ends with them, and write into no system's journal.</summary>
internal static class StateFolderOfTests
{
    [ModuleInitializer]
    internal static void Make()
    {
        string folder = Directory.CreateTempSubdirectory("prerecord-state-").FullName;
        Environment.SetEnvironmentVariable(StateFolder.VariableName, folder);
        Environment.SetEnvironmentVariable(SystemJournal.VariableName, Path.Combine(folder, "no-journal"));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }
}
