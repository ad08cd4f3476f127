using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Disable-RemotePF: every page travels before the domain runs at the destination.</summary>
[Cmdlet(VerbsLifecycle.Disable, "RemotePF", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(PreRecord))]
public sealed class DisableRemotePFCommand : RemotePFCommand
{
    private protected override bool IsOn => false;
}
