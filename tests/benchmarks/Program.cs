using BenchmarkDotNet.Running;
using PreRecordMigration.Benchmarks;

// dotnet run -c Release --project tests/benchmarks -- --filter '*'
BenchmarkSwitcher.FromAssembly(typeof(PushRate).Assembly).Run(args);
