namespace PreRecordMigration.Xen.Streams;

/// <summary>What a synthesised stream says before the checkpoint.</summary>
/// <param name="Configuration">The domain's configuration in libxl's JSON; see <see cref="XlConfiguration"/>.</param>
/// <param name="XenMajor">Major version of the source's Xen.</param>
/// <param name="XenMinor">Minor version of the source's Xen.</param>
public sealed record SynthesisedRestoreSettings(string Configuration, uint XenMajor, uint XenMinor)
{
    /// <summary>CPUID policy (xc_cpu_policy_serialise), or empty: then the destination applies its own default.</summary>
    public ReadOnlyMemory<byte> CpuidPolicy { get; init; }

    /// <summary>MSR policy (xc_cpu_policy_serialise), or empty: then the destination applies its own default.</summary>
    public ReadOnlyMemory<byte> MsrPolicy { get; init; }

    /// <summary>Whether the domain has a device emulator (an HVM domain), whose state must then be sent at the end.</summary>
    public bool HasEmulator { get; init; }
}

/// <summary>
/// Writes a stream from which <c>xl restore -p</c> builds a paused HVM or PVH domain that has only chosen pages, in two
/// stages so that the domain is prepared before the checkpoint: <see cref="Prepare"/> writes everything up to the
/// parameters, <see cref="Complete"/> the few kilobytes that only the checkpoint knows.
/// </summary>
/// <remarks>
/// Between the stages the restorer waits on the stream while the paused domain already exists. Pages written between them
/// replace what was there. Legal calls: Prepare once, WritePages any number of times, Complete once.
/// </remarks>
public sealed class SynthesisedRestore
{
    private readonly XenStreamWriter _writer;
    private readonly SynthesisedRestoreSettings _settings;
    private bool _begun;
    private bool _prepared;
    private bool _completed;

    /// <summary>Composes a stream.</summary>
    /// <param name="stream">Where it goes: the pipe that <c>xl restore</c> reads. The caller owns it.</param>
    /// <param name="settings">What is known before the checkpoint.</param>
    /// <exception cref="ArgumentException">A policy is not an array of its elements.</exception>
    public SynthesisedRestore(Stream stream, SynthesisedRestoreSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        RequireMultiple(settings.CpuidPolicy, X86CpuidPolicyRecord.LeafLength, "CPUID");
        RequireMultiple(settings.MsrPolicy, X86MsrPolicyRecord.EntryLength, "MSR");
        _writer = new XenStreamWriter(stream);
        _settings = settings;
    }

    /// <summary>Bytes written so far.</summary>
    public long BytesWritten => _writer.Position;

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
            SynthesisedParts.WriteHead(_writer, _settings, null);
            _writer.Flush();
        }
    }

    /// <summary>Stage 1: headers, policies, pages and parameters; then flushes.</summary>
    /// <param name="pages">
    /// The pages that the domain must have before it runs: the special pages, and those that hypercalls or backends name.
    /// Ordinary pages have type <see cref="XenPageType.Normal"/>; types without content are written as they are.
    /// </param>
    /// <param name="parameters">HVM parameters, in order. Their restoring empties the console's and the xenstore's page.</param>
    /// <exception cref="XenStreamException">A record would be longer than Xen reads.</exception>
    /// <exception cref="IOException">The stream failed: <c>xl restore</c> has ended. Its own output says why.</exception>
    public void Prepare(IEnumerable<XenStreamPage> pages, IReadOnlyList<HvmParameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(pages);
        ArgumentNullException.ThrowIfNull(parameters);
        if (_prepared)
        {
            throw new InvalidOperationException("The stream was prepared already.");
        }

        _prepared = true;
        Begin();
        SynthesisedParts.WritePages(_writer, pages);
        if (parameters.Count > 0)
        {
            _writer.Write(new HvmParamsRecord(parameters));
        }

        _writer.Flush();
    }

    /// <summary>
    /// Writes further pages between the stages, or the same pages with newer content; then flushes. Not for the console's
    /// and the xenstore's page: the restorer has set those up by now, and their new content would undo that.
    /// </summary>
    /// <param name="pages">The pages.</param>
    /// <exception cref="IOException">The stream failed: <c>xl restore</c> has ended. Its own output says why.</exception>
    public void WritePages(IEnumerable<XenStreamPage> pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        RequireOpen();
        SynthesisedParts.WritePages(_writer, pages);
        _writer.Flush();
    }

    /// <summary>Stage 2: what the checkpoint left, and the end; then flushes. <c>xl restore</c> ends after it.</summary>
    /// <param name="tsc">The domain's time-stamp counter at the checkpoint.</param>
    /// <param name="hvmContext">The HVM context at the checkpoint; it must be one, see <see cref="HvmContext"/>.</param>
    /// <param name="emulatorXenstore">Emulator's xenstore data, or null; only where the settings say there is an emulator.</param>
    /// <param name="emulator">Emulator's state; exactly where the settings say there is an emulator.</param>
    /// <exception cref="ArgumentException">The emulator's state is missing or unexpected.</exception>
    /// <exception cref="XenStreamException">The context is malformed. Nothing was written.</exception>
    /// <exception cref="IOException">The stream failed: <c>xl restore</c> has ended. Its own output says why.</exception>
    public void Complete(
        X86TscInfoRecord tsc,
        ReadOnlyMemory<byte> hvmContext,
        EmulatorXenstoreDataRecord? emulatorXenstore = null,
        EmulatorContextRecord? emulator = null)
    {
        ArgumentNullException.ThrowIfNull(tsc);
        RequireOpen();
        if ((emulator is not null) != _settings.HasEmulator || (emulatorXenstore is not null && !_settings.HasEmulator))
        {
            throw new ArgumentException(
                _settings.HasEmulator ? "An HVM domain needs its emulator's state." : "A PVH domain has no emulator whose state could be sent.",
                nameof(emulator));
        }

        HvmContext.Parse(hvmContext);
        _completed = true;
        _writer.Write(tsc);
        _writer.Write(new HvmContextRecord(hvmContext));
        _writer.Write(new LibxcEndRecord());
        if (emulatorXenstore is not null)
        {
            _writer.Write(emulatorXenstore);
        }

        if (emulator is not null)
        {
            _writer.Write(emulator);
        }

        _writer.Write(new LibxlEndRecord());
        _writer.Flush();
    }

    private static void RequireMultiple(ReadOnlyMemory<byte> policy, int elementLength, string kind)
    {
        if (policy.Length % elementLength != 0)
        {
            throw new ArgumentException(
                $"The {kind} policy has {policy.Length} bytes, which is not a multiple of {elementLength}.", nameof(policy));
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
