using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Operations;

/// <summary>
/// The metrics of this process as a file that a collector of the host picks up, such as node_exporter's textfile collector. A process that holds halves of domains opens
/// no port for that: nobody can ask it anything, and nothing of it waits for a reader. The file is written whole, time and again, and is gone when the process ends in
/// order, so that nobody takes old figures for new ones; its time tells where the process was killed.
/// </summary>
public sealed class MetricsFile : IDisposable
{
    /// <summary>How often it is written.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(5);

    private readonly PrometheusText _metrics;
    private readonly string _path;
    private readonly Action<string> _say;
    private readonly CancellationTokenSource _ending = new();
    private readonly Thread _writing;
    private Type? _said;

    private MetricsFile(string path, Action<string> say, PrometheusText metrics, Func<CancellationToken, bool> next)
    {
        (_path, _say, _metrics) = (path, say, metrics);
        _writing = new Thread(() =>
        {
            do
            {
                TryWrite();
            }
            while (next(_ending.Token));
        })
        {
            IsBackground = true,
            Name = "metrics file",
        };
    }

    /// <summary>Writes the file now, and every <see cref="Period"/>, until it is disposed.</summary>
    /// <param name="path">A full path, in a folder in which only this user may write.</param>
    /// <exception cref="OperationException">There is something that is no regular file.</exception>
    /// <exception cref="MigrationException">Somebody else has laid a link there.</exception>
    public static MetricsFile Start(string path) => Start(path, LastWords.Say, new PrometheusText(), ending => !ending.WaitHandle.WaitOne(Period));

    /// <summary>As the public one.</summary>
    /// <param name="path">A full path.</param>
    /// <param name="say">Says what fails, once until something else does.</param>
    /// <param name="metrics">What is written.</param>
    /// <param name="next">Waits for the next time; false at the end.</param>
    internal static MetricsFile Start(string path, Action<string> say, PrometheusText metrics, Func<CancellationToken, bool> next)
    {
        WritableFile.At(path, mayReplace: true);
        MetricsFile file = new(path, say, metrics, next);
        file._writing.Start();
        return file;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ending.Cancel();

        // A disk that hangs keeps no service from ending.
        if (_writing.Join(s_stopLimit))
        {
            _metrics.Dispose();
            _ending.Dispose();
            try
            {
                if (File.Exists(_path))
                {
                    File.Delete(_path);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                Say(error);
            }
        }
    }

    /// <summary>Writes it, or says why that cannot be: no domain depends on it.</summary>
    private void TryWrite()
    {
        try
        {
            byte[] text = Encoding.UTF8.GetBytes(_metrics.Write());
            WritableFile.At(_path, mayReplace: true).Write(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, stream => stream.Write(text));
            _said = null;
        }
#pragma warning disable CA1031 // Whatever fails of it, the process goes on with its domains.
        catch (Exception error)
#pragma warning restore CA1031
        {
            Say(error);
        }
    }

    private void Say(Exception error)
    {
        // Not by its words: those name a new partial file each time.
        if (_said != error.GetType())
        {
            _said = error.GetType();
            _say($"The metrics cannot be written to '{_path}': {error.Message}");
        }
    }
}
