using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <summary>How a program of the control domain fails.</summary>
public sealed class LayerProgramTests
{
    [Fact]
    public void One_that_fails_is_an_error_with_its_words()
    {
        MigrationException error = Assert.Throws<MigrationException>(() => new LayerProgram("sh", "dash").Run("-c", "echo no such device >&2; exit 2"));
        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Contains("ended with 2: no such device", error.Message, StringComparison.Ordinal);
        Assert.Contains("dm_snapshot", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_hangs_is_an_error_when_its_time_is_over()
    {
        MigrationException error = Assert.Throws<MigrationException>(() => new LayerProgram("sleep", "coreutils", TimeSpan.FromMilliseconds(200)).Run("1000"));
        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Contains("`sleep 1000` did not end within 0.2 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_is_not_there_is_an_error_that_names_its_package()
    {
        LayerProgram program = new("no-such-program", "some-package");
        Assert.Equal("no-such-program (apt-get install some-package)", program.Missing);
        MigrationException error = Assert.Throws<MigrationException>(() => program.Run());
        Assert.Equal(MigrationErrorId.NotSupported, error.ErrorId);
        Assert.Equal("apt-get install some-package", error.Remedy);
    }

    [Fact]
    public void What_it_reads_comes_to_it_and_what_it_prints_comes_back() =>
        Assert.Equal("0 8 linear 8:16 0", new LayerProgram("cat", "coreutils").RunWith("0 8 linear 8:16 0"));
}
