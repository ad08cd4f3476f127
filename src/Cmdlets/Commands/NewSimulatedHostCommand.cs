using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Policies;
using PreRecordMigration.Simulated;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>New-SimulatedHost: makes a host in this process, with guests that check themselves.</summary>
[Cmdlet(VerbsCommon.New, "SimulatedHost", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(MigrationHost))]
public sealed class NewSimulatedHostCommand : RowCommand
{
    /// <summary>The name of the host, or of several.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Rows with a Name, and with options in columns named as the parameters are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>How much memory its domains may have together.</summary>
    [Parameter]
    [Column]
    [Size]
    [ValidateRange(4096, long.MaxValue)]
    public long Memory { get; set; } = 4L << 30;

    /// <summary>What the host cannot do or has not, to see what a migration does then.</summary>
    [Parameter]
    [Column]
    [Given]
    public SimulatedLack[] Without { get; set; } = [];

    /// <summary>The file with the policy by which domains come in, as a Xen host has one; all do where it is not given.</summary>
    [Parameter]
    [Column]
    [ValidateNotNullOrEmpty]
    public string? Policy { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == NameSet)
        {
            foreach (string name in Name)
            {
                ForEachInput(name, () => Create(name));
            }

            return;
        }

        foreach (InputRow row in InputRow.Each(InputObject).Select(input => new InputRow(input)))
        {
            ForEachInput(row.Name, () => WithCells(row, () => Create(row.RequireName())));
        }
    }

    private void Create(string name)
    {
        Workspace.OfProcess.Hosts.RequireFree(name);
        string? policy = Policy is null ? null : FilePaths.Existing(this, Policy, isLiteral: true).Single();
        if (policy is not null)
        {
            AdmissionPolicy.Load(policy);
        }

        if (ShouldProcess(Text.Format(SR.TargetHost, name), Text.Format(SR.ActionNewHost, Memory >> 20)))
        {
            SimulatedHost host = new(name, Options() with { PolicyFile = policy });
            Workspace.OfProcess.Hosts.Add(host);
            WriteObject(Workspace.OfProcess.Describe(host));
        }
    }

    private SimulatedHostOptions Options()
    {
        SimulatedHostOptions options = new()
        {
            MemoryBytes = Memory,
            SupportsRecording = Has(SimulatedLack.Recording),
            SupportsRollback = Has(SimulatedLack.Rollback),
            SupportsOutputIsolation = Has(SimulatedLack.OutputIsolation),
            SupportsDirtyTracking = Has(SimulatedLack.DirtyTracking),
            SupportsRemotePF = Has(SimulatedLack.RemotePF),
            SupportsInPlaceRollback = Has(SimulatedLack.InPlaceRollback),
            HasBridge = Has(SimulatedLack.Bridge),
            ReachesDisks = Has(SimulatedLack.Disk),
            HasAvx2 = Has(SimulatedLack.Avx2),
        };
        return Has(SimulatedLack.SeveralVcpus) ? options : options with { MaximumVcpus = 1 };
    }

    private bool Has(SimulatedLack capability) => !Without.Contains(capability);
}
