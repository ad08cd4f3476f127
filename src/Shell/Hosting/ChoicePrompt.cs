using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>Asks for one of several choices by its hot key or label, as <c>-Confirm</c> does.</summary>
internal sealed class ChoicePrompt(ShellTerminal terminal)
{
    /// <summary>Asks until an answer names a choice. An empty answer takes the default, if there is one.</summary>
    /// <exception cref="HostException">The input ended without an answer.</exception>
    public int Ask(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        if (!string.IsNullOrEmpty(caption))
        {
            terminal.WriteLine(caption);
        }

        if (!string.IsNullOrEmpty(message))
        {
            terminal.WriteLine(message);
        }

        var labels = choices.Select(Split).ToList();
        var question = string.Join("  ", labels.Select(label => $"[{label.Key}] {label.Text}"));
        var suffix = defaultChoice >= 0 ? $" (default is \"{labels[defaultChoice].Key}\"): " : ": ";
        while (true)
        {
            var answer = terminal.Ask(question + suffix)
                ?? throw new HostException("The input ended before a choice was made.", null, "InputEnded", ErrorCategory.ReadError);
            answer = answer.Trim();
            if (answer.Length == 0 && defaultChoice >= 0)
            {
                return defaultChoice;
            }

            var chosen = labels.FindIndex(label =>
                string.Equals(answer, label.Key, StringComparison.OrdinalIgnoreCase)
                || string.Equals(answer, label.Text, StringComparison.OrdinalIgnoreCase));
            if (chosen >= 0)
            {
                return chosen;
            }
        }
    }

    // A label marks its hot key by an ampersand before it: "Yes to &All".
    private static (string Key, string Text) Split(ChoiceDescription choice)
    {
        var mark = choice.Label.IndexOf('&', StringComparison.Ordinal);
        var text = mark < 0 ? choice.Label : choice.Label.Remove(mark, 1);
        return mark < 0 || mark >= text.Length ? (text, text) : (text[mark].ToString().ToUpperInvariant(), text);
    }
}
