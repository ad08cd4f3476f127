using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Policies;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>Where a domain is to go: a host of this process, another process of this machine, or another machine.</summary>
public sealed class Destination
{
    private readonly ReceiverRegistry _receivers;
    private readonly bool _isRemote;

    /// <summary>Whether the migration has a receiver of its own, even where the host has one: it has ended with the migration.</summary>
    private readonly bool _hasOwnReceiver;

    private MigrationException? _silence;
    private AdmissionVerdict _verdict = AdmissionVerdict.Open;

    private Destination(ReceiverRegistry receivers, string name, IMigrationHost? host, Route? route, bool isRemote = false, bool hasOwnReceiver = false)
    {
        _receivers = receivers;
        Name = name;
        Host = host;
        Route = route;
        _isRemote = isRemote;
        _hasOwnReceiver = hasOwnReceiver;
    }

    /// <summary>As the administrator said it; of a host the name that it has, however it was written.</summary>
    public string Name { get; }

    /// <summary>The host, where it is one of this process.</summary>
    public IMigrationHost? Host { get; }

    /// <summary>The way there, where it is not.</summary>
    public Route? Route { get; }

    /// <summary>Whether the way there has a protection of its own: it leads to another machine.</summary>
    public bool IsProtected => _isRemote;

    /// <summary>Understands what an administrator gave as the destination.</summary>
    /// <param name="text">A host's name, or a receiver's address.</param>
    /// <param name="workspace">Knows the hosts.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HostNotFound"/>.</exception>
    /// <exception cref="OperationException">It is no loopback address, or nothing that can be understood.</exception>
    public static Destination Parse(string text, Workspace workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        if (workspace.Hosts.TryGetRemote(text, out RemoteHost remote))
        {
            return new Destination(workspace.Receivers, remote.Name, null, remote.Route, isRemote: true);
        }

        if (workspace.Hosts.Contains(text))
        {
            return Of(workspace.Hosts.Get(text), workspace);
        }

        if (!HostAddress.TryParse(text, out HostAddress? host, out int? port, out string problem))
        {
            throw Invalid(text, problem, $"{SR.InvalidDestinationRemedy} {HostAddress.Remedy}");
        }

        if (port is null && host!.Address is null)
        {
            // A name alone is a host's. Fails with the hosts there are.
            return Of(workspace.Hosts.Get(text), workspace);
        }

        if (!host!.IsLoopback)
        {
            throw new OperationException(
                nameof(SR.DestinationNotLoopback),
                OperationProblem.Security,
                Text.Format(SR.DestinationNotLoopback, text),
                Text.Format(SR.DestinationNotLoopbackRemedy, host, port ?? 7000),
                text);
        }

        return port is { } there
            ? new Destination(workspace.Receivers, text, null, Route.Loopback(new IPEndPoint(host.Address ?? IPAddress.Loopback, there)))
            : throw Invalid(text, SR.PortMissing, SR.InvalidDestinationRemedy);
    }

    /// <summary>Where a domain that left went, as another process of this user noted it.</summary>
    /// <param name="departure">What it noted.</param>
    /// <param name="workspace">Knows the hosts.</param>
    /// <returns>Null where the way there is not noted, or is none that another process could go.</returns>
    /// <exception cref="OperationException">A file that the way needs is not there, or is not what it should be.</exception>
    /// <exception cref="MigrationException">Others may write such a file; or what was noted is nowhere that one could go.</exception>
    internal static Destination? Noted(Departure departure, Workspace workspace)
    {
        ArgumentNullException.ThrowIfNull(departure);
        ArgumentNullException.ThrowIfNull(workspace);
        if (RouteNote.Read(departure.Way) is not { } way)
        {
            return null;
        }

        Route route = way.Kind switch
        {
            RouteKind.Tls => Route.Tls(HostAddress.Parse(way.Host), way.Port, CertificateFiles.ReadIdentity(way.Identity!)),
            RouteKind.Ssh => Route.Ssh(way.Host, way.Port == 0 ? null : way.Port),
            _ => Route.Loopback(new IPEndPoint(HostAddress.Parse(way.Host).Address ?? IPAddress.Loopback, way.Port)),
        };
        return new Destination(workspace.Receivers, route.Address, null, route, isRemote: way.Kind != RouteKind.Loopback);
    }

    /// <summary>Where a domain went that has left, as the process noted it that moved it.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="workspace">Knows the hosts.</param>
    /// <returns>As <see cref="Noted(Departure, Workspace)"/>.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: there is no migration to take over; or what
    /// <see cref="Noted(Departure, Workspace)"/> throws.</exception>
    /// <exception cref="OperationException">What <see cref="Noted(Departure, Workspace)"/> throws.</exception>
    public static Destination? Noted(DomainLocation domain, Workspace workspace)
    {
        ArgumentNullException.ThrowIfNull(domain);
        string name = domain.Info.Name;
        domain.Host.RequireUnclaimed(name);
        LeftBehind? left = domain.Host.GetLeftBehind().FirstOrDefault(left => left.Name == name);
        return Noted(LeftDomain.Require(name, left?.Mark, left?.Departure), workspace);
    }

    /// <summary>A host of this process by way of a receiver that only this migration has, and that ends with it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="workspace">Knows it.</param>
    public static Destination OwnReceiverOf(IMigrationHost host, Workspace workspace)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(workspace);
        return new Destination(workspace.Receivers, host.Name, host, null, hasOwnReceiver: true);
    }

    /// <summary>
    /// Refuses a simulated host as its own destination. Xen moves a domain to itself under a provisional name, as
    /// <c>xl migrate</c> to localhost does.
    /// </summary>
    /// <param name="domain">The domain.</param>
    /// <exception cref="OperationException">It is on that host.</exception>
    public void RequireOtherThan(DomainLocation domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        if (ReferenceEquals(Host, domain.Host) && domain.Info.Kind == DomainKind.Simulated)
        {
            throw new OperationException(
                nameof(SR.DestinationIsSource),
                OperationProblem.Argument,
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
        ArgumentNullException.ThrowIfNull(domain);
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
    /// <param name="domain">The domain.</param>
    /// <exception cref="MigrationException">The policy of a host of this process cannot be used.</exception>
    public AdmissionVerdict Judge(DomainLocation domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        return Host is null ? _verdict : (RunningReceiver is null ? Host.ForItself : Host).Judge(domain.Host.Announce(domain.Info.Name));
    }

    /// <summary>The receiver of the host that a migration within this process would go to; null where it gets one of its own. One with
    /// certificates is for other machines.</summary>
    private MigrationReceiver? RunningReceiver =>
        !_hasOwnReceiver && _receivers.TryGet(Name, out MigrationReceiver running) && running.Identity is null ? running : null;

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
    internal DestinationEndpoint Open(TimeSpan peerTimeout)
    {
        if (Route is not null)
        {
            return new DestinationEndpoint(_receivers, Route, null, null);
        }

        if (RunningReceiver is { } running)
        {
            return new DestinationEndpoint(_receivers, running.Route, running, null);
        }

        MigrationReceiver temporary = _receivers.StartTemporary(Host!, peerTimeout);
        return new DestinationEndpoint(_receivers, temporary.Route, temporary, temporary);
    }

    /// <summary>The way to a receiver that a migration went to before: another machine's, or the host's running one.</summary>
    /// <exception cref="OperationException">The host has no receiver.</exception>
    public Route RouteToReceiver() => Route ?? _receivers.Get(Name).Route;

    /// <summary>Opens the way to the receiver that has a domain's other half.</summary>
    /// <exception cref="OperationException">The host has no receiver.</exception>
    internal DestinationEndpoint Reopen() => new(_receivers, RouteToReceiver(), Host is null ? null : _receivers.Get(Name), null);

    /// <summary>What is shown of the host, where it is one of this process.</summary>
    internal object Describe() => Host is null ? Name : _receivers.Describe(Host);

    private static OperationException Invalid(string text, string problem, string remedy) => new(
        nameof(SR.InvalidDestination), OperationProblem.Argument, Text.Format(SR.InvalidDestination, text, problem), remedy, text);

    private static Destination Of(IMigrationHost host, Workspace workspace) => new(workspace.Receivers, host.Name, host, null);
}

/// <summary>An open way to a destination.</summary>
/// <param name="Receivers">Where its receiver is listed.</param>
/// <param name="Route">How to connect.</param>
/// <param name="Receiver">The receiver, where it is one of this process.</param>
/// <param name="Temporary">The receiver made for this migration; ended with it.</param>
internal sealed record DestinationEndpoint(
    ReceiverRegistry Receivers, Route Route, MigrationReceiver? Receiver, MigrationReceiver? Temporary) : IAsyncDisposable
{
    /// <inheritdoc/>
    public ValueTask DisposeAsync() =>
        Temporary is null ? ValueTask.CompletedTask : Receivers.EndTemporaryAsync(Temporary);
}
