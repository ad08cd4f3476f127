using System.Collections.Concurrent;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Lets a row of the pipeline say the value of a parameter for itself.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ColumnAttribute : Attribute
{
}

/// <summary>
/// What the cmdlets share that take rows: each row has its own options, in columns named as the parameters are. What the
/// command line says goes first, then the row, then what is configured. An empty cell counts as not given, a bad one is an error of
/// its row, and a column that no parameter takes is warned of.
/// </summary>
public abstract class RowCommand : MigrationCmdlet
{
    /// <summary>The parameter set of names.</summary>
    protected const string NameSet = "Name";

    /// <summary>The parameter set of objects and rows.</summary>
    protected const string InputSet = "Input";

    /// <summary>Columns that say which domain or host is meant, and are no options of it.</summary>
    private static readonly string[] Subjects = ["Name", "DomainName", "HostName", "SourceHost"];

    private static readonly ConcurrentDictionary<Type, IReadOnlyDictionary<string, PropertyInfo>> ColumnsOf = new();

    /// <summary>The method by which PowerShell itself checks an argument; every validation attribute has it, but it is not public.</summary>
    private static readonly MethodInfo Validation =
        typeof(ValidateArgumentsAttribute).GetMethod("Validate", BindingFlags.Instance | BindingFlags.NonPublic)!;

    private readonly HashSet<string> _cells = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unknown = new(StringComparer.OrdinalIgnoreCase);
    private bool _isStale;

    /// <summary>Whether a parameter was given, on the command line or by the row that is looked at.</summary>
    private protected bool IsGiven(string parameter) =>
        MyInvocation.BoundParameters.ContainsKey(parameter) || _cells.Contains(parameter);

    /// <summary>The first parameter that was given of those that are marked with a purpose; null where none was.</summary>
    private protected string? FirstGiven<TPurpose>()
        where TPurpose : Attribute =>
        ParameterPurpose.Of<TPurpose>(GetType()).FirstOrDefault(IsGiven);

    /// <summary>Makes of the parameters what the work needs, and checks it. Called once at the beginning, and again for each row with options of its own.</summary>
    private protected virtual void Prepare()
    {
    }

    /// <summary>Prepares again by the command line alone, where the last row had options of its own. Called before the next input that has none.</summary>
    private protected void PrepareAgain()
    {
        if (_isStale)
        {
            _isStale = false;
            Prepare();
        }
    }

    /// <summary>Does something with the parameters as a row says them; afterwards they are as they were.</summary>
    /// <exception cref="CommandException">A cell cannot be what its column needs.</exception>
    private protected void WithCells(InputRow row, Action action)
    {
        List<(PropertyInfo Property, object? Before)> changed = [];
        try
        {
            if (row.OwnType is null)
            {
                SetCells(row, changed);
            }

            if (changed.Count > 0)
            {
                _isStale = true;
                Prepare();
            }
            else
            {
                PrepareAgain();
            }

            action();
        }
        finally
        {
            _cells.Clear();
            foreach ((PropertyInfo property, object? before) in changed)
            {
                property.SetValue(this, before);
            }
        }
    }

    /// <summary>
    /// Does something for what one object of the pipeline names, with the parameters as it says them: a text is a name, a row has it in
    /// one of some columns.
    /// </summary>
    /// <param name="input">The object.</param>
    /// <param name="columns">The columns that may have the name, the first one first.</param>
    /// <param name="otherwise">The name of what has none; null where that is refused.</param>
    /// <param name="action">What to do.</param>
    private protected void ForNamed(PSObject input, string[] columns, string? otherwise, Action<string> action)
    {
        foreach (PSObject one in InputRow.Each(input))
        {
            if (one.BaseObject is string text)
            {
                ForEachInput(text, () =>
                {
                    PrepareAgain();
                    action(text);
                });
                continue;
            }

            InputRow row = new(one);
            string? name = columns.Select(row.TextOf).FirstOrDefault(cell => cell is not null) ?? otherwise;
            ForEachInput(name ?? row.Label, () => WithCells(row, () => action(name ?? row.RequireName())));
        }
    }

    private void SetCells(InputRow row, List<(PropertyInfo Property, object? Before)> changed)
    {
        IReadOnlyDictionary<string, PropertyInfo> columns = ColumnsOf.GetOrAdd(GetType(), FindColumns);
        foreach ((string name, object? value) in row.Cells)
        {
            if (Subjects.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                continue;
            }

            if (!columns.TryGetValue(name, out PropertyInfo? column))
            {
                WarnOfUnknown(row, name, columns);
            }
            else if (!InputRow.IsEmpty(value) && !MyInvocation.BoundParameters.ContainsKey(column.Name))
            {
                object? cell = Convert(row, column, value!);
                changed.Add((column, column.GetValue(this)));
                column.SetValue(this, cell);
                _cells.Add(column.Name);
            }
        }
    }

    /// <summary>Warns once of a column that no parameter takes. Objects of other modules have many such properties: of those it is silent.</summary>
    private void WarnOfUnknown(InputRow row, string name, IReadOnlyDictionary<string, PropertyInfo> columns)
    {
        if (row.IsWritten && _unknown.Add(name))
        {
            WriteWarning(Text.Format(
                SR.WarningColumn,
                name,
                MyInvocation.MyCommand.Name,
                string.Join(", ", columns.Values.Select(column => column.Name).Distinct().Order(StringComparer.Ordinal))));
        }
    }

    /// <summary>Converts and checks a cell as PowerShell does it with an argument of the parameter.</summary>
    private static object? Convert(InputRow row, PropertyInfo column, object value)
    {
        try
        {
            object? converted = value is string text && column.PropertyType.IsArray
                ? text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                : value is string plain ? plain.Trim() : value;
            if (column.PropertyType == typeof(SwitchParameter) && (value as PSObject)?.BaseObject is not bool && value is not bool)
            {
                converted = bool.Parse(value.ToString()!.Trim());
            }

            foreach (ArgumentTransformationAttribute transformation in column.GetCustomAttributes<ArgumentTransformationAttribute>())
            {
                converted = transformation.Transform(null!, converted!);
            }

            converted = LanguagePrimitives.ConvertTo(converted, column.PropertyType, CultureInfo.InvariantCulture);
            foreach (ValidateArgumentsAttribute validation in column.GetCustomAttributes<ValidateArgumentsAttribute>())
            {
                Validation.Invoke(validation, [converted, null]);
            }

            return converted;
        }
        catch (Exception error) when (error is RuntimeException or FormatException or InvalidCastException or ArgumentException or TargetInvocationException)
        {
            throw new CommandException(
                nameof(SR.BadCell),
                ErrorCategory.InvalidData,
                Text.Format(SR.BadCell, row.Label, column.Name, value, (error as TargetInvocationException)?.InnerException?.Message ?? error.Message),
                Text.Format(SR.BadCellRemedy, column.Name),
                row.Label);
        }
    }

    private static Dictionary<string, PropertyInfo> FindColumns(Type cmdlet)
    {
        Dictionary<string, PropertyInfo> columns = new(StringComparer.OrdinalIgnoreCase);
        foreach (PropertyInfo property in cmdlet.GetProperties().Where(property => property.IsDefined(typeof(ColumnAttribute), true)))
        {
            columns[property.Name] = property;
            foreach (string alias in property.GetCustomAttribute<AliasAttribute>()?.AliasNames ?? [])
            {
                columns[alias] = property;
            }
        }

        return columns;
    }
}
