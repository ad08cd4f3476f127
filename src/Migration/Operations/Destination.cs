using System.Management.Automation;
using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Policies;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>Where a domain is to go: a host of this process, another process of this machine, or another machine.</summary>
/// <param name="Name">As the administrator said it.</param>
/// <param name="Host">The host, where it is one of this process.</param>
/// <param name="Route">The way there, where it is not.</param>
internal sealed record Destination(string Name, IMigrationHost? Host, Route? Route)
{
    private bool _isRemote;
    private MigrationException? _silence;
    private AdmissionVerdict _verdict = AdmissionVerdict.Open;

    /// <summary>Whether the way there has a protection of its own: it leads to another machine.</summary>
    public bool IsProtected => _isRemote;

    /// <summary>Whether the migration has a receiver of its own, even where the host has one: it has ended with the migration.</summary>
    public bool HasOwnReceiver { get; init; }

    /// <summary>Understands what an administrator gave as -Destination.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HostNotFound"/>.</exception>
    /// <exception cref="CommandException">It is no loopback address, or nothing that can be understood.</exception>
    public static Destination Parse(string text)
    {
        if (HostRegistry.TryGetRemote(text, out RemoteHost remote))
        {
            return new Destination(remote.Name, null, remote.Route) { _isRemote = true };
        }

        if (HostRegistry.Contains(text))
        {
            return Of(HostRegistry.Get(text));
        }

        if (!HostAddress.TryParse(text, out HostAddress? host, out int? port, out string problem))
        {
            throw Invalid(text, problem, $"{SR.InvalidDestinationRemedy} {HostAddress.Remedy}");
        }

        if (port is null && host!.Address is null)
        {
            // A name alone is a host's. Fails with the hosts there are.
            return Of(HostRegistry.Get(text));
        }

        if (!host!.IsLoopback)
        {
            throw new CommandException(
                nameof(SR.DestinationNotLoopback),
                ErrorCategory.SecurityError,
                Text.Format(SR.DestinationNotLoopback, text),
                Text.Format(SR.DestinationNotLoopbackRemedy, host, port ?? 7000),
                text);
        }

        return port is { } there
            ? new Destination(text, null, Route.Loopback(new IPEndPoint(host.Address ?? IPAddress.Loopback, there)))
            : throw Invalid(text, SR.PortMissing, SR.InvalidDestinationRemedy);
    }

    /// <summary>
    /// Refuses a simulated host as its own destination. Xen moves a domain to itself under a provisional name, as
    /// <c>xl migrate</c> to localhost does.
    /// </summary>
    public void RequireOtherThan(DomainLocation domain)
    {
        if (ReferenceEquals(Host, domain.Host) && domain.Info.Kind == DomainKind.Simulated)
        {
            throw new CommandException(
                nameof(SR.DestinationIsSource),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.DestinationIsSource, domain.Info.Name, Name),
                SR.DestinationIsSourceRemedy,
                domain.Info.Name);
        }
    }

    /// <summary>
    /// Asks another machine whether its receiver answers and would let a domain in; <see cref="RequireAnswer"/> and
    /// <see cref="Judge"/> say what came of it.
    /// </summary>
    /// <param name="domain">The domain.</param>
    /// <param name="isTunnelAsked">Whether what is at the end of a tunnel is asked too, which a move finds out by itself.</param>
    /// <param name="peerTimeout">How long it may be silent.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="OperationCanceledException">Cancelled first.</exception>
    public void Ask(DomainLocation domain, bool isTunnelAsked, TimeSpan peerTimeout, CancellationToken cancellationToken)
    {
        _silence = null;
        _verdict = AdmissionVerdict.Open;
        if (Route is null || (!_isRemote && !isTunnelAsked))
        {
            return;
        }

        DomainDescription announced = domain.Host.Announce(domain.Info.Name);
        try
        {
            _verdict = ReceiverProbe.Ask(Route, announced, cancellationToken, peerTimeout);
        }
        catch (MigrationException error)
        {
            _silence = error;
        }
    }

    /// <summary>What the destination says to a domain that would come; another machine was asked before.</summary>
    /// <exception cref="MigrationException">The policy of a host of this process cannot be used.</exception>
    public AdmissionVerdict Judge(DomainLocation domain) =>
        Host is null ? _verdict : (RunningReceiver is null ? Host.ForItself : Host).Judge(domain.Host.Announce(domain.Info.Name));

    /// <summary>The receiver of the host that a migration within this process would go to; null where it gets one of its own. One with
    /// certificates is for other machines.</summary>
    private MigrationReceiver? RunningReceiver =>
        !HasOwnReceiver && ReceiverRegistry.TryGet(Name, out MigrationReceiver running) && running.Identity is null ? running : null;

    /// <summary>Refuses another machine that was asked and did not answer as a receiver does.</summary>
    /// <exception cref="MigrationException">Why not.</exception>
    public void RequireAnswer()
    {
        if (_silence is not null)
        {
            throw new MigrationException(_silence.ErrorId, _silence.Message, _silence.Remedy, Name, _silence);
        }
    }

    /// <summary>Opens the way there: the host's running receiver, one for this migration, or the way to another machine.</summary>
    /// <param name="peerTimeout">How long the source may be silent to a receiver that is made for this migration.</param>
    public DestinationEndpoint Open(TimeSpan peerTimeout)
    {
        if (Route is not null)
        {
            return new DestinationEndpoint(Route, null, null);
        }

        if (RunningReceiver is { } running)
        {
            return new DestinationEndpoint(running.Route, running, null);
        }

        MigrationReceiver temporary = ReceiverRegistry.StartTemporary(Host!, peerTimeout);
        return new DestinationEndpoint(temporary.Route, temporary, temporary);
    }

    /// <summary>The way to a receiver that a migration went to before: another machine's, or the host's running one.</summary>
    /// <exception cref="CommandException">The host has no receiver.</exception>
    public Route RouteToReceiver() => Route ?? ReceiverRegistry.Get(Name).Route;

    private static CommandException Invalid(string text, string problem, string remedy) => new(
        nameof(SR.InvalidDestination), ErrorCategory.InvalidArgument, Text.Format(SR.InvalidDestination, text, problem), remedy, text);

    /// <summary>A host by the name that it has, however it was written.</summary>
    private static Destination Of(IMigrationHost host) => new(host.Name, host, null);
}

/// <summary>An open way to a destination.</summary>
/// <param name="Route">How to connect.</param>
/// <param name="Receiver">The receiver, where it is one of this process.</param>
/// <param name="Temporary">The receiver made for this migration; ended with it.</param>
internal sealed record DestinationEndpoint(Route Route, MigrationReceiver? Receiver, MigrationReceiver? Temporary) : IAsyncDisposable
{
    /// <inheritdoc/>
    public ValueTask DisposeAsync() =>
        Temporary is null ? ValueTask.CompletedTask : ReceiverRegistry.EndTemporaryAsync(Temporary);
}
