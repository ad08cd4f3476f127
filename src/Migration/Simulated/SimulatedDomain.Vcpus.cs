using System.Diagnostics;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <content>The vCPUs' threads, and how they are stopped at an operation's boundary.</content>
public sealed partial class SimulatedDomain
{
    /// <summary>Blocks of the disk that each vCPU goes round.</summary>
    internal const int BlocksOfVcpu = 64;

    private void UpdateAttention()
    {
        _attention = State != DomainState.Running || _safepoints > 0 || _isSuspending || Outputs.IsNearlyFull;
        Monitor.PulseAll(_gate);
    }

    private void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    private void AwaitNoAccess()
    {
        while (_vcpus.Any(vcpu => vcpu.IsAccessing))
        {
            Monitor.Wait(_gate);
        }
    }

    /// <summary>Does something while no vCPU is inside an access.</summary>
    private void AtSafepoint(Action action)
    {
        lock (_gate)
        {
            _safepoints++;
            UpdateAttention();
            try
            {
                AwaitNoAccess();
                action();
            }
            finally
            {
                _safepoints--;
                UpdateAttention();
            }
        }
    }

    private bool MayContinue => State == DomainState.Running && _safepoints == 0 && !Outputs.IsNearlyFull;

    private long LimitOf(Vcpu vcpu) =>
        Math.Min(_isFree ? long.MaxValue : vcpu.Target, Options.StopAtOperations ?? long.MaxValue);

    private Thread StartThread(Vcpu vcpu)
    {
        Thread thread = new(() => RunVcpu(vcpu)) { IsBackground = true, Name = $"{Name} vCPU {vcpu.Index}" };
        thread.Start();
        return thread;
    }

    private void RunVcpu(Vcpu vcpu)
    {
        GuestCpu cpu = new(_pages, _layout, Options.Seed, vcpu.Index, _sharedInfoPfns[vcpu.Index], vcpu.Context);
        try
        {
            while (EnterGuest(vcpu) is long limit)
            {
                VcpuContext context = vcpu.Context;
                while (context.Operations < limit && !_attention)
                {
                    cpu.Step(_workload);
                    if (context.Operations % Options.OutputInterval == 0)
                    {
                        PutOut(vcpu);
                    }
                }
            }
        }
        catch (GuestEndedException)
        {
            // The domain is gone, and this vCPU with it, wherever it stood.
        }

        lock (_gate)
        {
            vcpu.IsInGuest = false;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// Checks what a vCPU wrote to its disk last, writes on, and sends a packet. Each vCPU goes round its own blocks, and finds in each the number of
    /// the write that was there a round ago: none that was rolled back, and none missing.
    /// </summary>
    private void PutOut(Vcpu vcpu)
    {
        VcpuContext context = vcpu.Context;
        long number = context.Operations / Options.OutputInterval;
        long block = (vcpu.Index * BlocksOfVcpu) + (number % BlocksOfVcpu);
        if (Outputs.Read(block) is { } found && found != number - BlocksOfVcpu)
        {
            context.CheckErrors++;
        }

        Outputs.Write(block, number);
        Outputs.Send(new SimulatedOutput(Options.Name, vcpu.Index, number, context.Random.S0));
        if (Outputs.IsNearlyFull)
        {
            FollowOutputs();
        }
    }

    /// <summary>Waits at an operation's boundary until the vCPU may run; tells how far, or null when the domain ends.</summary>
    private long? EnterGuest(Vcpu vcpu)
    {
        lock (_gate)
        {
            vcpu.IsInGuest = false;
            Monitor.PulseAll(_gate);
            while (!_isDying)
            {
                long limit = LimitOf(vcpu);
                if (!MayContinue || _isSuspending || vcpu.Context.Operations >= limit)
                {
                    Monitor.Wait(_gate);
                    continue;
                }

                long now = Stopwatch.GetTimestamp();
                if (_isFree && Options.IsPaced)
                {
                    TimeSpan early = Stopwatch.GetElapsedTime(now, vcpu.NextSlice);
                    if (early > TimeSpan.Zero)
                    {
                        Monitor.Wait(_gate, TimeSpan.FromMilliseconds(Math.Ceiling(early.TotalMilliseconds)));
                        continue;
                    }
                }

                long slice = UnpacedSlice;
                if (_isFree && Options.IsPaced)
                {
                    // A vCPU does not catch up after a wait: the time in which it stood still is lost, as on a real machine.
                    slice = Math.Max(1, (long)(Options.OperationsPerSecond * s_pacedSlice.TotalSeconds));
                    vcpu.NextSlice = now + (long)((double)slice / Options.OperationsPerSecond * Stopwatch.Frequency);
                }

                vcpu.IsInGuest = true;
                return Math.Min(limit, vcpu.Context.Operations + slice);
            }

            return null;
        }
    }
}
