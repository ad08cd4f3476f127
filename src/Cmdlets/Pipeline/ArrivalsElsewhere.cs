using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Migrations into hosts of other processes that a pipeline's thread waits for: it hears what those processes say of their receivers, and writes
/// what becomes of each migration.
/// </summary>
internal sealed class ArrivalsElsewhere : IDisposable
{
    private readonly MigrationCmdlet _cmdlet;
    private readonly PipelineWriter _writer;
    private readonly FollowedProcesses _processes;
    private readonly Dictionary<(int Process, string Host), Place> _places = [];

    /// <param name="cmdlet">The cmdlet that waits.</param>
    /// <param name="writer">The way to the pipeline's thread.</param>
    public ArrivalsElsewhere(MigrationCmdlet cmdlet, PipelineWriter writer) =>
        (_cmdlet, _writer, _processes) = (cmdlet, writer, new FollowedProcesses(writer, Hear));

    /// <summary>Those that are under way, as was last heard.</summary>
    public IReadOnlyList<IncomingMigrationInfo> Active => [.. _places.Values.SelectMany(place => place.Active.Values).Select(one => one.Last)];

    /// <summary>How many have ended since the wait began.</summary>
    public int Ended { get; private set; }

    /// <summary>Whether any of the receivers still listens.</summary>
    public bool IsListening => _places.Values.Any(place => place.IsListening);

    /// <summary>Waits for a receiver's migrations from now on, those under way included.</summary>
    public void Add(ReceiverElsewhere found)
    {
        Place place = new();
        if (!_places.TryAdd((found.Process.Id, found.Receiver.HostName), place))
        {
            return;
        }

        foreach (IncomingMigrationInfo incoming in found.Receiver.Incoming.Where(incoming => !incoming.IsUnderWay()))
        {
            place.Ended[incoming.GetSession()] = incoming.State;
        }

        Hear(found.Process, found.Receiver.HostName, place);
        _processes.Follow(found.Process);
    }

    /// <inheritdoc/>
    public void Dispose() => _processes.Dispose();

    private void Hear(ProcessElsewhere process)
    {
        if (!process.HasEnded && process.Problem is { } problem)
        {
            _cmdlet.WriteWarning(Text.Format(SR.WarningElsewhereSilent, process.Description, problem));
        }

        foreach (((int id, string host), Place place) in _places)
        {
            if (id == process.Id)
            {
                Hear(process, host, place);
            }
        }
    }

    private void Hear(ProcessElsewhere process, string host, Place place)
    {
        MigrationReceiverInfo? receiver = process.Receivers.FirstOrDefault(receiver => receiver.HostName == host);
        place.IsListening = receiver is not null && !process.HasEnded;
        foreach (IncomingMigrationInfo incoming in receiver?.Incoming ?? [])
        {
            if (incoming.IsUnderWay())
            {
                Follow(place, host, incoming);
            }
            else
            {
                End(place, host, incoming);
            }
        }

        if (!place.IsListening)
        {
            foreach (Arrival left in place.Active.Values)
            {
                left.Bar.Dispose();
                _cmdlet.WriteError(ErrorRecords.From(
                    new CommandException(
                        nameof(SR.ArrivalProcessEnded),
                        ErrorCategory.ResourceUnavailable,
                        Text.Format(SR.ArrivalProcessEnded, process.Description, left.Last.Name, host, left.Last.State, left.Last.MissingPages),
                        Text.Format(SR.ArrivalProcessEndedRemedy, left.Last.Name),
                        left.Last.Name),
                    null));
            }

            place.Active.Clear();
        }
    }

    private void Follow(Place place, string host, IncomingMigrationInfo incoming)
    {
        if (!place.Active.TryGetValue(incoming.GetSession(), out Arrival? arrival))
        {
            place.Active[incoming.GetSession()] = arrival = new Arrival(new IncomingProgress(_writer, host));
        }

        arrival.Last = incoming;
        arrival.Bar.Report(incoming.Name, incoming.MissingPages);
    }

    /// <summary>Writes an end. One that is resumed has another end, by which it has become something else.</summary>
    private void End(Place place, string host, IncomingMigrationInfo incoming)
    {
        bool wasActive = place.Active.Remove(incoming.GetSession(), out Arrival? arrival);
        arrival?.Bar.Dispose();
        if (!wasActive && place.Ended.GetValueOrDefault(incoming.GetSession()) == incoming.State)
        {
            return;
        }

        place.Ended[incoming.GetSession()] = incoming.State;
        if (incoming.State == nameof(DestinationState.Detached))
        {
            _cmdlet.WriteWarning(Text.Format(SR.WarningArrivalInterrupted, incoming.Name, host));
            return;
        }

        Ended++;
        _cmdlet.WriteObject(incoming);
    }

    /// <summary>What is known of one receiver.</summary>
    private sealed class Place
    {
        public bool IsListening { get; set; } = true;

        public Dictionary<Guid, Arrival> Active { get; } = [];

        /// <summary>How those stand that have ended.</summary>
        public Dictionary<Guid, string> Ended { get; } = [];
    }

    /// <summary>One migration that comes in.</summary>
    private sealed class Arrival(IncomingProgress bar)
    {
        public IncomingProgress Bar => bar;

        public IncomingMigrationInfo Last { get; set; } = null!;
    }
}
