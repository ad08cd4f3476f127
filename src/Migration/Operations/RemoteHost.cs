using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>Another machine that domains can be sent to. What it is, only its own session knows.</summary>
/// <param name="Name">The name by which it is a destination.</param>
/// <param name="Route">The way to its receiver.</param>
/// <param name="Transport">What protects the way, for a reader.</param>
public sealed record RemoteHost(string Name, Route Route, string Transport)
{
    /// <summary>What is known of its hypervisor: the way to it.</summary>
    private string Hypervisor => Text.Format(SR.RemoteHypervisor, Transport);

    /// <summary>The host as it is shown: no more is known of it than the way.</summary>
    public MigrationHost Describe() => new(Name, Hypervisor, null, null, null, Route.Address);

    /// <summary>Asks its receiver whether it is there; that it does not answer is the answer.</summary>
    /// <param name="peerTimeout">How long it may be silent.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="OperationCanceledException">Cancelled first.</exception>
    public MigrationHostCapability Ask(TimeSpan peerTimeout, CancellationToken cancellationToken)
    {
        (bool answers, string reason, string remedy) = (true, "", "");
        try
        {
            ReceiverProbe probe = ReceiverProbe.Ask(Route, cancellationToken, peerTimeout);
            reason = Text.Format(SR.RemoteAnswers, Route.Address, probe.Version);
        }
        catch (MigrationException error)
        {
            (answers, reason, remedy) = (false, error.Message, error.Remedy);
        }

        return MigrationHostCapability.Of(Name, Hypervisor, new Capability(MigrationCapability.Receiver, answers, reason, remedy));
    }
}
