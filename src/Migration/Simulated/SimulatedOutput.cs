using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Simulated;

/// <summary>Something that a simulated domain sent out: each vCPU numbers its own, from 1, without gaps.</summary>
/// <param name="DomainName">The domain.</param>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Number">The output's number.</param>
/// <param name="Value">A value that depends on all the vCPU did before.</param>
public readonly record struct SimulatedOutput(string DomainName, int Vcpu, long Number, ulong Value);

/// <summary>The way of a domain's outputs to the world, with a plug where one is in.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The plug belongs to its caller; the path only knows it.")]
internal sealed class OutputPath(Action<SimulatedOutput> world)
{
    private readonly Lock _lock = new();
    private Plug? _plug;

    public void Send(SimulatedOutput output)
    {
        lock (_lock)
        {
            if (_plug is null)
            {
                world(output);
            }
            else
            {
                _plug.Held.Add(output);
            }
        }
    }

    public IOutputPlug Insert()
    {
        lock (_lock)
        {
            if (_plug is not null)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState, "The domain's outputs are plugged already.", "Release or drop the first plug.");
            }

            return _plug = new Plug(this);
        }
    }

    /// <summary>Removes a plug on which nobody decided.</summary>
    public void Remove(bool release)
    {
        lock (_lock)
        {
            _plug?.Decide(release);
        }
    }

    private sealed class Plug(OutputPath path) : IOutputPlug
    {
        public List<SimulatedOutput> Held { get; } = [];

        public long HeldCount
        {
            get
            {
                lock (path._lock)
                {
                    return Held.Count;
                }
            }
        }

        public void Release() => Decide(true);

        public void Drop() => Decide(false);

        public void Dispose() => Decide(true);

        public void Decide(bool release)
        {
            lock (path._lock)
            {
                if (path._plug != this)
                {
                    return;
                }

                path._plug = null;
                if (release)
                {
                    Held.ForEach(path.Send);
                }

                Held.Clear();
            }
        }
    }
}
