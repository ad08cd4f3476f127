using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>
/// The mapping of one of the extension's tables. A table grows at its end, and what is mapped stays where it is. Not thread-safe: its
/// owner has a lock.
/// </summary>
internal sealed class MappedTable(XenExtension extension, XenExtensionTable table)
{
    private readonly List<XenExtensionMapping> _parts = [];

    /// <summary>Copies bytes that lie within one frame; maps what the table has grown by.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="offset">Bytes into it.</param>
    /// <param name="content">Receives them.</param>
    /// <param name="frames">How many frames the table has now at least.</param>
    internal void Read(long frame, int offset, Span<byte> content, long frames)
    {
        long mapped = _parts.Count == 0 ? 0 : _parts[^1].End;
        if (frame >= mapped)
        {
            _parts.Add(extension.Map(table, mapped, Math.Max(frames, frame + 1) - mapped));
        }

        Find(frame).Read(frame, offset, content);
    }

    /// <summary>Lets go of everything mapped.</summary>
    internal void Unmap()
    {
        foreach (XenExtensionMapping part in _parts)
        {
            part.Dispose();
        }

        _parts.Clear();
    }

    private XenExtensionMapping Find(long frame)
    {
        // The search begins with the newest part, where originals are nearly always wanted, because they are read in the order in which
        // they came.
        for (int i = _parts.Count - 1; i > 0; i--)
        {
            if (frame >= _parts[i].First)
            {
                return _parts[i];
            }
        }

        return _parts[0];
    }
}
