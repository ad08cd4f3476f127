using System.Runtime.Versioning;
using PreRecordMigration.Errors;
using PreRecordMigration.Measuring;

namespace PreRecordMigration.Tests.Measuring;

/// <summary>A program in xl's place: what it is told, what is made of its words, and how it fails.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class XlMigrateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("xl-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_is_told_the_domains_number_and_how_to_reach_the_receiver_and_the_downtime_is_between_its_words()
    {
        string told = Path.Combine(_folder, "told");
        XlMove move = Xl($"""
            for a in "$@"; do printf '%s|' "$a"; done > '{told}'
            echo 'libxl: debug: issuing PVH suspend request via event channel' >&2
            echo 'migration target: Domain started successsfully.'
            echo 'migration sender: Target reports successful startup.' >&2
            """).Run(17, "ssh root@xen2 xl migrate-receive", TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.Equal("-vvv|migrate|-s||17|ssh root@xen2 xl migrate-receive|", File.ReadAllText(told));
        Assert.NotNull(move.Downtime);
        Assert.InRange(move.Downtime.Value, TimeSpan.Zero, move.Total);
    }

    [Fact]
    public void Where_it_says_nothing_of_the_suspension_there_is_no_downtime() =>
        Assert.Null(Xl("echo done").Run(1, "x", TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken).Downtime);

    [Fact]
    public void What_it_says_last_is_in_its_error_made_fit_to_be_shown()
    {
        MigrationException error = Assert.Throws<MigrationException>(() => Xl("""
            head -c 100000 /dev/zero | tr '\0' 'x' >&2
            echo >&2
            printf 'libxl: error: \033[31mno such domain\n' >&2
            exit 2
            """).Run(1, "x", TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Contains("ended with 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("no such domain", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', error.Message);
        Assert.InRange(error.Message.Length, 1, 20_000);
    }

    [Fact]
    public void One_that_has_been_removed_is_a_move_that_failed() =>
        Assert.Equal(
            MigrationErrorId.HypervisorCall,
            Assert.Throws<MigrationException>(
                () => new XlMigrate(Path.Combine(_folder, "gone"), TimeProvider.System).Run(1, "x", TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)).ErrorId);

    [Fact]
    public void One_that_hangs_is_killed_with_its_children_when_its_time_is_over()
    {
        MigrationException error = Assert.Throws<MigrationException>(
            () => Xl("echo begun; sleep 1000 & wait").Run(1, "x", TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken));
        Assert.Contains("was killed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancellation_kills_it_too()
    {
        using CancellationTokenSource cancelling = new();
        string there = Path.Combine(_folder, "there");
        Task run = Task.Run(
            () => Xl($"touch '{there}'; sleep 1000 & wait").Run(1, "x", TimeSpan.FromMinutes(5), cancelling.Token), TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(there), TimeSpan.FromSeconds(60)));
        await cancelling.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    private XlMigrate Xl(string script)
    {
        string path = Path.Combine(_folder, "xl");
        File.WriteAllText(path, $"#!/bin/bash\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new XlMigrate(path, TimeProvider.System);
    }
}
