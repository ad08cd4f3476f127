namespace PreRecordMigration.Xen.Admission;

/// <summary>A register that CPUID returns, by where it stands in Xen's xen_cpuid_leaf_t.</summary>
internal enum CpuidRegister
{
    Eax,
    Ebx,
    Ecx,
    Edx,
}

/// <summary>A register of CPUID whose bits are features.</summary>
/// <param name="Leaf">The leaf.</param>
/// <param name="Subleaf">The subleaf; null where the leaf has none.</param>
/// <param name="Register">The register.</param>
/// <param name="Names">The features from bit 0 on, with a space between; "-" for a bit that says nothing of what a processor can.</param>
internal sealed record CpuFeatureWord(uint Leaf, uint? Subleaf, CpuidRegister Register, string Names)
{
    /// <summary>The feature words of Xen's public arch-x86/cpufeatureset.h (4.20, which has all of 4.17), in the spelling of Xen's own option
    /// <c>cpuid=no-…</c>.</summary>
    /// <remarks>Left out are osxsave and ospke, which a guest's kernel switches itself, and fdp-excp-only and no-fpu-sel, which Xen sets to what
    /// the host has wherever a domain comes to.</remarks>
    internal static IReadOnlyList<CpuFeatureWord> All { get; } =
    [
        new(0x1, null, CpuidRegister.Ecx, "sse3 pclmulqdq dtes64 monitor dscpl vmx smx eist tm2 ssse3 - sdbg fma cx16 xtpr pdcm - pcid dca sse4-1 sse4-2 "
            + "x2apic movbe popcnt tsc-deadline aesni xsave - avx f16c rdrand hypervisor"),
        new(0x1, null, CpuidRegister.Edx, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 - clflush - ds acpi mmx fxsr sse "
            + "sse2 ss htt tm1 - pbe"),
        new(0x7, 0, CpuidRegister.Ebx, "fsgsbase tsc-adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm pqm - mpx pqe avx512f avx512dq rdseed adx "
            + "smap avx512-ifma - clflushopt clwb proc-trace avx512pf avx512er avx512cd sha avx512bw avx512vl"),
        new(0x7, 0, CpuidRegister.Ecx, "prefetchwt1 avx512-vbmi umip pku - waitpkg avx512-vbmi2 cet-ss gfni vaes vpclmulqdq avx512-vnni avx512-bitalg "
            + "tme avx512-vpopcntdq - la57 - - - - - rdpid - bld cldemote - movdiri movdir64b enqcmd sgx-lc pks"),
        new(0x7, 0, CpuidRegister.Edx, "- sgx-keys avx512-4vnniw avx512-4fmaps fsrm uintr - - avx512-vp2intersect srbds-ctrl md-clear "
            + "rtm-always-abort - tsx-force-abort serialize hybrid tsxldtrk - pconfig arch-lbr cet-ibt - amx-bf16 "
            + "avx512-fp16 amx-tile amx-int8 ibrsb stibp l1d-flush arch-caps core-caps ssbd"),
        new(0x7, 1, CpuidRegister.Eax, "sha512 sm3 sm4 - avx-vnni avx512-bf16 - cmpccxadd - - fzrm fsrs fsrcs - - - - fred - wrmsrns - amx-fp16 - "
            + "avx-ifma"),
        new(0x7, 1, CpuidRegister.Ebx, "intel-ppin"),
        new(0x7, 1, CpuidRegister.Edx, "- - - - avx-vnni-int8 avx-ne-convert - - amx-complex - avx-vnni-int16 - - - prefetchi - - - cet-sss"),
        new(0x7, 2, CpuidRegister.Edx, "intel-psfd ipred-ctrl rrsba-ctrl ddp-ctrl bhi-ctrl mcdt-no"),
        new(0xD, 1, CpuidRegister.Eax, "xsaveopt xsavec xgetbv1 xsaves xfd"),
        new(0x80000001, null, CpuidRegister.Ecx, "lahf-lm cmp-legacy svm extapic cr8-legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp "
            + "fma4 - - nodeid-msr - tbm topoext - - - dbext - - monitorx addr-msk-ext"),
        new(0x80000001, null, CpuidRegister.Edx, "- - - - - - - - - - - syscall - - - - - - - - nx - mmxext - - ffxsr page1gb rdtscp - lm 3dnowext 3dnow"),
        new(0x80000007, null, CpuidRegister.Edx, "- - - - - - - hw-pstate itsc cpb efro"),
        new(0x80000008, null, CpuidRegister.Ebx, "clzero - rstr-fp-err-ptrs - - - - - - wbnoinvd - - ibpb - ibrs amd-stibp ibrs-always stibp-always ibrs-fast "
            + "ibrs-same-mode no-lmsl - - amd-ppin amd-ssbd virt-ssbd ssb-no - psfd btc-no ibpb-ret"),
        new(0x80000021, null, CpuidRegister.Eax, "no-nest-bp fs-gs-ns lfence-dispatch - - verw-clear nscb - auto-ibrs - amd-fsrs amd-fsrc - - - - - "
            + "cpuid-user-dis epsf fsrsc amd-prefetchi - - - - - - sbpb ibpb-brtype srso-no srso-us-no srso-msr-fix"),
        new(0x80000021, null, CpuidRegister.Ecx, "- tsa-sq-no tsa-l1-no"),
    ];

    /// <summary>Where it is, such as "0x7:0.ebx".</summary>
    internal string Place => FormattableString.Invariant($"0x{Leaf:x}{(Subleaf is { } subleaf ? $":{subleaf}" : "")}.{Register.ToString().ToLowerInvariant()}");

    /// <summary>The names of those of its features that a value of the register has.</summary>
    internal IEnumerable<string> NamesOf(uint value) =>
        Names.Split(' ').Where((name, bit) => name != "-" && ((value >> bit) & 1) != 0);
}
