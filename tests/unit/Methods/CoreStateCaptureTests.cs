using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Tests.Simulated;

namespace PreRecordMigration.Tests.Methods;

public sealed class CoreStateCaptureTests
{
    /// <summary>Pages that came or went since the destination made room for the others: the guest's balloon moved.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_memory_map_that_is_no_longer_what_was_announced_is_refused_as_a_change(bool hasGrown)
    {
        using SimulatedHost host = new("host");
        host.CreateDomain(TestGuests.Options(GuestWorkloadKind.HotSet));
        using ISourceDomain domain = host.OpenSource("guest");
        PageBitmap announced = domain.GetPopulatedPages().Clone();
        Assert.True(hasGrown ? announced.TryClear(announced.NextSet(0)) : announced.TrySet(announced.NextClear(0)));
        domain.Suspend(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        MigrationException error = Assert.Throws<MigrationException>(() => CoreStateCapture.Capture(domain, announced));

        Assert.Equal(MigrationErrorId.DomainChanged, error.ErrorId);
        Assert.Contains($"{announced.Count} pages were announced", error.Message, StringComparison.Ordinal);
    }
}
