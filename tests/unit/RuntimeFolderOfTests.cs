using System.Runtime.CompilerServices;
using PreRecordMigration.Files;

namespace PreRecordMigration.Tests;

/// <summary>The tests' processes have a runtime folder of their own, which ends with them.</summary>
internal static class RuntimeFolderOfTests
{
    [ModuleInitializer]
    internal static void Make()
    {
        string folder = Directory.CreateTempSubdirectory("prerecord-run-").FullName;
        Environment.SetEnvironmentVariable(RuntimeFolder.VariableName, folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }
}
