using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;

namespace PreRecordMigration.Simulated;

/// <summary>Something that a simulated domain sent out: each vCPU numbers its own, from 1, without gaps.</summary>
/// <param name="DomainName">The domain.</param>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Number">The output's number.</param>
/// <param name="Value">A value that depends on all the vCPU did before.</param>
public readonly record struct SimulatedOutput(string DomainName, int Vcpu, long Number, ulong Value)
{
    /// <summary>Bytes of a packet.</summary>
    internal const int Size = 64;
}

/// <summary>
/// A domain's network card and its disk, with a plug where one is in: packets are held, writes go to an overlay, both within limits, as on a real
/// host. What would be lost on one is an error here.
/// </summary>
/// <param name="world">Where packets go.</param>
/// <param name="disk">The disk itself.</param>
/// <param name="onViolation">Told of what must never happen.</param>
internal sealed class OutputPath(Action<SimulatedOutput> world, SimulatedDisk disk, Action<string> onViolation)
{
    /// <summary>Of a limit, the part that is left for what is under way.</summary>
    private const int Slack = 8;

    private readonly Lock _lock = new();
    private Plug? _plug;
    private volatile bool _isNearlyFull;

    /// <summary>Whether the domain must be stopped, because nearly as much is held as can be.</summary>
    public bool IsNearlyFull => _isNearlyFull;

    /// <summary>The plug that is in; null where none is.</summary>
    public IOutputPlug? Current
    {
        get
        {
            lock (_lock)
            {
                return _plug;
            }
        }
    }

    /// <summary>The domain sends a packet.</summary>
    public void Send(SimulatedOutput output)
    {
        lock (_lock)
        {
            if (_plug is not { IsHolding: true } plug)
            {
                world(output);
                return;
            }

            plug.Held.Add(output);
            Check(plug.Held.Count * (long)SimulatedOutput.Size, plug.Limits.PacketBytes, "packet");
        }
    }

    /// <summary>The domain writes a block.</summary>
    public void Write(long block, long content)
    {
        lock (_lock)
        {
            if (_plug is not { IsHolding: true } plug)
            {
                disk.Write(block, content);
                return;
            }

            if (plug.IsAside)
            {
                onViolation($"block {block} was written after the domain's disk had been given to its destination");
            }

            plug.Overlay[block] = content;
            Check(plug.Overlay.Count * (long)SimulatedDisk.BlockSize, plug.Limits.OverlayBytes, "block");
        }
    }

    /// <summary>The domain reads a block; null where nothing is known of it.</summary>
    public long? Read(long block)
    {
        lock (_lock)
        {
            return _plug is { IsHolding: true } plug && plug.Overlay.TryGetValue(block, out long content) ? content : disk.Read(block);
        }
    }

    /// <summary>Finds out how outputs can be held back.</summary>
    /// <param name="limits">How much is held back at most.</param>
    /// <param name="step">Takes each step, with its effect.</param>
    public IOutputPlug Insert(OutputLimits limits, Action<SimulatedCall, Action> step)
    {
        lock (_lock)
        {
            if (_plug is not null)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState, "The domain's outputs are plugged already.", "Release or drop the first plug.");
            }

            return _plug = new Plug(this, limits, step);
        }
    }

    /// <summary>The plug of a tool that was killed, in the hands of the next.</summary>
    /// <param name="step">As for <see cref="Insert"/>.</param>
    /// <returns>Null where none is in.</returns>
    public IOutputPlug? Adopt(Action<SimulatedCall, Action> step)
    {
        lock (_lock)
        {
            return _plug = _plug is { } left ? new Plug(this, left, step) : null;
        }
    }

    /// <summary>Decides about what a tool left that was killed, or a domain that is gone.</summary>
    /// <param name="release">Whether it goes where it was to go.</param>
    public void DecideLeft(bool release)
    {
        lock (_lock)
        {
            _plug?.Decide(release);
        }
    }

    private void Check(long bytes, long limit, string what)
    {
        if (bytes > limit)
        {
            onViolation($"a {what} was lost, because more than {limit} bytes were held back");
        }

        _isNearlyFull |= bytes > limit - (limit / Slack);
    }

    private sealed class Plug(OutputPath path, OutputLimits limits, Action<SimulatedCall, Action> step) : IOutputPlug
    {
        public Plug(OutputPath path, Plug left, Action<SimulatedCall, Action> step)
            : this(path, left.Limits, step)
        {
            (Held, Overlay, IsHolding, IsAside) = (left.Held, left.Overlay, left.IsHolding, left.IsAside);
        }

        public OutputLimits Limits => limits;

        public List<SimulatedOutput> Held { get; } = [];

        public Dictionary<long, long> Overlay { get; } = [];

        public bool IsHolding { get; private set; }

        public bool IsAside { get; private set; }

        public long HeldCount
        {
            get
            {
                lock (path._lock)
                {
                    return Held.Count + Overlay.Count;
                }
            }
        }

        public bool IsNearlyFull => path.IsNearlyFull;

        // What is held goes out in one step, which fails before it has done anything or not at all.
        public bool MayRun => path.Current != this;

        public void Prepare() => Do(SimulatedCall.PrepareOutputs, () => { });

        public void Hold() => Do(SimulatedCall.HoldOutputs, () => IsHolding = true);

        public void SetAside() => Do(SimulatedCall.SetOutputsAside, () => IsAside = true);

        public void Release() => Do(SimulatedCall.ReleaseOutputs, () => Decide(true));

        public void Drop() => Do(SimulatedCall.DropOutputs, () => Decide(false));

        public void Decide(bool release)
        {
            if (path._plug != this)
            {
                return;
            }

            path._plug = null;
            path._isNearlyFull = false;
            if (release)
            {
                foreach ((long block, long content) in Overlay)
                {
                    path.Write(block, content);
                }

                Held.ForEach(path.Send);
            }
        }

        private void Do(SimulatedCall call, Action effect) => step(call, () =>
        {
            lock (path._lock)
            {
                effect();
            }
        });
    }
}
