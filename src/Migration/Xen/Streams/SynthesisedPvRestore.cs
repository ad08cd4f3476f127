namespace PreRecordMigration.Xen.Streams;

/// <summary>The blocks of one PV vCPU; see <see cref="X86PvVcpuRecord"/>. Empty blocks are left out of the stream.</summary>
/// <param name="Id">The vCPU.</param>
/// <param name="Basic">X86_PV_VCPU_BASIC.</param>
/// <param name="Extended">X86_PV_VCPU_EXTENDED.</param>
/// <param name="Xsave">X86_PV_VCPU_XSAVE.</param>
/// <param name="Msrs">X86_PV_VCPU_MSRS.</param>
public sealed record SynthesisedPvVcpu(
    uint Id, ReadOnlyMemory<byte> Basic, ReadOnlyMemory<byte> Extended, ReadOnlyMemory<byte> Xsave, ReadOnlyMemory<byte> Msrs);

/// <summary>
/// Writes a stream from which <c>xl restore -p</c> builds a paused 64-bit PV domain, in two stages so that its memory is
/// allocated before the checkpoint: <see cref="Prepare"/> announces every page without its content, then pages with content
/// come in any number, and <see cref="Complete"/> writes what only the checkpoint knows.
/// </summary>
/// <remarks>
/// Legal calls: Prepare once, WritePages any number of times, Complete once. By Complete the page tables, the p2m's pages,
/// the start information and the descriptor tables must have been written: the restorer uses them.
/// </remarks>
public sealed class SynthesisedPvRestore
{
    private readonly XenStreamWriter _writer;
    private readonly SynthesisedRestoreSettings _settings;
    private bool _begun;
    private bool _prepared;
    private bool _completed;

    /// <summary>Composes a stream.</summary>
    /// <param name="stream">Where it goes: the pipe that <c>xl restore</c> reads. The caller owns it.</param>
    /// <param name="settings">What is known before the checkpoint; a PV domain has no emulator.</param>
    public SynthesisedPvRestore(Stream stream, SynthesisedRestoreSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _writer = new XenStreamWriter(stream);
        _settings = settings;
    }

    /// <summary>
    /// Writes the first part of stage 1, headers and policies, from which the restorer makes the domain; then flushes. Call it to change
    /// the domain before it gets its pages; otherwise <see cref="Prepare"/> does it.
    /// </summary>
    /// <exception cref="IOException">The stream failed: <c>xl restore</c> has ended. Its own output says why.</exception>
    public void Begin()
    {
        if (!_begun)
        {
            _begun = true;
            SynthesisedParts.WriteHead(_writer, _settings, new X86PvInfoRecord(8, 4));
            _writer.Flush();
        }
    }

    /// <summary>Stage 1: headers, policies, the p2m's place, and every page to be allocated; then flushes.</summary>
    /// <param name="pageCount">One past the highest page frame number.</param>
    /// <param name="p2mPages">The pages that hold the guest's p2m, in order.</param>
    /// <param name="pages">The pages the domain has.</param>
    /// <exception cref="IOException">The stream failed: <c>xl restore</c> has ended. Its own output says why.</exception>
    public void Prepare(int pageCount, IReadOnlyList<int> p2mPages, IEnumerable<int> pages)
    {
        ArgumentNullException.ThrowIfNull(p2mPages);
        ArgumentNullException.ThrowIfNull(pages);
        if (_prepared)
        {
            throw new InvalidOperationException("The stream was prepared already.");
        }

        _prepared = true;
        Begin();
        _writer.Write(new X86PvP2mFramesRecord(0, (uint)pageCount - 1, [.. p2mPages.Select(pfn => (ulong)pfn)]));
        SynthesisedParts.WritePages(
            _writer, pages.Select(pfn => new XenStreamPage(pfn, XenPageType.AllocateOnly, ReadOnlyMemory<byte>.Empty)));
        _writer.Flush();
    }

    /// <summary>Writes pages with their content, or the same pages with newer content; then flushes.</summary>
    /// <param name="pages">The pages; page tables with page frame numbers in their entries.</param>
    /// <exception cref="IOException">The stream failed: <c>xl restore</c> has ended. Its own output says why.</exception>
    public void WritePages(IEnumerable<XenStreamPage> pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        RequireOpen();
        SynthesisedParts.WritePages(_writer, pages);
        _writer.Flush();
    }

    /// <summary>Stage 2: what the checkpoint left, and the end; then flushes. <c>xl restore</c> ends after it.</summary>
    /// <param name="tsc">The domain's time-stamp counter.</param>
    /// <param name="sharedInfo">The shared information page.</param>
    /// <param name="vcpus">The online vCPUs, ascending.</param>
    /// <exception cref="IOException">The stream failed: <c>xl restore</c> has ended. Its own output says why.</exception>
    public void Complete(X86TscInfoRecord tsc, ReadOnlyMemory<byte> sharedInfo, IEnumerable<SynthesisedPvVcpu> vcpus)
    {
        ArgumentNullException.ThrowIfNull(tsc);
        ArgumentNullException.ThrowIfNull(vcpus);
        RequireOpen();
        _completed = true;
        _writer.Write(tsc);
        _writer.Write(new SharedInfoRecord(sharedInfo));
        foreach (SynthesisedPvVcpu vcpu in vcpus)
        {
            Write(LibxcRecordType.X86PvVcpuBasic, vcpu.Id, vcpu.Basic);
            Write(LibxcRecordType.X86PvVcpuExtended, vcpu.Id, vcpu.Extended);
            Write(LibxcRecordType.X86PvVcpuXsave, vcpu.Id, vcpu.Xsave);
            Write(LibxcRecordType.X86PvVcpuMsrs, vcpu.Id, vcpu.Msrs);
        }

        _writer.Write(new LibxcEndRecord());
        _writer.Write(new LibxlEndRecord());
        _writer.Flush();
    }

    private void Write(LibxcRecordType type, uint vcpu, ReadOnlyMemory<byte> block)
    {
        if (!block.IsEmpty)
        {
            _writer.Write(new X86PvVcpuRecord(type, vcpu, block));
        }
    }

    private void RequireOpen()
    {
        if (!_prepared || _completed)
        {
            throw new InvalidOperationException(
                _completed ? "The stream was completed already." : "The stream was not prepared yet.");
        }
    }
}
