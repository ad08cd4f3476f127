using System.Collections;
using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// One object of the pipeline, as names and values: a row of a CSV or JSON file, a hashtable, an object of this module or of
/// another one, or a copy that a job or a file brought back.
/// </summary>
internal sealed class InputRow
{
    /// <summary>What the type names of copies begin with.</summary>
    private const string CopyPrefix = "Deserialized.";

    private const string OwnPrefix = "PreRecordMigration.";

    /// <summary>The types of this module whose Name is a domain's. A host's or a setting's name must not pass for one.</summary>
    private static readonly string[] OfDomains =
    [
        nameof(DomainInfo), nameof(MigrationOutcome), nameof(MigrationResult), nameof(MigrationInfo), nameof(MigrationReport), nameof(PreRecord),
        nameof(PageBackupInfo), nameof(PageOrderInfo), nameof(RemotePFInfo), nameof(IncomingMigrationInfo),
    ];

    private readonly Dictionary<string, object?> _values = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads an object.</summary>
    /// <param name="input">What came down the pipeline.</param>
    public InputRow(PSObject input)
    {
        object bare = input.BaseObject;
        IsCopy = input.TypeNames.Any(name => name.StartsWith(CopyPrefix, StringComparison.Ordinal));
        OwnType = input.TypeNames
            .Select(name => name.StartsWith(CopyPrefix, StringComparison.Ordinal) ? name[CopyPrefix.Length..] : name)
            .FirstOrDefault(name => name.StartsWith(OwnPrefix, StringComparison.Ordinal))?
            .Split('.')[^1];
        IsWritten = OwnType is null && (bare is IDictionary || (bare is PSCustomObject && !IsCopy));
        if (bare is IDictionary table)
        {
            foreach (DictionaryEntry entry in table)
            {
                _values[entry.Key.ToString() ?? ""] = entry.Value;
            }

            return;
        }

        foreach (PSPropertyInfo property in input.Properties)
        {
            try
            {
                _values[property.Name] = property.Value;
            }
            catch (Exception error) when (error is GetValueException or ExtendedTypeSystemException)
            {
                // A property that cannot be read counts as absent, as it does when PowerShell binds by property name.
                continue;
            }
        }
    }

    /// <summary>The objects of an argument: of a list each, of anything else that one.</summary>
    public static IEnumerable<PSObject> Each(PSObject input) =>
        input.BaseObject is IList items ? items.Cast<object?>().Select(PSObject.AsPSObject!) : [input];

    /// <summary>Whether a job, a remote session or a file brought it back, without what was live in it.</summary>
    public bool IsCopy { get; }

    /// <summary>The type of this module that it is, or is a copy of, without its namespace; null for anything else.</summary>
    public string? OwnType { get; }

    /// <summary>Whether somebody wrote it, for example in a file: then every column of it is meant.</summary>
    public bool IsWritten { get; }

    /// <summary>Its names and values, in their order.</summary>
    public IEnumerable<KeyValuePair<string, object?>> Cells => _values;

    /// <summary>The domain's name; null where it says none.</summary>
    public string? Name => OwnType is null || OfDomains.Contains(OwnType) ? TextOf("Name") ?? TextOf("DomainName") : null;

    /// <summary>The host's name; null where it says none.</summary>
    public string? HostName => TextOf("HostName") ?? TextOf("SourceHost");

    /// <summary>What a message calls it: the domain, or the object as it stands.</summary>
    public string Label => Name ?? string.Join(", ", _values.Where(cell => !IsEmpty(cell.Value)).Select(cell => $"{cell.Key}={cell.Value}"));

    /// <summary>The text of a cell; null for an empty one.</summary>
    public string? TextOf(string name) =>
        _values.TryGetValue(name, out object? value) && !IsEmpty(value) ? value!.ToString() : null;

    /// <summary>The value of a cell as an object of a type; null for anything else.</summary>
    public T? ValueOf<T>(string name)
        where T : class =>
        _values.TryGetValue(name, out object? value) ? (value as T) ?? (value as PSObject)?.BaseObject as T : null;

    /// <summary>Whether a cell says nothing: it stands for "not given".</summary>
    public static bool IsEmpty(object? value) => value switch
    {
        null => true,
        PSObject wrapped => ReferenceEquals(wrapped.BaseObject, null) || (wrapped.BaseObject is not PSCustomObject && IsEmpty(wrapped.BaseObject)),
        DBNull => true,
        string text => string.IsNullOrWhiteSpace(text),
        _ => false,
    };

    /// <summary>The domain's name; refuses an object that has none.</summary>
    /// <exception cref="CommandException">It has none.</exception>
    public string RequireName() => Name ?? throw new CommandException(
        nameof(SR.InputWithoutName),
        ErrorCategory.InvalidData,
        Text.Format(SR.InputWithoutName, Label),
        SR.InputWithoutNameRemedy,
        Label);
}
