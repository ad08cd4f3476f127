using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>-Throw: a script block ends with a terminating error, with a message, an id, a type.</summary>
internal sealed class ThrowOperator : ShouldOperator
{
    // Inside a try, errors that end only a statement are caught like those that end the script; the loop keeps a stray
    // break or continue from leaving the test.
    private static readonly ScriptBlock Invoke = ScriptBlock.Create(
        "param($______script) try { do { $null = & $______script } until ($true) } catch { $_ }");

    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call)
    {
        var script = (call.Actual is PSObject wrapped ? wrapped.BaseObject : call.Actual) as ScriptBlock
            ?? throw new PSArgumentException(
                "Input is not a script block. Input to '-Throw' and '-Not -Throw' must be enclosed in curly braces.");
        var caught = call.Command.InvokeCommand.InvokeScript(true, Invoke, null, script);
        var error = caught.Count == 0 ? null : (ErrorRecord)caught[0].BaseObject;
        if (call.Negate)
        {
            // Any exception fails this, whatever filters were given.
            return error is null ? Verdict.Passed : new Verdict(
                $"Expected no exception to be thrown,{call.Because} but an exception \"{error.Exception.Message}\" was thrown.");
        }

        var (filters, buts) = Examine(call.Command, error);
        var with = filters.Count == 0 ? "" : " with " + string.Join(", ", filters);
        return buts.Count > 0
            ? new Verdict($"Expected an exception{with} to be thrown,{call.Because} but {string.Join(" and ", buts)}.")
            : new Verdict(null, call.Command.PassThru ? error : null);
    }

    private static (List<string> Filters, List<string> Buts) Examine(ShouldCommand call, ErrorRecord? error)
    {
        var filters = new List<string>();
        var buts = new List<string>();
        if (call.ExceptionType is { } type)
        {
            filters.Add($"type {ValueText.Of(type)}");
            Check(error is null || type.IsInstanceOfType(error.Exception), $"the exception type was {ValueText.Of(error?.Exception.GetType())}");
        }

        if (!string.IsNullOrWhiteSpace(call.ExpectedMessage))
        {
            filters.Add($"message like {ValueText.Of(call.ExpectedMessage)}");
            Check(
                error is null || PowerShellOperator.Like.Holds(error.Exception.Message, call.ExpectedMessage),
                $"the message was {ValueText.Of(error?.Exception.Message)}");
        }

        if (!string.IsNullOrWhiteSpace(call.ErrorId))
        {
            filters.Add($"FullyQualifiedErrorId like {ValueText.Of(call.ErrorId)}");
            Check(
                error is null || PowerShellOperator.Like.Holds(error.FullyQualifiedErrorId, call.ErrorId),
                $"the FullyQualifiedErrorId was {ValueText.Of(error?.FullyQualifiedErrorId)}");
        }

        Check(error is not null, "no exception was thrown");
        return (filters, buts);

        void Check(bool holds, string but)
        {
            if (!holds)
            {
                buts.Add(but);
            }
        }
    }
}
