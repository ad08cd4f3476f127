using PreRecordMigration.Pages;

namespace PreRecordMigration.Fuzz;

/// <summary>A guest's memory that is an input, repeated.</summary>
/// <param name="input">The input; memory is zeros where it is empty.</param>
/// <param name="pageCount">The guest's page count.</param>
internal sealed class RepeatedMemory(byte[] input, int pageCount) : IGuestMemory
{
    public int PageCount => pageCount;

    public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            Span<byte> page = Page.At(pages, i);
            page.Clear();
            int at = (int)((long)pfns[i] * Page.Size % Math.Max(1, input.Length));
            input.AsSpan(at, Math.Min(Page.Size, input.Length - at)).CopyTo(page);
        }
    }

    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => throw new NotSupportedException();
}
