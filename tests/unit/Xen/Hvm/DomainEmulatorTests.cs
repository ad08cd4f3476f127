using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Hvm;

namespace PreRecordMigration.Tests.Xen.Hvm;

public class DomainEmulatorTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static DomainEmulator Emulator(FakeQemu qemu, TimeSpan? patience = null) =>
        new(qemu.SocketPath, qemu.StateFile, () => [1, 0], patience ?? s_patience, "web01");

    [Fact]
    public void Devices_are_stopped_and_go_on()
    {
        using FakeQemu qemu = new(_ => FakeQemu.Done);
        DomainEmulator emulator = Emulator(qemu);
        emulator.Probe();
        emulator.Stop();
        emulator.Continue();
        emulator.TrackWrites(true);
        emulator.TrackWrites(false);

        Assert.Equal(
            ["stop", "cont", """xen-set-global-dirty-log {"enable":true}""", """xen-set-global-dirty-log {"enable":false}"""],
            qemu.Commands);
    }

    [Fact]
    public void The_state_is_read_and_its_file_removed()
    {
        byte[] state = [.. "QEVM"u8, 0, 0, 0, 3, 9];
        FakeQemu? fake = null;
        using FakeQemu qemu = fake = new(_ =>
        {
            File.WriteAllBytes(fake!.StateFile, state);
            return FakeQemu.Done;
        });
        EmulatorState saved = Emulator(qemu).Save();

        Assert.Equal(state, saved.Context.ToArray());
        Assert.Equal([1, 0], saved.Store.ToArray());
        Assert.Equal($$"""xen-save-devices-state {"filename":"{{qemu.StateFile}}","live":true}""", Assert.Single(qemu.Commands));
        Assert.False(File.Exists(qemu.StateFile));
    }

    [Fact]
    public void What_is_no_state_or_too_large_is_refused_and_its_file_removed()
    {
        long length = 100;
        FakeQemu? fake = null;
        using FakeQemu qemu = fake = new(_ =>
        {
            using FileStream file = File.Create(fake!.StateFile);
            file.SetLength(length);
            return FakeQemu.Done;
        });
        Assert.Equal(MigrationErrorId.HypervisorCall, Assert.Throws<MigrationException>(() => Emulator(qemu).Save()).ErrorId);
        length = EmulatorState.LargestContext + 1;
        Assert.Equal(MigrationErrorId.NotSupported, Assert.Throws<MigrationException>(() => Emulator(qemu).Save()).ErrorId);
        Assert.False(File.Exists(qemu.StateFile));
    }

    [Fact]
    public void Events_between_command_and_answer_are_passed_over()
    {
        using FakeQemu qemu = new(_ => """{"timestamp": {"seconds": 1}, "event": "STOP"}""" + "\r\n" + FakeQemu.Done);
        Emulator(qemu).Stop();
    }

    [Fact]
    public void A_refusal_says_what_the_emulator_said()
    {
        using FakeQemu qemu = new(_ => """{"error": {"class": "GenericError", "desc": "no space on device"}}""");
        MigrationException error = Assert.Throws<MigrationException>(() => Emulator(qemu).Stop());

        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Contains("refused stop: no space on device", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not JSON")]
    [InlineData("[]")]
    [InlineData("""{"hello": 1}""")]
    [InlineData("""{"\ud800": 1}""")]
    public void What_does_not_greet_as_QEMU_is_refused(string greeting)
    {
        // Without a greeting, or what might come before one, only the receive time-out ends the wait, as where another program holds the socket.
        using FakeQemu qemu = new(_ => FakeQemu.Done, greeting);
        MigrationException error = Assert.Throws<MigrationException>(
            () => Emulator(qemu, greeting.Length == 0 || greeting[0] == '{' ? TimeSpan.FromMilliseconds(20) : s_patience).Probe());

        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Equal("web01", error.Target);
    }

    [Fact]
    public void What_was_to_be_said_to_an_earlier_client_may_come_before_the_greeting()
    {
        using FakeQemu qemu = new(_ => FakeQemu.Done, string.Join("\r\n", """{"event": "JOB_STATUS_CHANGE"}""", FakeQemu.Done, FakeQemu.Greeting));
        Emulator(qemu).Stop();
        Assert.Equal(["stop"], qemu.Commands);
    }

    [Fact]
    public void An_endless_line_is_refused()
    {
        using FakeQemu qemu = new(_ => $$"""{"event": "{{new string('x', 3 << 20)}}"}""");
        Assert.Contains(
            "more than", Assert.Throws<MigrationException>(() => Emulator(qemu).Stop()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"error": {"desc": "\ud800"}}""")]
    [InlineData("""{"error": {"\udc00\ud800": 1}}""")]
    [InlineData("""{"r\ud800turn": 1}""")]
    public void Text_that_is_none_is_refused(string answer)
    {
        using FakeQemu qemu = new(_ => answer);
        MigrationException error = Assert.Throws<MigrationException>(() => Emulator(qemu).Stop());
        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Contains("what is no text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Events_without_end_are_no_answer()
    {
        using FakeQemu qemu = new(_ => string.Concat(Enumerable.Repeat("{\"event\": 1}\n", 10_000)) + "{\"event\": 2}");
        Assert.Contains(
            "events and no answer", Assert.Throws<MigrationException>(() => Emulator(qemu).Stop()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_emulator_that_ends_or_is_not_there_is_an_error()
    {
        using FakeQemu qemu = new(_ => null);
        Assert.Contains(
            "closed the connection", Assert.Throws<MigrationException>(() => Emulator(qemu).Stop()).Message, StringComparison.Ordinal);
        DomainEmulator absent = new(qemu.SocketPath + ".none", qemu.StateFile, () => [], s_patience, "web01");
        Assert.Contains("does not answer at", Assert.Throws<MigrationException>(absent.Probe).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void XenStore_data_are_packed_as_libxl_packs_them()
    {
        Dictionary<string, string[]> children = new()
        {
            ["/dm/physmap"] = ["f0000000"],
            ["/dm/physmap/f0000000"] = ["start_addr", "size", "name"],
        };
        byte[] data = DomainEmulator.ReadStore(
            path => children.GetValueOrDefault(path) ?? [], path => path.EndsWith("size", StringComparison.Ordinal) ? "1000" : "v", "/dm");

        Assert.Equal(
            "physmap/f0000000/start_addr\0v\0physmap/f0000000/size\u00001000\0physmap/f0000000/name\0v\0", Encoding.UTF8.GetString(data));
        Assert.Equal(data, EmulatorState.Parse(new EmulatorState("QEVM"u8.ToArray(), data).Serialise()).Store.ToArray());
    }
}
