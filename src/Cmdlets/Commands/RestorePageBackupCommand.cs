using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Restore-PageBackup: rolls a recorded domain back to its checkpoint, where it runs on: in place where the hypervisor can do
/// that, else in a fresh domain of the same host, which takes the name over when the other is destroyed.
/// </summary>
[Cmdlet(VerbsData.Restore, "PageBackup", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(DomainInfo))]
public sealed class RestorePageBackupCommand : RecordingInputCommand
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.Name, () => ForRecording(PreRecord, isMove: false, Restore));

    private void Restore()
    {
        LiveRecording recording = Workspace.OfProcess.Recordings.Require(PreRecord);
        recording.RequireCheckpoint();
        if (!recording.CanRollBackInPlace)
        {
            // The domain and the fresh one need memory side by side, until the fresh one has everything.
            Preflight.Room(recording.Location.Info, recording.Location.Host);
        }

        string action = recording.CanRollBackInPlace ? SR.ActionRollBack : SR.ActionRollBackFresh;
        if (!ShouldProcess(TargetText, Text.Format(action, PreRecord.BackedUpPages)))
        {
            return;
        }

        if (recording.CanRollBackInPlace)
        {
            RunJoined(
                (_, _) =>
                {
                    using PreRecordSession session = Workspace.OfProcess.Recordings.Take(PreRecord);
                    session.RollBack();
                    return true;
                },
                Text.Format(SR.StillRollingBack, PreRecord.Name, recording.Location.Host.Name));
            WriteDomain(recording.Location.Host);
        }
        else
        {
            MoveToCheckpoint(recording);
        }
    }

    /// <summary>
    /// Moves the checkpoint to the host that it is on. Every page goes before the commit, so that no moment depends on two
    /// halves; until then any failure, Ctrl+C included, leaves the domain running where it is, not rolled back.
    /// </summary>
    private void MoveToCheckpoint(LiveRecording recording)
    {
        IMigrationHost host = recording.Location.Host;
        PlannedMove move = new(
            recording.Location,
            Destination.OwnReceiverOf(host, Workspace.OfProcess),
            recording.Plan.Options with { RemotePF = false, Compression = PageCompression.Off, PeerTimeout = MigrationConfiguration.ReadPeerTimeout() },
            PreRecord);
        using MovePump pump = new(this, IsDebugWanted, job =>
        {
            if (job.Error is null)
            {
                WriteDomain(host);
            }
            else
            {
                MoveOutcome.Write(this, job);
            }
        });
        pump.Start(move);
        pump.PumpOrStop(0, StopToken);
    }

    private void WriteDomain(IMigrationHost host) =>
        WriteObject(DomainLocation.Find(PreRecord.Name, host).Info);
}
