using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Custody;

/// <summary>A state, an action or an event as text: its type, and of its properties what a session can tell apart. Errors, words and
/// reports are carried through it, and make no difference.</summary>
internal static class StateText
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> s_properties = new();

    public static void Append(StringBuilder text, object? value)
    {
        switch (value)
        {
            case null:
                text.Append('-');
                return;
            case bool flag:
                text.Append(flag ? '1' : '0');
                return;
            case string separator:
                text.Append(separator);
                return;
        }

        Type type = value.GetType();
        text.Append(type.Name);
        foreach (PropertyInfo property in s_properties.GetOrAdd(type, Telling))
        {
            text.Append(',');
            Append(text, property.GetValue(value));
        }

        text.Append(';');
    }

    private static PropertyInfo[] Telling(Type type) => [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
        .Where(property => property.PropertyType == typeof(bool) || property.PropertyType == typeof(DestinationEvent)
            || property.PropertyType == typeof(ControlRecord))];
}
