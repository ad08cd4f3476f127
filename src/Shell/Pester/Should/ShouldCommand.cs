using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>The keyword Should: tests piped values, or the one given by <c>-ActualValue</c>, with one operator.</summary>
[Cmdlet(VerbsLifecycle.Assert, "TestValue")]
public sealed class ShouldCommand : PSCmdlet
{
    private readonly List<object?> _input = [];

    /// <summary>The value under test; from the pipeline each value is collected.</summary>
    [Parameter(ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public object? ActualValue { get; set; }

    /// <summary>Reverses the assertion.</summary>
    [Parameter]
    public SwitchParameter Not { get; set; }

    /// <summary>The reason, shown when the assertion fails.</summary>
    [Parameter]
    public string? Because { get; set; }

    /// <summary>Operator: equal, ignoring case.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(Be))]
    [Alias("EQ")]
    public SwitchParameter Be { get; set; }

    /// <summary>Operator: equal, respecting case.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeExactly))]
    [Alias("CEQ")]
    public SwitchParameter BeExactly { get; set; }

    /// <summary>Operator: nothing, an empty string, collection or hashtable.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeNullOrEmpty))]
    public SwitchParameter BeNullOrEmpty { get; set; }

    /// <summary>Operator: true in the sense of an if.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeTrue))]
    public SwitchParameter BeTrue { get; set; }

    /// <summary>Operator: false in the sense of an if.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeFalse))]
    public SwitchParameter BeFalse { get; set; }

    /// <summary>Operator: greater.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeGreaterThan))]
    [Alias("GT")]
    public SwitchParameter BeGreaterThan { get; set; }

    /// <summary>Operator: greater or equal.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeGreaterOrEqual))]
    [Alias("GE")]
    public SwitchParameter BeGreaterOrEqual { get; set; }

    /// <summary>Operator: less.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeLessThan))]
    [Alias("LT")]
    public SwitchParameter BeLessThan { get; set; }

    /// <summary>Operator: less or equal.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeLessOrEqual))]
    [Alias("LE")]
    public SwitchParameter BeLessOrEqual { get; set; }

    /// <summary>Operator: matches a wildcard pattern, ignoring case.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeLike))]
    public SwitchParameter BeLike { get; set; }

    /// <summary>Operator: matches a wildcard pattern, respecting case.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeLikeExactly))]
    public SwitchParameter BeLikeExactly { get; set; }

    /// <summary>Operator: matches a regular expression, ignoring case.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(Match))]
    public SwitchParameter Match { get; set; }

    /// <summary>Operator: matches a regular expression, respecting case.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(MatchExactly))]
    [Alias("CMATCH")]
    public SwitchParameter MatchExactly { get; set; }

    /// <summary>Operator: is one of the expected values.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeIn))]
    public SwitchParameter BeIn { get; set; }

    /// <summary>Operator: is of a type.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(BeOfType))]
    [Alias("HaveType")]
    public SwitchParameter BeOfType { get; set; }

    /// <summary>Operator: the values contain the expected one.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(Contain))]
    public SwitchParameter Contain { get; set; }

    /// <summary>Operator: so many values.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(HaveCount))]
    public SwitchParameter HaveCount { get; set; }

    /// <summary>Operator: a command has a parameter.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(HaveParameter))]
    public SwitchParameter HaveParameter { get; set; }

    /// <summary>Operator: a path exists.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(Exist))]
    public SwitchParameter Exist { get; set; }

    /// <summary>Operator: a script block throws.</summary>
    [Parameter(Mandatory = true, ParameterSetName = nameof(Throw))]
    public SwitchParameter Throw { get; set; }

    /// <summary>The value compared with.</summary>
    [Parameter(Position = 0, ParameterSetName = nameof(Be))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeExactly))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeGreaterThan))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeGreaterOrEqual))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeLessThan))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeLessOrEqual))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeLike))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeLikeExactly))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeIn))]
    [Parameter(Position = 0, ParameterSetName = nameof(Contain))]
    [Parameter(Position = 0, ParameterSetName = nameof(HaveCount))]
    [AllowNull]
    public object? ExpectedValue { get; set; }

    /// <summary>The expression of Match and MatchExactly.</summary>
    [Parameter(Position = 0, ParameterSetName = nameof(Match))]
    [Parameter(Position = 0, ParameterSetName = nameof(MatchExactly))]
    public string? RegularExpression { get; set; }

    /// <summary>The type of BeOfType, or its name.</summary>
    [Parameter(Position = 0, ParameterSetName = nameof(BeOfType))]
    public object? ExpectedType { get; set; }

    /// <summary>Wildcard pattern for the message of Throw.</summary>
    [Parameter(Position = 0, ParameterSetName = nameof(Throw))]
    public string? ExpectedMessage { get; set; }

    /// <summary>Wildcard pattern for the fully qualified error id of Throw.</summary>
    [Parameter(Position = 1, ParameterSetName = nameof(Throw))]
    public string? ErrorId { get; set; }

    /// <summary>The exception type of Throw.</summary>
    [Parameter(Position = 2, ParameterSetName = nameof(Throw))]
    public Type? ExceptionType { get; set; }

    /// <summary>Writes the error record that was thrown.</summary>
    [Parameter(ParameterSetName = nameof(Throw))]
    public SwitchParameter PassThru { get; set; }

    /// <summary>The parameter's name for HaveParameter.</summary>
    [Parameter(Position = 0, ParameterSetName = nameof(HaveParameter))]
    public string? ParameterName { get; set; }

    /// <summary>The parameter's type or type name.</summary>
    [Parameter(Position = 1, ParameterSetName = nameof(HaveParameter))]
    public object? Type { get; set; }

    /// <summary>The parameter is mandatory.</summary>
    [Parameter(ParameterSetName = nameof(HaveParameter))]
    public SwitchParameter Mandatory { get; set; }

    /// <summary>The parameter belongs to this set.</summary>
    [Parameter(ParameterSetName = nameof(HaveParameter))]
    public string? InParameterSet { get; set; }

    /// <summary>The parameter has an argument completer.</summary>
    [Parameter(ParameterSetName = nameof(HaveParameter))]
    public SwitchParameter HasArgumentCompleter { get; set; }

    /// <summary>The parameter has these aliases.</summary>
    [Parameter(ParameterSetName = nameof(HaveParameter))]
    public string[]? Alias { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (MyInvocation.ExpectingInput)
        {
            _input.Add(ActualValue);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (MyInvocation.BoundParameters.TryGetValue("ErrorAction", out var action) && action is not ActionPreference.Stop)
        {
            throw new NotSupportedException("Should -ErrorAction is not supported by this runner, except Stop.");
        }

        var shouldOperator = ShouldOperators.Get(ParameterSetName);
        if (_input.Count == 0)
        {
            // Nothing came down the pipeline, or nothing was piped: -ActualValue is taken as it is.
            Assert(shouldOperator, MyInvocation.ExpectingInput ? null : ActualValue);
        }
        else if (shouldOperator.TakesWholeInput)
        {
            Assert(shouldOperator, _input.ToArray());
        }
        else
        {
            _input.ForEach(value => Assert(shouldOperator, value));
        }
    }

    private void Assert(ShouldOperator shouldOperator, object? actual)
    {
        var verdict = shouldOperator.Test(new ShouldCall(this, actual));
        if (verdict.Failure is { } failure)
        {
            ThrowTerminatingError(new ErrorRecord(
                new AssertionFailedException(failure), "PesterAssertionFailed", ErrorCategory.InvalidResult, actual));
        }

        if (verdict.Data is not null)
        {
            WriteObject(verdict.Data);
        }
    }
}

/// <summary>An assertion did not hold. The message says what was expected and what was found.</summary>
internal sealed class AssertionFailedException(string message) : Exception(message);
