using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Reads pages and sends them in one record, compressed where that is worth its time. One thread at a time; the counts may be read from any.
/// </summary>
public sealed class PageSender
{
    private readonly Connection _bulk;
    private readonly CompressionGain _gain;
    private readonly MigrationLimits _limits;
    private readonly PageBatch _batch = new(PagePusher.BatchPages);
    private long _plainBytes;
    private long _bytes;
    private long _zeroPages;

    /// <summary>Sends on a connection.</summary>
    /// <param name="bulk">The connection.</param>
    /// <param name="limits">Have the bandwidth limit, for which the caller waits.</param>
    /// <param name="compression">What is compressed.</param>
    /// <param name="capabilities">Those of the destination.</param>
    public PageSender(Connection bulk, MigrationLimits limits, PageCompression compression, ulong capabilities)
    {
        _bulk = bulk;
        _limits = limits;
        _gain = new CompressionGain(compression, (capabilities & Protocol.Compression) != 0);
    }

    /// <summary>Bytes of the records that were sent, before compression.</summary>
    public long PlainBytes => Interlocked.Read(ref _plainBytes);

    /// <summary>Bytes of the records that were sent, as they went.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Pages of zeros among those that were sent.</summary>
    public long ZeroPages => Interlocked.Read(ref _zeroPages);

    /// <summary>Reads pages and sends them.</summary>
    /// <param name="pfns">The pages, at most <see cref="PagePusher.BatchPages"/>.</param>
    /// <param name="memory">Where to read them.</param>
    /// <returns>Bytes of the record, before compression and as it went.</returns>
    /// <exception cref="Errors.MigrationException"><see cref="Errors.MigrationErrorId.ConnectionLost"/>, or the memory's own.</exception>
    public (int Plain, int Sent) Send(ReadOnlySpan<int> pfns, IGuestMemory memory)
    {
        ReadOnlyMemory<byte> plain = _batch.Read(RecordType.Pages, pfns, memory);
        ReadOnlyMemory<byte> record = plain;
        TimeSpan? compressing = null;
        long began = TimeProvider.System.GetTimestamp();
        if (_gain.ShouldTry)
        {
            if (_batch.TryShrink(out ReadOnlyMemory<byte> shrunk))
            {
                record = shrunk;
            }

            compressing = TimeProvider.System.GetElapsedTime(began);
            began = TimeProvider.System.GetTimestamp();
        }

        _bulk.Send(record);
        _gain.Sent(
            plain.Length, record.Length, compressing, TimeProvider.System.GetElapsedTime(began), _limits.Now.BandwidthLimit, SpareTime.OfThisMachine.Share);
        Interlocked.Add(ref _plainBytes, plain.Length);
        Interlocked.Add(ref _bytes, record.Length);
        Interlocked.Exchange(ref _zeroPages, _batch.ZeroPages);
        return (plain.Length, record.Length);
    }
}
