using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>New-SimulatedDomain: starts a deterministic guest on a simulated host.</summary>
[Cmdlet(VerbsCommon.New, "SimulatedDomain", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(DomainInfo))]
public sealed class NewSimulatedDomainCommand : RowCommand
{
    /// <summary>The name of the domain, or of several alike.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>The simulated host to start it on.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = NameSet)]
    [Parameter(Position = 1, ParameterSetName = InputSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string HostName { get; set; } = "";

    /// <summary>Rows with a Name and a HostName, and with options in columns named as the parameters are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>What the guest does.</summary>
    [Parameter]
    [Column]
    public SimulatedWorkload Workload { get; set; } = SimulatedWorkload.HotSet;

    /// <summary>The memory it has.</summary>
    [Parameter]
    [Column]
    [Size]
    public long Memory { get; set; } = 64L << 20;

    /// <summary>How much of its memory the guest uses; all of it where it is not given. The rest are pages of zeros, which take none of this process'.</summary>
    [Parameter]
    [Column]
    [Size]
    public long? UsedMemory { get; set; }

    /// <summary>The memory the guest uses most; a sixteenth of what it uses where it is not given.</summary>
    [Parameter]
    [Column]
    [Size]
    public long? WorkingSet { get; set; }

    /// <summary>How many vCPUs it has.</summary>
    [Parameter]
    [Column]
    public int VcpuCount { get; set; } = 1;

    /// <summary>Decides every random choice of the guest: two domains alike but for their name do the same.</summary>
    [Parameter]
    [Column]
    public ulong Seed { get; set; } = 1;

    /// <summary>How many page accesses each vCPU makes in a second.</summary>
    [Parameter]
    [Column]
    public long OperationsPerSecond { get; set; } = 200_000;

    /// <summary>How many of a hundred accesses write.</summary>
    [Parameter]
    [Column]
    public int WritePercent { get; set; } = 30;

    /// <summary>After how many bytes the content of a page that the guest uses repeats, a power of two from 64 on: what repeats can be compressed.</summary>
    [Parameter]
    [Column]
    [Size]
    public long ContentPeriod { get; set; } = Page.Size;

    /// <summary>Makes a guest that ignores every request to suspend, to see what a migration does then.</summary>
    [Parameter]
    [Column]
    public SwitchParameter RefuseSuspend { get; set; }

    /// <summary>Makes a guest whose outputs cannot be held back, to see what a migration does then.</summary>
    [Parameter]
    [Column]
    public SwitchParameter NoOutputIsolation { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == NameSet)
        {
            foreach (string name in Name)
            {
                ForEachInput(name, () => Create(name, HostName));
            }

            return;
        }

        foreach (InputRow row in InputRow.Each(InputObject).Select(input => new InputRow(input)))
        {
            ForEachInput(row.Name, () => WithCells(row, () => Create(
                row.RequireName(), HostName.Length > 0 ? HostName : row.HostName ?? throw HostMissing(row))));
        }
    }

    private static CommandException HostMissing(InputRow row) => new(
        nameof(SR.InputWithoutHost),
        ErrorCategory.InvalidData,
        Text.Format(SR.InputWithoutHost, row.Label),
        SR.InputWithoutHostRemedy,
        row.Label);

    private static void RequireFreeName(string name, SimulatedHost host)
    {
        if (host.GetDomains().Any(other => other.Name == name))
        {
            throw DomainLocation.Exists(name, host, Text.Format(SR.SimulatedDomainExistsRemedy, host.Name));
        }
    }

    private void Create(string name, string hostName)
    {
        IMigrationHost host = HostSelection.Get(hostName);
        if (host is not SimulatedHost simulated)
        {
            throw new CommandException(
                nameof(SR.HostNotSimulated),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.HostNotSimulated, host.Name, host.Hypervisor),
                SR.HostNotSimulatedRemedy,
                host.Name);
        }

        RequireFreeName(name, simulated);
        SimulatedDomainOptions options = new()
        {
            Name = name,
            Workload = (GuestWorkloadKind)Workload,
            MemoryBytes = Memory,
            UsedBytes = UsedMemory,
            WorkingSetBytes = WorkingSet,
            VcpuCount = VcpuCount,
            Seed = Seed,
            OperationsPerSecond = OperationsPerSecond,
            WritePercent = WritePercent,
            ContentPeriod = (int)Math.Clamp(ContentPeriod, 0, int.MaxValue),
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
