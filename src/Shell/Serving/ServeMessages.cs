using System.Text.Json;
using System.Text.Json.Serialization;

namespace PreRecordMigration.Shell.Serving;

/// <summary>A line of the client: a command to run, or the id of one to cancel. Exactly one of the four is given.</summary>
internal sealed record ServeRequest
{
    /// <summary>Chosen by the client and repeated in the answer.</summary>
    public long? Id { get; init; }

    /// <summary>Script text to run.</summary>
    public string? Command { get; init; }

    /// <summary>Script file to run.</summary>
    public string? File { get; init; }

    /// <summary>Arguments of the script file.</summary>
    public IReadOnlyList<string>? Arguments { get; init; }

    /// <summary>Test files or directories to run.</summary>
    public IReadOnlyList<string>? Pester { get; init; }

    /// <summary>Where test results are written, or null.</summary>
    public string? ResultFile { get; init; }

    /// <summary>Id of the command to stop.</summary>
    public long? Cancel { get; init; }

    /// <summary>Reads a line.</summary>
    /// <exception cref="FormatException">The line is no request. The message is for the client.</exception>
    public static ServeRequest Parse(string line)
    {
        ServeRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(line, ServeJson.Default.ServeRequest);
        }
        catch (JsonException error)
        {
            throw new FormatException($"The line is not a JSON request: {error.Message}", error);
        }

        object?[] kinds = [request?.Command, request?.File, request?.Pester, request?.Cancel];
        if (request is null || kinds.Count(kind => kind is not null) != 1)
        {
            throw new FormatException("Give exactly one of command, file, pester and cancel.");
        }

        return request.Id is null && request.Cancel is null ? throw new FormatException("The id is missing.") : request;
    }
}

/// <summary>The answer to a command.</summary>
internal sealed record ServeResponse(long Id, int ExitCode, string Stdout, string Stderr)
{
    /// <summary>True when the command was stopped or taken out of the queue; else absent.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Cancelled { get; init; }
}

/// <summary>The first line of the shell.</summary>
internal sealed record ServeReady(bool Ready, int ProcessId);

/// <summary>The answer to a line that could not be understood or obeyed.</summary>
internal sealed record ServeError(long? Id, string Error);

/// <summary>Serialisation prepared at compile time, which starts faster.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ServeRequest))]
[JsonSerializable(typeof(ServeResponse))]
[JsonSerializable(typeof(ServeReady))]
[JsonSerializable(typeof(ServeError))]
internal sealed partial class ServeJson : JsonSerializerContext;
