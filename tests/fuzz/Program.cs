using PreRecordMigration.Fuzz;

// The engine is instrumented before it is loaded, so that this must not touch it.
if (args is ["instrument", var engine])
{
    string[] namespaces = ["Transfer", "Xen", "Recording", "Policies", "Simulated", "Transports", "RemotePaging", "CoreStates", "Hypervisor", "History", "Boards", "Operations"];
    SharpFuzz.Fuzzer.Instrument(
        engine,
        type => namespaces.Any(name => type.StartsWith($"PreRecordMigration.{name}.", StringComparison.Ordinal)),
        SharpFuzz.Options.Value);
    return 0;
}

Coverage.Attach();
if (Options.Parse(args) is not { } options)
{
    Console.Error.WriteLine("run [TARGET]... [--executions N] [--seed S] [--save]    Targets: " + string.Join(", ", Targets.All.Select(target => target.Name)));
    return 2;
}

return Runner.Run(options);
