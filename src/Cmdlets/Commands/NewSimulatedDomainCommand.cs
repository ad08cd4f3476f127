using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Cmdlets;

/// <summary>New-SimulatedDomain: starts a deterministic guest on a simulated host.</summary>
[Cmdlet(VerbsCommon.New, "SimulatedDomain", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(DomainInfo))]
public sealed class NewSimulatedDomainCommand : MigrationCmdlet
{
    /// <summary>The name of the domain, or of several alike.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>The simulated host to start it on.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string HostName { get; set; } = "";

    /// <summary>What the guest does.</summary>
    [Parameter]
    [ValidateSet(nameof(GuestWorkloadKind.Idle), nameof(GuestWorkloadKind.Sequential), nameof(GuestWorkloadKind.HotSet), nameof(GuestWorkloadKind.ManyProcesses), nameof(GuestWorkloadKind.Strided), nameof(GuestWorkloadKind.UniformRandom), nameof(GuestWorkloadKind.ZipfHotSet), nameof(GuestWorkloadKind.PhaseChanging))]
    public GuestWorkloadKind Workload { get; set; } = GuestWorkloadKind.HotSet;

    /// <summary>The memory it has.</summary>
    [Parameter]
    [Size]
    public long Memory { get; set; } = 64L << 20;

    /// <summary>The memory the guest uses most; a sixteenth of all where it is not given.</summary>
    [Parameter]
    [Size]
    public long? WorkingSet { get; set; }

    /// <summary>How many vCPUs it has.</summary>
    [Parameter]
    public int VcpuCount { get; set; } = 1;

    /// <summary>Decides every random choice of the guest: two domains alike but for their name do the same.</summary>
    [Parameter]
    public ulong Seed { get; set; } = 1;

    /// <summary>How many page accesses each vCPU makes in a second.</summary>
    [Parameter]
    public long OperationsPerSecond { get; set; } = 200_000;

    /// <summary>How many of a hundred accesses write.</summary>
    [Parameter]
    public int WritePercent { get; set; } = 30;

    /// <summary>Makes a guest that ignores every request to suspend, to see what a migration does then.</summary>
    [Parameter]
    public SwitchParameter RefuseSuspend { get; set; }

    /// <summary>Makes a guest whose outputs cannot be held back, to see what a migration does then.</summary>
    [Parameter]
    public SwitchParameter NoOutputIsolation { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in Name)
        {
            ForEachInput(name, () => Create(name));
        }
    }

    private void Create(string name)
    {
        IMigrationHost host = HostRegistry.Get(HostName);
        if (host is not SimulatedHost simulated)
        {
            throw new CommandException(
                nameof(SR.HostNotSimulated),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.HostNotSimulated, host.Name, host.Hypervisor),
                SR.HostNotSimulatedRemedy,
                host.Name);
        }

        SimulatedDomainOptions options = new()
        {
            Name = name,
            Workload = Workload,
            MemoryBytes = Memory,
            WorkingSetBytes = WorkingSet,
            VcpuCount = VcpuCount,
            Seed = Seed,
            OperationsPerSecond = OperationsPerSecond,
            WritePercent = WritePercent,
            RefusesSuspend = RefuseSuspend,
            HasIsolableOutputs = !NoOutputIsolation,
            FreeRunning = true,
        };
        options.Validate();
        if (ShouldProcess(
            Text.Format(SR.TargetDomain, name, host.Name), Text.Format(SR.ActionNewDomain, Workload, Memory >> 20, Seed)))
        {
            WriteObject(simulated.CreateDomain(options).Info);
        }
    }
}
