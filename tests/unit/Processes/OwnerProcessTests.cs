using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Processes;

/// <summary>What is known of a process by the system's word.</summary>
public sealed class OwnerProcessTests
{
    [Theory]
    [InlineData("prerecord-receiver.service", "0::/system.slice/prerecord-receiver.service")]
    [InlineData("prerecord-receiver.service", "12:pids:/x", "1:name=systemd:/x", "0::/system.slice/prerecord-receiver.service")]
    [InlineData(null, "0::/user.slice/user-0.slice/session-3.scope")]
    [InlineData(null, "0::/system.slice/ssh.service")]
    [InlineData(null, "0::/system.slice/prerecord-receiver.service/payload")]
    [InlineData(null, "0::/")]
    [InlineData(null)]
    public void A_process_is_a_service_where_the_system_says_so_and_it_is_of_this_module(string? service, params string[] groups) =>
        Assert.Equal(service, OwnerProcess.ServiceOf(groups));

    [Fact]
    public void This_process_is_alive_and_one_of_its_id_that_began_at_another_time_is_not()
    {
        Assert.True(OwnerProcess.Current.IsAlive);
        Assert.False((OwnerProcess.Current with { StartTime = 1 }).IsAlive);
        Assert.Null(new OwnerProcess(int.MaxValue, 1).Service);
    }
}
