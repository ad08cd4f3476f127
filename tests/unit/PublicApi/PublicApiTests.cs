using System.Reflection;
using System.Text;
using PreRecordMigration.Options;

namespace PreRecordMigration.Tests.PublicApi;

/// <summary>The engine's public API is a snapshot in Engine.txt: a change of it is a change that others see.</summary>
public sealed class PublicApiTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [Fact]
    public void The_engine_has_the_public_API_of_the_snapshot()
    {
        string[] actual = [.. Describe(typeof(MigrationMethod).Assembly)];
        string folder = Path.Combine(AppContext.BaseDirectory, "PublicApi");
        string received = Path.Combine(folder, "Engine.received.txt");
        File.WriteAllLines(received, actual);
        string[] expected = File.ReadAllLines(Path.Combine(folder, "Engine.txt"));
        string[] changes = [.. actual.Except(expected).Select(line => "+ " + line), .. expected.Except(actual).Select(line => "- " + line)];
        Assert.True(
            changes.Length == 0,
            $"The public API has changed. Where that is meant, copy {received} over tests/unit/PublicApi/Engine.txt.\n{string.Join('\n', changes)}");
    }

    private static IEnumerable<string> Describe(Assembly assembly) => assembly.GetExportedTypes()
        .SelectMany(type => Members(type).Prepend($"{Kind(type)} {Name(type)}"))
        .Distinct()
        .Order(StringComparer.Ordinal);

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            return type.GetEnumNames().Select(name => $"{Name(type)}.{name} = {Convert.ToInt64(type.GetField(name)!.GetRawConstantValue(), null)}");
        }

        // What the compiler writes for a record follows from its properties.
        bool isRecord = type.GetMethod("<Clone>$") is not null || type.GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance) is not null;
        string[] written = ["Equals", "GetHashCode", "ToString", "<Clone>$", "op_Equality", "op_Inequality", "Deconstruct", "PrintMembers"];
        return
        [
            .. type.GetConstructors(Declared).Select(constructor => $"{Name(type)}({Parameters(constructor)})"),
            .. type.GetProperties(Declared).Select(property => $"{Name(type)}.{property.Name}: {Name(property.PropertyType)}"),
            .. type.GetFields(Declared).Select(field => $"{Name(type)}.{field.Name}: {Name(field.FieldType)}"),
            .. type.GetMethods(Declared)
                .Where(method => !(method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal)))
                .Where(method => !(isRecord && written.Contains(method.Name)))
                .Select(method => $"{Name(type)}.{method.Name}({Parameters(method)}): {Name(method.ReturnType)}"),
        ];
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : "class";

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(parameter => $"{Name(parameter.ParameterType)} {parameter.Name}"));

    private static string Name(Type type)
    {
        StringBuilder name = new(type.ToString());
        return name.Replace("PreRecordMigration.", "").Replace("System.Collections.Generic.", "").Replace("System.", "").Replace('+', '.').ToString();
    }
}
