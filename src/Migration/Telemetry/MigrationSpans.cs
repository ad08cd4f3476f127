using System.Diagnostics;
using System.Reflection;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Telemetry;

/// <summary>
/// Traces of moves, by the platform's <see cref="ActivitySource"/>: a span for each attempt of a migration at its source, and in it one for each phase. They have what
/// an administrator knows of the domain (its name, the hosts, the method), and nothing of what is in it. Where nobody listens, there are none.
/// </summary>
public static class MigrationSpans
{
    /// <summary>The engine's version.</summary>
    internal static string Version { get; } =
        typeof(MigrationSpans).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static readonly AsyncLocal<bool> s_isHidden = new();

    private static readonly ActivitySource s_source = new(MigrationMetrics.Name, Version);

    /// <summary>Whether what goes on in this thread, and in those that it has begun, is neither traced nor measured: a rehearsal.</summary>
    internal static bool IsHidden
    {
        get => s_isHidden.Value;
        set => s_isHidden.Value = value;
    }

    /// <summary>Begins the span of an attempt.</summary>
    /// <param name="name">The domain.</param>
    /// <param name="source">The host that it leaves.</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="method">How memory travels.</param>
    /// <param name="attempt">Which attempt, from 1.</param>
    /// <returns>The span; null where nobody listens.</returns>
    internal static TracedSpan? Begin(string name, string source, string destination, MigrationMethod method, int attempt) => Begin(
        "prerecord.migrate",
        ("prerecord.domain.name", name),
        ("prerecord.source", source),
        ("prerecord.destination", destination),
        ("prerecord.method", method.ToString()),
        ("prerecord.attempt", attempt));

    /// <summary>Begins the span of a phase.</summary>
    /// <param name="phase">The phase.</param>
    /// <returns>The span; null where nobody listens.</returns>
    internal static TracedSpan? Begin(MigrationPhase phase) =>
        s_source.HasListeners() && !IsHidden ? Begin($"prerecord.migrate.{phase.ToString().ToLowerInvariant()}") : null;

    private static TracedSpan? Begin(string name, params ReadOnlySpan<(string Name, object Value)> tags)
    {
        if (!s_source.HasListeners())
        {
            return null;
        }

        Activity? span = null;
        Listeners.Tell(() => span = s_source.StartActivity(name));
        foreach ((string tag, object value) in tags)
        {
            span?.SetTag(tag, value);
        }

        return span is null ? null : new TracedSpan(span);
    }
}

/// <summary>A span under way. It ends with its disposal, whatever its listeners do.</summary>
internal sealed class TracedSpan(Activity activity) : IDisposable
{
    /// <summary>Says what went wrong.</summary>
    /// <param name="error">The id of the error.</param>
    public void Fail(string error) => activity.SetStatus(ActivityStatusCode.Error).SetTag("error.type", error);

    /// <inheritdoc/>
    public void Dispose() => Listeners.Tell(activity.Dispose);
}

/// <summary>Whoever listens to metrics and traces. It is code of others, and runs while a domain stands still.</summary>
internal static class Listeners
{
    /// <summary>Tells them. What fails of it is theirs, and nobody here may end by it.</summary>
    public static void Tell(Action tell)
    {
        try
        {
            tell();
        }
#pragma warning disable CA1031 // Whatever a listener throws, the migration goes on.
        catch (Exception)
#pragma warning restore CA1031
        {
            return;
        }
    }
}
