using System.Buffers;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

public class HvmContextTests
{
    [Fact]
    public void Registers_of_every_vcpu_are_found()
    {
        HvmContext context = HvmContext.Parse(SampleStreams.HvmContext(vcpus: 3));

        Assert.Equal([0, 1, 2], context.Vcpus.Select(vcpu => vcpu.Id));
        Assert.Equal(2_400_000u, context.TscKhz);
        Assert.Equal(0x000306c3u, context.CpuSignature);
        HvmVcpu second = context.Vcpus[1];
        Assert.Equal(0xa1UL, second.Rax);
        Assert.Equal(0xffff_c900_0000_0000, second.Rsp);
        Assert.Equal(0xffff_ffff_8100_0000, second.Rip);
        Assert.Equal(0x246UL, second.Rflags);
        Assert.Equal(0x8005_0033UL, second.Cr0);
        Assert.Equal(0x7f00_0000_1000UL, second.Cr2);
        Assert.Equal(0x8000_0000_0123_5018, second.Cr3);
        Assert.Equal(0x1235, second.PageTableFrame);
        Assert.Equal(0x6f0UL, second.Cr4);
        Assert.Equal(0xd01UL, second.Efer);
        Assert.Equal(123_456UL, second.Tsc);
        Assert.Equal(1u, second.Flags);
        Assert.Equal(HvmPaging.FourLevels, second.Paging);
    }

    [Fact]
    public void Entries_are_listed_in_order_with_their_offsets()
    {
        byte[] bytes = SampleStreams.HvmContext(vcpus: 1);
        HvmContext context = HvmContext.Parse(bytes);

        Assert.Equal([1, 2, 19, 0], context.Records.Select(record => (int)record.TypeCode));
        Assert.Equal([0, 32, 1072, 1088], context.Records.Select(record => record.Offset));
        Assert.Equal(bytes.Length, context.Records[^1].Offset + 8);
    }

    [Fact]
    public void The_layout_of_old_Xen_lacks_the_flags()
    {
        byte[] cpu = SampleStreams.Cpu(0);
        byte[] old = [.. cpu[..1000], .. cpu[1008..1024]];
        HvmVcpu vcpu = Assert.Single(HvmContext.Parse(Context((2, 0, old))).Vcpus);

        Assert.Equal(0xd01UL, vcpu.Efer);
        Assert.Equal(123_456UL, vcpu.Tsc);
        Assert.Equal(0u, vcpu.Flags);
    }

    [Theory]
    [InlineData(0x11UL, 0x20UL, 0UL, HvmPaging.Off)]
    [InlineData(0x8000_0011UL, 0x10UL, 0UL, HvmPaging.TwoLevels)]
    [InlineData(0x8000_0011UL, 0x20UL, 0x100UL, HvmPaging.Pae)]
    [InlineData(0x8000_0011UL, 0x20UL, 0x500UL, HvmPaging.FourLevels)]
    [InlineData(0x8000_0011UL, 0x1020UL, 0x500UL, HvmPaging.FiveLevels)]
    public void Paging_follows_the_control_registers(ulong cr0, ulong cr4, ulong efer, HvmPaging expected) =>
        Assert.Equal(expected, (default(HvmVcpu) with { Cr0 = cr0, Cr4 = cr4, Efer = efer }).Paging);

    [Fact]
    public void A_context_cut_anywhere_is_refused()
    {
        byte[] bytes = SampleStreams.HvmContext();
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<XenStreamException>(() => HvmContext.Parse(bytes.AsMemory(0, length)));
        }
    }

    [Fact]
    public void What_is_no_context_is_refused_by_name()
    {
        Assert.Contains("no header", Refuse([.. new byte[8]]), StringComparison.Ordinal);
        Assert.Contains("follow the END", Refuse([.. SampleStreams.HvmContext(), 0]), StringComparison.Ordinal);
        Assert.Contains("twice", Refuse(Context((2, 1, new byte[1032]), (2, 1, new byte[1032]))), StringComparison.Ordinal);
        Assert.Contains("Its length is 1031", Refuse(Context((2, 1, new byte[1031]))), StringComparison.Ordinal);
        byte[] wrongMagic = SampleStreams.HvmContext();
        wrongMagic[8] ^= 1;
        Assert.Contains("magic", Refuse(wrongMagic), StringComparison.Ordinal);

        static string Refuse(byte[] bytes) => Assert.Throws<XenStreamException>(() => HvmContext.Parse(bytes)).Message;
    }

    private static byte[] Context(params (int Type, int Instance, byte[] Body)[] entries)
    {
        ArrayBufferWriter<byte> writer = new();
        writer.Write(SampleStreams.HvmContext(vcpus: 0).AsSpan(0, 32));
        foreach ((int type, int instance, byte[] body) in entries)
        {
            SampleStreams.Entry(writer, (ushort)type, (ushort)instance, body);
        }

        SampleStreams.Entry(writer, 0, 0, []);
        return writer.WrittenSpan.ToArray();
    }
}
