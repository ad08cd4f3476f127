using System.Globalization;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <content>
/// In which order pages go. The guest's page tables are read when it runs at the destination and recorded pages are on their way already: the
/// memory here stands still then, and neither the downtime nor the push waits for it.
/// </content>
internal sealed partial class SourceMigration
{
    /// <summary>The core state that was sent, whose vCPUs say where the page tables begin; null once they have been read, and of a migration that was
    /// taken over.</summary>
    private CoreState? _core;

    /// <summary>The guest's address spaces; null before they have been read, and where they cannot be.</summary>
    private AddressSpaces? _spaces;

    private PageOrderOptions OrderOptions => PageOrderOptions.Default with
    {
        Bandwidth = Limits.Now.BandwidthLimit ?? PageOrderOptions.Default.Bandwidth,
    };

    /// <summary>Ascending page frame numbers were asked for, and nothing else.</summary>
    private bool IsSequential => Options.Order?.Contains(PageOrderStrategy.Sequential) == true;

    /// <summary>Pushes the rest in order beside the demand faults, and waits until every page has been placed.</summary>
    public void PushRest(PageOrder? order)
    {
        if (order is null || _attempt!.Sent is not SentPageTable sent)
        {
            _attempt!.CompletePush(null);
            NoteThatItRan();
            AwaitAllThere();
            return;
        }

        using RefinedOrder refined = new(new LivePageOrder(order, sent.Unclaimed, OrderOptions), token => Refine(sent, token));
        _attempt.CompletePush(refined);
        NoteThatItRan();
        AwaitAllThere();
        refined.Wait();
        Options.Trace?.Report(MigrationTrace.Step(_spaces is null
            ? "the order knows nothing of address spaces"
            : string.Create(CultureInfo.InvariantCulture, $"page tables read, {_spaces.Count} address spaces, {_spaces.TableCount} tables{(_spaces.IsComplete ? "" : ", not all")}")));
    }

    /// <summary>The order in which the pages outside the core state go.</summary>
    public PageOrder Order()
    {
        PageBitmap remaining = _attempt!.Sent?.GetUnclaimed() ?? Left.Clone();
        if (_rounds is not null && !IsSequential)
        {
            return _rounds.Order(remaining, OrderOptions, _spaces);
        }

        return Options.Order is null && Options.Method != MigrationMethod.PreRecord || Recorded is null
            ? PageOrder.OfRest(remaining, IsSequential ? null : _spaces)
            : PageOrder.Build(
                remaining, Recorded.Trajectory, Options.Order ?? [PageOrderStrategy.RecordedFirst], OrderOptions, Recorded.Options.Mode, _spaces);
    }

    /// <summary>Reads the guest's address spaces, and makes the order that knows them. Whatever fails, the order that is followed already does.</summary>
    private LivePageOrder? Refine(SentPageTable sent, CancellationToken cancellationToken)
    {
        if (_core is not CoreState core || IsSequential)
        {
            return null;
        }

        try
        {
            // The tables of a PV domain hold machine frames; the core state has all of them with page frame numbers instead.
            IGuestMemory? memory = Domain.Info.Kind == DomainKind.PV ? null : Memory;
            _spaces = AddressSpaceReader.Read(core, memory, _populated, RootCandidates(), cancellationToken);
            _core = null;
            return _spaces.Count == 0 ? null : new LivePageOrder(Order(), sent.Unclaimed, OrderOptions);
        }
#pragma warning disable CA1031 // The guest's tables may hold anything, and the domain runs at the destination: a better order is not worth a failure.
        catch
#pragma warning restore CA1031
        {
            return null;
        }
    }

    /// <summary>Where to look for roots of address spaces: the processor reads one before anything else, so that those in use are recorded.</summary>
    private ReadOnlySpan<int> RootCandidates()
    {
        if (Recorded is null)
        {
            return [];
        }

        PageOrder recorded = PageOrder.Build(
            _populated, Recorded.Trajectory, [PageOrderStrategy.RecordedFirst], OrderOptions, RecordingMode.Observe);
        return recorded.Known[..recorded.RecordedCount];
    }
}
