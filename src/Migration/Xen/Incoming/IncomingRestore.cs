using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>The waiting xl restore with the stream to it: the second stage.</summary>
internal sealed class IncomingRestore(XlRestoreProcess process, SynthesisedRestore stream) : IDisposable
{
    /// <summary>Sends what the checkpoint left, and waits until the domain is complete.</summary>
    /// <exception cref="MigrationException">The state is malformed, or xl refused it; its own words are in the message.</exception>
    internal void Complete(XenCoreSections sections, CancellationToken cancellationToken)
    {
        try
        {
            XenTsc tsc = sections.Tsc;
            EmulatorState? emulator = sections.Emulator;
            stream.Complete(
                new X86TscInfoRecord(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation),
                sections.HvmContext,
                emulator is { Store.IsEmpty: false }
                    ? new EmulatorXenstoreDataRecord(EmulatorKind.QemuUpstream, 0, emulator.Store)
                    : null,
                emulator is not null ? new EmulatorContextRecord(EmulatorKind.QemuUpstream, 0, emulator.Context) : null);
        }
        catch (IOException error)
        {
            throw process.Failure(error);
        }
        catch (XenStreamException error)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation, $"The peer's HVM context is malformed: {error.Message}",
                "Install the same version of the module on both hosts.", null, error);
        }

        process.Finish(cancellationToken);
    }

    /// <summary>Breaks the stream off where it was not completed: xl then takes the domain down.</summary>
    public void Dispose() => process.Dispose();
}
