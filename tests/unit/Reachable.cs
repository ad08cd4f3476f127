#nullable enable
namespace PreRecordMigration.Tests;

/// <summary>
/// Follows every reference from an object, as the garbage collector does, and says by which path it reaches something. The
/// acceptance tests compile this file too, so that it needs nothing but itself.
/// </summary>
public static class Reachable
{
    private const System.Reflection.BindingFlags Instance = System.Reflection.BindingFlags.Instance
        | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.DeclaredOnly;

    /// <summary>The shortest path to the first object that is meant; null where none is reached.</summary>
    public static string? PathTo(object root, System.Func<object, bool> isMeant)
    {
        System.Collections.Generic.HashSet<object> known = new(System.Collections.Generic.ReferenceEqualityComparer.Instance) { root };
        System.Collections.Generic.Queue<(object Item, string Path)> open = new();
        open.Enqueue((root, root.GetType().Name));
        while (open.TryDequeue(out (object Item, string Path) next))
        {
            if (isMeant(next.Item))
            {
                return next.Path;
            }

            foreach ((object item, string name) in References(next.Item))
            {
                if (known.Add(item))
                {
                    open.Enqueue((item, $"{next.Path} > {name}: {item.GetType().Name}"));
                }
            }
        }

        return null;
    }

    /// <summary>The shortest path to an object of one of some types, by name, or to a byte array of at least a page.</summary>
    public static string? PathToTypes(object root, string[] typeNames) => PathTo(root, item =>
        item is byte[] { Length: >= 4096 } || System.Array.IndexOf(typeNames, item.GetType().Name) >= 0);

    private static System.Collections.Generic.IEnumerable<(object Item, string Name)> References(object item)
    {
        if (item is System.Array array)
        {
            if (!IsPlain(item.GetType().GetElementType()!))
            {
                foreach (object? element in array)
                {
                    if (element is not null && !IsBoundary(element))
                    {
                        yield return (element, "[]");
                    }
                }
            }

            yield break;
        }

        for (System.Type? type = item.GetType(); type is not null; type = type.BaseType)
        {
            foreach (System.Reflection.FieldInfo field in type.GetFields(Instance))
            {
                if (!IsPlain(field.FieldType) && field.GetValue(item) is { } value && !IsBoundary(value))
                {
                    yield return (value, field.Name);
                }
            }
        }
    }

    /// <summary>Whether objects of a type hold no reference.</summary>
    private static bool IsPlain(System.Type type) =>
        type.IsPrimitive || type.IsEnum || type.IsPointer || type.IsByRefLike || type.IsByRef || type == typeof(string);

    /// <summary>Whether an object belongs to the runtime or to the caller, and not to what is looked at.</summary>
    private static bool IsBoundary(object item) => item is string or System.Type or System.Reflection.MemberInfo or System.Reflection.Assembly
        or System.Reflection.Module or System.Threading.Thread or System.Threading.ExecutionContext
        or System.Threading.SynchronizationContext or System.Threading.Tasks.TaskScheduler or System.WeakReference;
}
