using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>Another machine that domains can be sent to. What it is, only its own session knows.</summary>
/// <param name="Name">The name to use as -Destination.</param>
/// <param name="Route">The way to its receiver.</param>
/// <param name="Transport">What protects the way, for a reader.</param>
internal sealed record RemoteHost(string Name, Route Route, string Transport);
