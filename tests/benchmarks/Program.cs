using BenchmarkDotNet.Running;
using PreRecordMigration.Benchmarks;

// dotnet run -c Release --project tests/benchmarks -- --filter '*'
// dotnet run -c Release --project tests/benchmarks -- --replay [FILE]...
// dotnet run -c Release --project tests/benchmarks -- --traces FOLDER [rows]
// dotnet run -c Release --project tests/benchmarks -- --downtime [ROUNDS]
// dotnet run -c Release --project tests/benchmarks -- --push [ROUNDS]
// dotnet run -c Release --project tests/benchmarks -- --stops [PROCESSES]
if (args is ["--replay", ..])
{
    ReplayTable.Print(args[1..]);
}
else if (args is ["--traces", _, ..])
{
    TraceTable.Print(args[1], args.Contains("rows"));
}
else if (args is ["--downtime", ..])
{
    DowntimeTable.Print(args[1..]);
}
else if (args is ["--push", ..])
{
    PushTable.Print(args[1..]);
}
else if (args is ["--stops", ..])
{
    StopTable.Print(args[1..]);
}
else if (args is ["--stops-of", ..])
{
    StopTable.Measure(args[1..]);
}
else
{
    BenchmarkSwitcher.FromAssembly(typeof(PushTable).Assembly).Run(args);
}
