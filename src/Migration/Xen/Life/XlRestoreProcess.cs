using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Processes;
using PreRecordMigration.Texts;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// A child <c>xl restore -p</c> that reads a stream from us. In this way Xen's own toolstack makes the domain, its XenStore nodes and its
/// monitor, as for every other restored domain.
/// </summary>
internal sealed class XlRestoreProcess : IRestoreProcess
{
    private const int OutputLimit = 8 * 1024;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>How long a child that is not wanted any more may take to end by itself, after which it is killed.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly string _subject;
    private bool _isDisposed;

    private XlRestoreProcess(Process process, string subject)
    {
        _process = process;
        _subject = subject;
        process.ErrorDataReceived += Keep;
        process.OutputDataReceived += Keep;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    /// <inheritdoc/>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <inheritdoc/>
    public bool HasExited => _process.HasExited;

    /// <summary>Starts the child.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.LibraryMissing"/>: there is no xl.</exception>
    internal static XlRestoreProcess Start(string subject)
    {
        // Whether the domain survives a Ctrl+C or a closed terminal is ours to decide, not xl's.
        ProcessStartInfo start = OwnSession.Of("/bin/sh", "-c", "trap '' INT HUP QUIT; exec xl restore -p /proc/self/fd/0");
        try
        {
            return new XlRestoreProcess(Process.Start(start)!, subject);
        }
        catch (Win32Exception error)
        {
            throw new MigrationException(
                MigrationErrorId.LibraryMissing, $"xl cannot be started: {error.Message}",
                XenVersion.ToolstackRemedy, "xl", error);
        }
    }

    /// <inheritdoc/>
    public void Finish(CancellationToken cancellationToken)
    {
        CloseInput();
        _process.WaitForExitAsync(cancellationToken).GetAwaiter().GetResult();
        if (_process.ExitCode != 0)
        {
            throw Failure(null);
        }
    }

    /// <inheritdoc/>
    public MigrationException Failure(Exception? cause)
    {
        CloseInput();
        if (!_process.WaitForExit(s_patience))
        {
            return new MigrationException(
                MigrationErrorId.HypervisorCall, $"{_subject}: xl restore does not go on.{Printed()}",
                "Look at /var/log/xen and `xl dmesg`.", _subject, cause);
        }

        string printed = Printed();
        if (_process.ExitCode == 127)
        {
            return new MigrationException(
                MigrationErrorId.LibraryMissing, $"{_subject}: xl was not found.{printed}",
                XenVersion.ToolstackRemedy, "xl", cause);
        }

        bool isMemory = printed.Contains("free memory", StringComparison.OrdinalIgnoreCase)
            || printed.Contains("Cannot allocate memory", StringComparison.OrdinalIgnoreCase)
            || printed.Contains("out of memory", StringComparison.OrdinalIgnoreCase);
        return new MigrationException(
            isMemory ? MigrationErrorId.OutOfMemory : MigrationErrorId.HypervisorCall,
            $"{_subject}: xl restore ended with exit code {_process.ExitCode}.{printed}",
            isMemory
                ? "Free memory on the host (xl info shows free_memory), or choose another."
                : "What xl printed says why; look also at /var/log/xen and `xl dmesg`.",
            _subject,
            cause);
    }

    /// <inheritdoc/>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception or AggregateException)
        {
            // The child has ended or is ending; whoever waits for it finds out which.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        // The stream breaks off, whereupon the child takes the domain down and ends; a child that does not end is killed.
        CloseInput();
        if (!_process.WaitForExit(s_farewell))
        {
            Kill();
            if (!_process.WaitForExit(s_farewell))
            {
                throw new MigrationException(
                    MigrationErrorId.HypervisorCall,
                    $"{_subject}: xl restore (process {_process.Id}) does not end, although it was killed.",
                    "Look at /var/log/xen and `xl dmesg`: a call to the hypervisor does not return.",
                    _subject);
            }
        }

        _isDisposed = true;
        _process.Dispose();
    }

    private void CloseInput()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // What was still buffered cannot be delivered: the child has ended, and its exit code says why.
        }
    }

    private void Keep(object sender, DataReceivedEventArgs e)
    {
        if (e.Data is { Length: > 0 } line)
        {
            lock (_output)
            {
                _output.AppendLine(line);
                if (_output.Length > OutputLimit)
                {
                    _output.Remove(0, _output.Length - OutputLimit);
                }
            }
        }
    }

    private string Printed()
    {
        lock (_output)
        {
            return _output.Length == 0 ? "" : $" It printed: {ForeignText.ShowLines(_output.ToString())}";
        }
    }
}
