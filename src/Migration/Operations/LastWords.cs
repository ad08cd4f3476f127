using System.Runtime.InteropServices;
using System.Text;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>
/// Says something when the process ends: its runspaces, with their streams, have gone by then, and standard error is what is left.
/// </summary>
internal static partial class LastWords
{
    private const int StandardError = 2;

    /// <summary>How long whoever should read it may take: a pipe that nobody reads must not keep the process.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Says a line. Where nobody can hear it any more, nothing is said.</summary>
    public static void Say(string line)
    {
        if (OperatingSystem.IsWindows())
        {
            // There is no Xen: what ends there is simulated, and ends with the process in any case.
            return;
        }

        byte[] text = Encoding.UTF8.GetBytes(Text.Format(SR.ExitLine, line) + "\n");
        Thread writing = new(() => WriteAll(text)) { IsBackground = true };
        writing.Start();
        writing.Join(Patience);
    }

    private static void WriteAll(byte[] text)
    {
        for (int done = 0; done < text.Length;)
        {
            nint written = Write(StandardError, ref text[done], text.Length - done);
            if (written <= 0)
            {
                return;
            }

            done += (int)written;
        }
    }

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, ref byte first, nint count);
}
