using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Enable-RemotePF: memory may arrive after the domain runs at the destination.</summary>
[Cmdlet(VerbsLifecycle.Enable, "RemotePF", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(PreRecord))]
public sealed class EnableRemotePFCommand : RemotePFCommand
{
    private protected override bool IsOn => true;
}
