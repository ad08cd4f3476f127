using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Discovery;

/// <summary>Ends the running test with an outcome of its own choice.</summary>
[Cmdlet(VerbsCommon.Set, "ItResult")]
public sealed class SetItResultCommand : PSCmdlet
{
    internal const string SkippedId = "PesterTestSkipped";
    internal const string InconclusiveId = "PesterTestInconclusive";

    /// <summary>The test counts as skipped.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Skipped")]
    public SwitchParameter Skipped { get; set; }

    /// <summary>The test counts as inconclusive.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Inconclusive")]
    public SwitchParameter Inconclusive { get; set; }

    /// <summary>The reason shown.</summary>
    [Parameter]
    public string? Because { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (PesterState.Current.RunningTest is not { } test)
        {
            throw new InvalidOperationException("Set-ItResult was called outside a running test.");
        }

        test.Because = Because;
        var text = Skipped ? "is skipped" : "is inconclusive";
        ThrowTerminatingError(new ErrorRecord(
            new OperationCanceledException(Because is null ? text : $"{text}, because {Because}"),
            Skipped ? SkippedId : InconclusiveId,
            ErrorCategory.OperationStopped,
            test.Name));
    }
}
