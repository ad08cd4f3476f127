using System.Management.Automation;
using System.Reflection;
using System.Runtime.ExceptionServices;

namespace PreRecordMigration.Cmdlets;

/// <summary>Why a pipeline ends while a cmdlet writes into it.</summary>
internal static class DownstreamEnd
{
    private const BindingFlags Inside = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;

    /// <summary>
    /// Whether a command downstream, such as Select-Object -First, has what it wanted: what it was given is in good hands.
    /// PowerShell has this only in private fields; where it is not found there, the pipeline counts as failed.
    /// </summary>
    /// <param name="cmdlet">The cmdlet that wrote.</param>
    /// <param name="thrown">What the writing threw.</param>
    public static bool HasEnough(Cmdlet cmdlet, Exception thrown)
    {
        const string Enough = "StopUpstreamCommandsException";
        if (thrown.GetType().Name == Enough)
        {
            return true;
        }

        object? processor = cmdlet.CommandRuntime.GetType().GetProperty("PipelineProcessor", Inside)?.GetValue(cmdlet.CommandRuntime);
        return thrown is PipelineStoppedException
            && processor?.GetType().GetField("_firstTerminatingError", Inside)?.GetValue(processor) is ExceptionDispatchInfo first
            && first.SourceException.GetType().Name == Enough;
    }
}
