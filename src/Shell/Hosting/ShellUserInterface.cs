using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>
/// Shows the streams: output and information on the output, everything else on the error writer. Asks only for
/// choices (confirmations), and only where somebody can answer; other prompts are refused with an error.
/// </summary>
internal sealed class ShellUserInterface(ShellHost host) : PSHostUserInterface
{
    private readonly ShellRawUserInterface _raw = new(host);

    /// <inheritdoc/>
    public override PSHostRawUserInterface RawUI => _raw;

    /// <inheritdoc/>
    public override bool SupportsVirtualTerminal => host.Terminal.SupportsVirtualTerminal;

    /// <inheritdoc/>
    public override void Write(string value) => host.Terminal.Write(Rendered(value));

    /// <inheritdoc/>
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    /// <inheritdoc/>
    public override void WriteLine(string value) => host.Terminal.WriteLine(Rendered(value));

    /// <inheritdoc/>
    public override void WriteErrorLine(string value) => host.Terminal.WriteErrorLine(value);

    /// <inheritdoc/>
    public override void WriteWarningLine(string message) => host.Terminal.WriteErrorLine("WARNING: " + message);

    /// <inheritdoc/>
    public override void WriteVerboseLine(string message) => host.Terminal.WriteErrorLine("VERBOSE: " + message);

    /// <inheritdoc/>
    public override void WriteDebugLine(string message) => host.Terminal.WriteErrorLine("DEBUG: " + message);

    /// <inheritdoc/>
    public override void WriteProgress(long sourceId, ProgressRecord record) => host.Terminal.WriteProgress(record);

    /// <inheritdoc/>
    public override string ReadLine() => throw Refused("read a line");

    /// <inheritdoc/>
    public override SecureString ReadLineAsSecureString() => throw Refused("read a secret");

    /// <inheritdoc/>
    public override Dictionary<string, PSObject> Prompt(
        string caption, string message, Collection<FieldDescription> descriptions)
    {
        var names = string.Join(", ", descriptions.Select(description => description.Name));
        throw Refused($"ask for the parameter {names}; give it on the command line");
    }

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw Refused("ask for a credential; pass a PSCredential");

    /// <inheritdoc/>
    public override PSCredential PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options) => PromptForCredential(caption, message, userName, targetName);

    /// <inheritdoc/>
    public override int PromptForChoice(
        string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        if (!host.Terminal.CanAsk)
        {
            throw Refused($"ask for a confirmation ('{message}'); use -Confirm:$false or -Force where that is meant");
        }

        return new ChoicePrompt(host.Terminal).Ask(caption, message, choices, defaultChoice);
    }

    // The formatting engine always emphasises headers; the host takes the escape sequences out where nobody reads them.
    private string Rendered(string value) => GetOutputString(value, SupportsVirtualTerminal);

    private static HostException Refused(string what) => new(
        $"This shell is not interactive: it does not {what}.",
        null,
        "HostIsNotInteractive",
        ErrorCategory.InvalidOperation);
}
