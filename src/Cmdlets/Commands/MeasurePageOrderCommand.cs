using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Recording;
using PreRecordMigration.Replay;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Measure-PageOrder: replays recordings, and says how well each order of pages would have done.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "PageOrder", DefaultParameterSetName = PathSet)]
[OutputType(typeof(PageOrderMeasure))]
public sealed class MeasurePageOrderCommand : MigrationCmdlet
{
    private const string PreRecordSet = "PreRecord";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";
    private ReplayOptions _options = new();

    /// <summary>Recordings: what Start-PreRecord or Import-PreRecord returned.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = PreRecordSet)]
    [ValidateNotNullOrEmpty]
    public PreRecord[] PreRecord { get; set; } = [];

    /// <summary>Files of recordings, with wildcards.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Files of recordings, their names taken as they stand.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The orders to show; all of them where it is not given.</summary>
    [Parameter]
    [Given]
    public ReplayOrder[] Order { get; set; } = Enum.GetValues<ReplayOrder>();

    /// <summary>The first epoch that counts as the future.</summary>
    [Parameter]
    public int? SplitEpoch { get; set; }

    /// <summary>The share of the epochs that count as recorded, where -SplitEpoch is not given.</summary>
    [Parameter]
    public double SplitFraction { get; set; } = new ReplayOptions().SplitFraction;

    /// <summary>From where the guest goes on: Observe from the split, Rollback from the recording's start.</summary>
    [Parameter]
    public RecordingMode Mode { get; set; } = new ReplayOptions().Mode;

    /// <summary>How fast pages travel, in bytes a second.</summary>
    [Parameter]
    [Size(IsRate = true)]
    public long Bandwidth { get; set; } = new ReplayOptions().Bandwidth;

    /// <summary>The time from a request to its answer.</summary>
    [Parameter]
    [Duration]
    public TimeSpan RoundTrip { get; set; } = new ReplayOptions().RoundTrip;

    /// <summary>How fast the guest runs, compared with its recording.</summary>
    [Parameter]
    public double GuestSpeed { get; set; } = new ReplayOptions().GuestSpeed;

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        _options = new ReplayOptions
        {
            SplitEpoch = SplitEpoch,
            SplitFraction = SplitFraction,
            Mode = Mode,
            Bandwidth = Bandwidth,
            RoundTrip = RoundTrip,
            GuestSpeed = GuestSpeed,
        };
        _options.Validate();
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == PreRecordSet)
        {
            foreach (PreRecord recorded in PreRecord)
            {
                ForEachInput(recorded.Name, () => Replay(RecordingRegistry.RequireRecorded(recorded)));
            }

            return;
        }

        bool isLiteral = ParameterSetName == LiteralPathSet;
        foreach (string path in isLiteral ? LiteralPath : Path)
        {
            ForEachInput(path, () =>
            {
                foreach (string file in FilePaths.Existing(this, path, isLiteral))
                {
                    ForEachInput(file, () => Replay(RunJoined((writer, token) => FileErrors.Of(
                        file, () => PreRecordFile.Read(file, PreRecordFile.DefaultEpoch, null, writer, token)))));
                }
            });
        }
    }

    private void Replay(PreRecord recorded)
    {
        TrajectoryDocument document = PreRecordDocument.Of(recorded);
        string name = recorded.ImportedFrom is { } file ? System.IO.Path.GetFileNameWithoutExtension(file) : recorded.Name;
        IReadOnlyList<ReplayResult> results = RunJoined((writer, token) =>
        {
            using WorkProgress progress = new(
                writer, Text.Format(SR.ProgressReplaying, name), orders => Text.Format(SR.ProgressOrders, orders));
            return PageOrderReplay.Measure(
                name,
                document.Trajectory,
                document.Populated,
                _options,
                done => progress.Report(done, Enum.GetValues<ReplayOrder>().Length),
                token);
        });
        WriteObject(results.Where(result => Order.Contains(result.Order)).Select(result => new PageOrderMeasure(result)), enumerateCollection: true);
    }
}
