namespace PreRecordMigration.Xen.Streams;

/// <summary>What the synthesised streams of all kinds of domains have in common.</summary>
internal static class SynthesisedParts
{
    /// <summary>Writes headers and policies, up to the end of what does not change while a domain runs.</summary>
    /// <param name="writer">The stream.</param>
    /// <param name="settings">What is known of the domain.</param>
    /// <param name="pv">A PV domain's record, which decides the kind; null for HVM and PVH.</param>
    internal static void WriteHead(XenStreamWriter writer, SynthesisedRestoreSettings settings, X86PvInfoRecord? pv)
    {
        writer.Write(XlHeader.ForConfiguration(settings.Configuration));
        writer.Write(new LibxlHeader());
        writer.Write(new LibxcContextRecord());
        writer.Write(new LibxcImageHeader());
        writer.Write(new LibxcDomainHeader(
            pv is null ? XenGuestKind.X86Hvm : XenGuestKind.X86Pv, settings.XenMajor, settings.XenMinor));
        if (pv is not null)
        {
            writer.Write(pv);
        }

        if (!settings.CpuidPolicy.IsEmpty)
        {
            writer.Write(new X86CpuidPolicyRecord(settings.CpuidPolicy));
        }

        if (!settings.MsrPolicy.IsEmpty)
        {
            writer.Write(new X86MsrPolicyRecord(settings.MsrPolicy));
        }

        writer.Write(new StaticDataEndRecord());
    }

    /// <summary>Writes pages in batches of the size that Xen's own saver uses.</summary>
    internal static void WritePages(XenStreamWriter writer, IEnumerable<XenStreamPage> pages)
    {
        foreach (XenStreamPage[] batch in pages.Chunk(PageDataRecord.XenBatch))
        {
            writer.Write(new PageDataRecord(batch));
        }
    }
}
