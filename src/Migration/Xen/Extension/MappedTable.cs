using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>
/// One of the extension's tables as it is mapped: it grows at its end, and what is mapped stays where it is. Its owner's
/// lock guards it.
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
        // Parts are few, and the last one is the one that is asked for: originals are read in the order they came.
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
