namespace PreRecordMigration.Hypervisor;

/// <summary>A domain that came in and whose tool was killed, opened as it stands.</summary>
/// <param name="Domain">The domain, paused. Its <see cref="IIncomingDomain.EnableRemotePF"/> takes charge of what the hypervisor holds to be
/// missing; it is not restored again.</param>
/// <param name="Mark">What was noted of it.</param>
public sealed record LeftArrival(IIncomingDomain Domain, IncomingMark Mark);
