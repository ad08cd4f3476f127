using BenchmarkDotNet.Running;
using PreRecordMigration.Benchmarks;

// dotnet run -c Release --project tests/benchmarks -- --filter '*'
// dotnet run -c Release --project tests/benchmarks -- --replay [FILE]...
if (args is ["--replay", ..])
{
    ReplayTable.Print(args[1..]);
}
else
{
    BenchmarkSwitcher.FromAssembly(typeof(PushRate).Assembly).Run(args);
}
