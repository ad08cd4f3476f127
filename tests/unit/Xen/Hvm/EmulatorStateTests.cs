using System.Text;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Hvm;

namespace PreRecordMigration.Tests.Xen.Hvm;

public class EmulatorStateTests
{
    private static readonly byte[] s_context = [.. "QEVM"u8, 0, 0, 0, 3];

    private static EmulatorState Sample(string store = "physmap/1/size\u000016\0") => new(s_context, Encoding.UTF8.GetBytes(store));

    [Theory]
    [InlineData("")]
    [InlineData("physmap/1/size\u000016\0")]
    public void It_travels_among_the_core_state(string store)
    {
        XenCoreSections sections = new(new byte[] { 1 }, new XenTsc(2, 1, 1, 0), Sample(store));
        EmulatorState read = XenCoreSections.Parse(sections.ToSections()).Emulator!;

        Assert.Equal(s_context, read.Context.ToArray());
        Assert.Equal(store, Encoding.UTF8.GetString(read.Store.Span));
    }

    [Fact]
    public void A_domain_without_emulator_has_none()
    {
        XenCoreSections sections = new(new byte[] { 1 }, new XenTsc(2, 1, 1, 0));

        Assert.DoesNotContain(sections.ToSections(), section => section.Kind == CoreStateKind.Devices);
        Assert.Null(XenCoreSections.Parse(sections.ToSections()).Emulator);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] whole = Sample().Serialise();
        for (int length = 0; length < whole.Length; length++)
        {
            AssertRefused(whole[..length]);
        }
    }

    [Fact]
    public void A_second_emulator_is_refused()
    {
        CoreStateSection[] sections = [.. new XenCoreSections(new byte[] { 1 }, new XenTsc(2, 1, 1, 0), Sample()).ToSections()];
        Assert.Throws<MigrationException>(() => XenCoreSections.Parse([.. sections, sections[^1]]));
    }

    [Theory]
    [InlineData("physmap/1/size\0")]
    [InlineData("physmap/1/size\u000016")]
    [InlineData("state\0running\0")]
    [InlineData("/local/domain/0/name\0x\0")]
    public void XenStore_data_that_are_not_its_own_are_refused(string store) => AssertRefused(Sample(store).Serialise());

    [Fact]
    public void What_no_QEMU_wrote_is_refused() => AssertRefused(new EmulatorState("ELF"u8.ToArray(), default).Serialise());

    private static void AssertRefused(byte[] section) => Assert.Equal(
        MigrationErrorId.ProtocolViolation, Assert.Throws<MigrationException>(() => EmulatorState.Parse(section)).ErrorId);
}
