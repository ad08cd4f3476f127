using System.IO.Compression;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

/// <summary>
/// Files of <c>xl save</c> small enough to be part of the tests: every header and record is the original, but only the
/// first pages and the page tables that lead from the vCPUs' CR3 to their code keep their content; other pages become
/// XALLOC, and PAGE_DATA records that list no page with content are left out but for the first.
/// </summary>
internal static class StrippedSaveFile
{
    /// <summary>A PVH domain with one vCPU and 88 MiB, idle.</summary>
    public const string OneVcpu = "pvh-1vcpu.xlsave.br";

    /// <summary>A PVH domain with two vCPUs under load; all its PAGE_DATA records are left out.</summary>
    public const string TwoVcpus = "pvh-2vcpu.xlsave.br";

    /// <summary>An HVM domain with one vCPU and 128 MiB under load, with the state of its QEMU.</summary>
    public const string Hvm = "hvm-1vcpu.xlsave.br";

    private const int FirstPages = 4;

    /// <summary>A stripped file, decompressed.</summary>
    public static byte[] Load(string name)
    {
        using Stream compressed = typeof(StrippedSaveFile).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The test assembly has no resource {name}.");
        using BrotliStream brotli = new(compressed, CompressionMode.Decompress);
        MemoryStream bytes = new();
        brotli.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Makes the file anew from a whole one.</summary>
    /// <param name="source">A file that <c>xl save</c> wrote for a PVH or HVM domain.</param>
    /// <param name="destination">The compressed result.</param>
    public static void Make(string source, string destination)
    {
        HashSet<long> kept = PagesToKeep(source);
        using FileStream input = File.OpenRead(source);
        using FileStream file = File.Create(destination);
        using BrotliStream output = new(file, CompressionLevel.SmallestSize);
        XenStreamReader reader = new(input);
        XenStreamWriter writer = new(output);
        bool emptySeen = false;
        foreach (XenStreamRecord record in reader.ReadAll())
        {
            if (record is PageDataRecord data)
            {
                if (data.ContentCount > 0 || !emptySeen)
                {
                    writer.Write(Strip(data, kept));
                }

                emptySeen |= data.ContentCount == 0;
            }
            else
            {
                writer.Write(record);
            }
        }

        writer.Flush();
    }

    private static PageDataRecord Strip(PageDataRecord data, HashSet<long> kept) => new(
        [.. data.Pages().Select(page => page.Type.HasContent() && !kept.Contains(page.Pfn)
            ? new XenStreamPage(page.Pfn, XenPageType.AllocateOnly, default)
            : page)]);

    private static HashSet<long> PagesToKeep(string source)
    {
        using FileStream input = File.OpenRead(source);
        Dictionary<long, byte[]> memory = [];
        HashSet<long> kept = [];
        HvmContext? context = null;
        foreach (XenStreamRecord record in new XenStreamReader(input).ReadAll())
        {
            if (record is PageDataRecord data)
            {
                foreach (XenStreamPage page in data.Pages().Where(page => page.Type.HasContent()))
                {
                    memory[page.Pfn] = page.Content.ToArray();
                    if (kept.Count < FirstPages)
                    {
                        kept.Add(page.Pfn);
                    }
                }
            }
            else if (record is HvmContextRecord hvm)
            {
                context = HvmContext.Parse(hvm.Data);
            }
        }

        foreach (HvmVcpu vcpu in context!.Vcpus)
        {
            kept.UnionWith(GuestWalk.Tables(vcpu, vcpu.Rip, memory.GetValueOrDefault));
        }

        return kept;
    }
}
