using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Xen.Life;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <content>The domain, its tool, and what both have done so far.</content>
public sealed partial class OutputWindowTests
{
    [SuppressMessage("Design", "CA1001", Justification = "The fake source is what the code under test disposes, and frees nothing.")]
    private sealed class World
    {
        private readonly OutputLimits _limits;
        private readonly Kind _kind;
        private readonly FakeSource _source;
        private readonly FakeDomain _domain;
        private readonly List<string> _sent = [];
        private readonly SortedDictionary<long, int> _written = [];
        private readonly SortedDictionary<long, int> _atCheckpoint = [];
        private int _sentAtCheckpoint;
        private bool _isWindow;

        internal World(OutputLimits? limits = null, Kind kind = Kind.Mapped)
        {
            _limits = limits ?? s_limits;
            _kind = kind;
            _domain = Xen.Add("vm");
            if (kind == Kind.Layered)
            {
                Xen.Outputs.PutLayer(_domain.Uuid);
            }

            Xen.Add("other");
            _source = new FakeSource(Xen, _domain) { Emulator = kind == Kind.Emulated ? new FakeControlDomain.Emulator(Xen) : null };
            Xen.Write($"/libxl/1/device/vif/0/backend", "/local/domain/0/backend/vif/1/0");
            Xen.Write($"/local/domain/0/backend/vif/1/0/frontend", "/local/domain/1/device/vif/0");
            Xen.Write($"/local/domain/1/device/vif/0/state", "4");
            Xen.Write($"/local/domain/1/device/vif/0/tx-ring-ref", "9");
            Xen.Write($"/libxl/1/device/vbd/{Disk}/backend", $"/local/domain/0/backend/vbd/1/{Disk}");
            Xen.Write($"/local/domain/0/backend/vbd/1/{Disk}/params", "/dev/vg/lv");
            Xen.Write($"/local/domain/0/backend/vbd/1/{Disk}/mode", "w");
            Xen.Write($"/local/domain/0/backend/vbd/1/{Disk}/physical-device", "fe:0");
            if (kind == Kind.Emulated)
            {
                Xen.Outputs.PutEmulator();
            }

            if (kind == Kind.Image)
            {
                Xen.Outputs.PutImage();
                Xen.Write($"/libxl/1/device/vbd/{Disk}/backend", $"/local/domain/0/backend/qdisk/1/{Disk}");
                Xen.Write($"/local/domain/0/backend/qdisk/1/{Disk}/params", "aio:/srv/web.img");
                Xen.Write($"/local/domain/0/backend/qdisk/1/{Disk}/mode", "w");
                Xen.Write($"/local/domain/0/backend/qdisk/1/{Disk}/dev", "xvda");
            }

            Xen.Write($"/local/domain/1/device/vbd/{Disk}/state", "4");
            Xen.Write($"/local/domain/1/device/vbd/{Disk}/ring-ref", "8");
        }

        internal FakeXen Xen { get; } = new();

        internal SourceCustody Custody { get; private set; } = null!;

        internal string Uuid => _domain.Uuid;

        internal bool HasLeft => !Xen.Domains.Contains(_domain);

        /// <summary>Until the window goes on.</summary>
        internal void Open()
        {
            Custody = new SourceCustody(_source.Open());
            Guest("before", 1, 1);
            Xen.Outputs.Serve();
            Custody.PlugOutputs(_limits);
            Guest("still before", 2, 1);
            Custody.Suspend(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

            // Asked for before the checkpoint: whatever becomes of it here, the destination asks for it again.
            Xen.Outputs.Ask(3, 1);
            _written[3] = 1;
            Custody.HoldOutputs();
            Checkpoint();
            Custody.Continue();
        }

        /// <summary>As pre-copy, post-copy and Observe do it.</summary>
        internal void LeaveWithoutWindow()
        {
            Custody = new SourceCustody(_source.Open());
            Custody.Suspend(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
            Xen.Outputs.Ask(1, 1);
            Xen.Outputs.Ask(2, 1);
            Custody.Departure = new Departure("there", new Continuation(Guid.NewGuid(), null, MigrationMethod.PreCopy, RecordingMode.Observe));
            Custody.Leave();
            Custody.Destroy(GivenUp.ByTheAdministrator);
            Custody.Dispose();
        }

        internal bool Runs => _domain.Runs;

        internal void TakeBack() => new SourceCustody(_source.Open(isReleased: true)).Dispose();

        internal void Act(End end)
        {
            Open();
            _isWindow = true;
            Guest("in the window", 1, 2);
            Guest("later in the window", 5, 2);
            Xen.Outputs.Serve();
            if (end == End.InWindow)
            {
                Custody.Dispose();
                return;
            }

            Guest("last", 6, 2);
            Custody.Pause();
            if (end == End.AfterWindow)
            {
                Custody.Dispose();
                return;
            }

            Leave();
            if (end == End.Left)
            {
                Custody.Destroy(GivenUp.ByTheAdministrator);
                Custody.Dispose();
            }
            else
            {
                Xen.Mend();
                GoOn(end);
            }
        }

        internal void ActUntilItHasLeft()
        {
            Open();
            Guest("in the window", 1, 2);
            Guest("later in the window", 5, 2);
            Custody.Pause();
            Leave();
        }

        private void Leave()
        {
            Custody.Departure = new Departure("there", new Continuation(Guid.NewGuid(), null, MigrationMethod.PreRecord, RecordingMode.Rollback));
            Custody.Leave();
            if (Xen.Outputs.LiveTable == FakeControlDomain.DiskTable)
            {
                // The destination may run from here on, on this very host, and writes to the same disk: nothing of ours comes over that.
                Assert.Equal(_atCheckpoint, Xen.Outputs.Blocks);
                if (_kind != Kind.Image)
                {
                    Assert.All(_written.Keys, block => Assert.Equal(_atCheckpoint.GetValueOrDefault(block), Xen.Outputs.Read(block)));
                }
            }
        }

        /// <summary>What comes after a failure: the tool ends, and the next one does what is left to do.</summary>
        internal void Settle(End end)
        {
            _ = Record.Exception(() => Custody?.Dispose());
            Xen.Mend();
            if (Xen.Notes.Any(note => note.Contains("=Leaving", StringComparison.Ordinal)))
            {
                GoOn(end);
            }
            else if (Xen.Domains.Contains(_domain))
            {
                // Opening it says that it has left, where it has, and destroys what is left.
                _ = Record.Exception(() => new SourceCustody(_source.Open()).Dispose());
            }

            OpenOther();
        }

        internal void Check(string about = "")
        {
            Assert.True(Xen.Outputs.Ours.Count == 0, $"{about}: {string.Join(", ", Xen.Outputs.Ours)}");

            // A request to suspend whose outcome is open has a thread that settles it (DomainSuspensionTests).
            Assert.DoesNotContain(Xen.Notes, note => !note.StartsWith("/prerecord/suspend/", StringComparison.Ordinal));
            Assert.Equal(FakeControlDomain.DiskTable, Xen.Outputs.LiveTable);
            if (HasLeft)
            {
                Assert.Equal(_sent.Take(_sentAtCheckpoint), Xen.Outputs.Wire);
                Assert.Equal(_atCheckpoint.Where(block => block.Key != 3), Xen.Outputs.Blocks.Where(block => block.Key != 3));
                return;
            }

            Assert.True(_domain.Runs, about);
            Guest("afterwards", 7, 3);
            Xen.Outputs.Serve();
            Assert.True(_sent.SequenceEqual(Xen.Outputs.Wire), $"{about}: {string.Join(", ", Xen.Outputs.Wire)}");
            Assert.All(_written, block => Assert.Equal(block.Value, Xen.Outputs.Read(block.Key)));
            Xen.Outputs.WriteOut();
            Assert.True(_written.SequenceEqual(Xen.Outputs.Blocks), $"{about}: {string.Join(", ", Xen.Outputs.Blocks)}");
        }

        private void GoOn(End end)
        {
            switch (end)
            {
                case End.TakenBack:
                    TakeBack();
                    break;
                case End.DestroyedByHand:
                    Xen.Remove(_domain);
                    OpenOther();
                    break;
                default:
                    SourceCustody next = new(_source.OpenLeaving());
                    next.Destroy(GivenUp.ByTheAdministrator);
                    next.Dispose();
                    break;
            }
        }

        /// <summary>Somebody destroys the domain by hand when its tool is dead, and looks at another one, for which a call may fail for good.</summary>
        internal void Destroy(string? failing = null)
        {
            Xen.Mend();
            Xen.Remove(_domain);
            Xen.FailAlways(failing ?? "");
            _ = Record.Exception(OpenOther);
        }

        /// <summary>All that the guest wrote is on its disk, and nothing of ours is left.</summary>
        internal void CheckDisk()
        {
            Assert.Empty(Xen.Outputs.Ours);
            Assert.Equal(_written, Xen.Outputs.Blocks);
        }

        /// <summary>What the guest wrote until the checkpoint is on its disk, what it sent until then has left, and nothing of ours is left.</summary>
        internal void CheckCheckpoint()
        {
            Assert.Empty(Xen.Outputs.Ours);
            Assert.Equal(_atCheckpoint, Xen.Outputs.Blocks);
            Assert.Equal(_sent.Take(_sentAtCheckpoint), Xen.Outputs.Wire);
        }

        internal void OpenOther()
        {
            FakeSource other = new(Xen, Xen.Domains.Single(domain => domain.DomId == 2));
            new SourceCustody(new SourceOpening(Xen.Connect(), (_, _) => other, Xen.Connect, Xen.Layers).Open("other")).Dispose();
        }

        /// <summary>The guest writes.</summary>
        internal void Ask(long block, int content)
        {
            Xen.Outputs.Ask(block, content);
            _written[block] = content;
        }

        /// <summary>The guest sends.</summary>
        internal void Send(string packet)
        {
            Xen.Outputs.Send(packet);
            _sent.Add(packet);
        }

        /// <summary>What the guest does, where it runs.</summary>
        private void Guest(string packet, long block, int content)
        {
            if (_domain.Runs)
            {
                Send(packet);
                Ask(block, content);
            }
        }

        private void Checkpoint()
        {
            Assert.False(_isWindow);
            _sentAtCheckpoint = _sent.Count;
            foreach ((long block, int content) in _written)
            {
                _atCheckpoint[block] = content;
            }
        }
    }
}
