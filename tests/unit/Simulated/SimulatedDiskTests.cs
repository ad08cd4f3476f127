using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Tests.Simulated;

/// <summary>A simulated guest's disk and card, and that the guest finds out what was done to them behind its back.</summary>
public sealed class SimulatedDiskTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    private static readonly SimulatedDomainOptions s_options = new() { Name = "guest", MemoryBytes = 4 << 20, OutputInterval = 10 };

    [Fact]
    public void Each_vCPU_goes_round_its_own_blocks()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(s_options with { VcpuCount = 2 });
        domain.RunOperations(10 * (SimulatedDomain.BlocksOfVcpu + 1), s_cancel);

        Assert.Equal(2 * SimulatedDomain.BlocksOfVcpu, domain.Disk.Content.Count);
        Assert.Equal(2, domain.Disk.Content.Values.Count(number => number == SimulatedDomain.BlocksOfVcpu + 1));
        Assert.Equal(0, domain.CheckErrors);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_write_too_many_and_one_that_is_missing_are_found(int difference)
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(s_options);
        domain.RunOperations(10 * SimulatedDomain.BlocksOfVcpu, s_cancel);
        domain.Disk.Write(5, domain.Disk.Read(5)!.Value + (difference * SimulatedDomain.BlocksOfVcpu));
        domain.RunOperations(10 * SimulatedDomain.BlocksOfVcpu, s_cancel);
        Assert.Equal(1, domain.CheckErrors);
    }

    [Fact]
    public void What_goes_to_an_overlay_is_read_from_there_and_is_on_the_disk_only_once_it_is_released()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(s_options);
        using ISourceDomain source = host.OpenSource("guest");
        domain.RunOperations(10 * SimulatedDomain.BlocksOfVcpu, s_cancel);
        IReadOnlyDictionary<long, long> before = domain.Disk.Content;
        IOutputPlug plug = source.PlugOutputs(OutputLimits.Default);
        plug.Hold();
        domain.RunOperations(20 * SimulatedDomain.BlocksOfVcpu, s_cancel);

        Assert.Equal(0, domain.CheckErrors);
        Assert.Equal(before, domain.Disk.Content);
        source.Pause();
        plug.SetAside();
        Assert.Equal(before, domain.Disk.Content);
        plug.Release();
        Assert.All(domain.Disk.Content, block => Assert.Equal(before[block.Key] + (2 * SimulatedDomain.BlocksOfVcpu), block.Value));
    }

    [Fact]
    public void A_domain_stands_still_before_there_is_no_room()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(s_options);
        using ISourceDomain source = host.OpenSource("guest");
        IOutputPlug plug = source.PlugOutputs(new OutputLimits(1 << 20, 16 * SimulatedDisk.BlockSize));
        plug.Hold();
        source.RunFor(TimeSpan.FromSeconds(10), s_cancel);

        // More than fourteen of sixteen blocks are nearly all.
        Assert.True(plug.IsNearlyFull);
        Assert.Equal(150, domain.Operations[0]);
        Assert.Empty(host.Violations);
        plug.Release();
        source.RunFor(TimeSpan.FromMilliseconds(1), s_cancel);
        Assert.Equal(350, domain.Operations[0]);
    }

    [Fact]
    public void Copies_of_a_guest_share_its_disk_and_it_goes_with_the_last()
    {
        Guid identity = Guid.NewGuid();
        SimulatedDisk one = SimulatedDisk.Attach(identity);
        SimulatedDisk two = SimulatedDisk.Attach(identity);
        Assert.Same(one, two);
        one.Write(1, 1);
        one.Detach();
        Assert.Equal(1, SimulatedDisk.Attach(identity).Read(1));
        two.Detach();
        two.Detach();
        Assert.Null(SimulatedDisk.Attach(identity).Read(1));
    }
}
