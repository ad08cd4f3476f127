using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// Gives one reason for all failures that follow from a domain's end. A domain may go at any time, because its guest shuts down or reboots
/// or somebody destroys it, and then every call fails in a way of its own. Whatever is asked of a domain that leaves or comes in is asked
/// through here.
/// </summary>
/// <param name="domain">The domain.</param>
internal sealed class LiveDomain(KnownDomain domain)
{
    /// <summary>Asks something of the domain.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainChanged"/>: it is gone; the inner exception is the error in
    /// which that showed.</exception>
    internal T Ask<T>(Func<T> question)
    {
        try
        {
            return question();
        }
        catch (MigrationException error) when (IsGone(error))
        {
            throw Gone(error);
        }
    }

    /// <summary>The domain's memory.</summary>
    internal IGuestMemory Of(IGuestMemory memory) => new LiveMemory(this, memory);

    /// <summary>A recording of the domain.</summary>
    internal IAccessRecorder Of(IAccessRecorder recorder) => new LiveRecorder(this, recorder);

    /// <summary>A log of what the domain writes.</summary>
    internal IDirtyTracker Of(IDirtyTracker tracker) => new LiveTracker(this, tracker);

    /// <summary>RemotePF of the domain.</summary>
    internal IRemotePaging Of(IRemotePaging paging) => new LivePaging(this, paging);

    /// <summary>Takes something away from the domain. Where the domain is gone, that is no error: what was to be taken away went with
    /// it.</summary>
    internal void Remove(Action removal)
    {
        try
        {
            removal();
        }
        catch (MigrationException error) when (IsGone(error))
        {
            // The domain is gone, and its traps with it.
        }
    }

    private bool IsGone(MigrationException error) => error.ErrorId != MigrationErrorId.DomainChanged && domain.Find() is null;

    private MigrationException Gone(MigrationException error) => domain.Gone(error);

    private void Ask(Action action) => Ask(() =>
    {
        action();
        return true;
    });

    private sealed class LiveMemory(LiveDomain live, IGuestMemory memory) : IGuestMemory
    {
        public int PageCount => memory.PageCount;

        public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
        {
            try
            {
                memory.Read(pfns, pages);
            }
            catch (MigrationException error) when (live.IsGone(error))
            {
                throw live.Gone(error);
            }
        }

        public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
        {
            try
            {
                memory.Write(pfns, pages);
            }
            catch (MigrationException error) when (live.IsGone(error))
            {
                throw live.Gone(error);
            }
        }
    }

    private sealed class LiveRecorder(LiveDomain live, IAccessRecorder recorder) : IAccessRecorder
    {
        public bool IsEpochOrdered => recorder.IsEpochOrdered;

        public PageBitmap UntrackedPages => live.Ask(() => recorder.UntrackedPages);

        public void BeginEpoch() => live.Ask(recorder.BeginEpoch);

        public int Drain(Span<AccessRecord> records)
        {
            try
            {
                return recorder.Drain(records);
            }
            catch (MigrationException error) when (live.IsGone(error))
            {
                throw live.Gone(error);
            }
        }

        public void Dispose() => live.Remove(recorder.Dispose);
    }

    private sealed class LiveTracker(LiveDomain live, IDirtyTracker tracker) : IDirtyTracker
    {
        public void Collect(PageBitmap dirty) => live.Ask(() => tracker.Collect(dirty));

        public void Dispose() => live.Remove(tracker.Dispose);
    }

    private sealed class LivePaging(LiveDomain live, IRemotePaging paging) : IRemotePaging
    {
        public PageBitmap Missing => paging.Missing;

        public void TakeAway(PageBitmap pages) => live.Ask(() => paging.TakeAway(pages));

        public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
        {
            try
            {
                return paging.WaitFault(faults, timeout, cancellationToken);
            }
            catch (MigrationException error) when (live.IsGone(error))
            {
                throw live.Gone(error);
            }
        }

        public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
        {
            try
            {
                paging.Place(pfns, pages);
            }
            catch (MigrationException error) when (live.IsGone(error))
            {
                throw live.Gone(error);
            }
        }

        public void Disable() => live.Ask(paging.Disable);

        public void Dispose() => live.Remove(paging.Dispose);
    }
}
