using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Simulated;

/// <summary>Guests that use a part of their memory: the rest takes none of this process', wherever they are.</summary>
public sealed class SparseGuestTests
{
    private const long Used = 8L << 20;
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Fact]
    public void The_largest_guest_takes_what_it_uses()
    {
        using SimulatedHost host = new("host", new SimulatedHostOptions { MemoryBytes = SimulatedDomainOptions.MaximumMemoryBytes });
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.UniformRandom) with
        {
            MemoryBytes = SimulatedDomainOptions.MaximumMemoryBytes,
            UsedBytes = Used,
        });
        domain.RunOperations(5_000, s_cancel);

        Assert.Equal(0, domain.CheckErrors);
        Assert.InRange(domain.OccupiedBytes, Used / 2, Used);

        // What is used lies all over the memory, as in a guest that has run for long.
        const int LastPart = 1 << 20;
        byte[] page = new byte[Page.Size];
        Assert.Contains(Enumerable.Range(domain.Memory.PageCount - LastPart, LastPart), pfn =>
        {
            domain.Memory.Read([pfn], page);
            return !Page.IsZero(page);
        });
    }

    [Theory]
    [InlineData(MigrationMethod.PostCopy)]
    [InlineData(MigrationMethod.PreRecord)]
    public async Task Zeros_take_no_memory_at_the_destination(MigrationMethod method)
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { MemoryBytes = 128L << 20, UsedBytes = Used });
        await fixture.MigrateAsync(MigrationFixture.Move(method));
        await fixture.CheckMovedAsync();

        Assert.InRange(fixture.Destination.GetDomain(MigrationFixture.DomainName).OccupiedBytes, Used / 2, Used);
    }

    [Fact]
    public void Traps_of_all_pages_come_and_go_whatever_single_pages_had()
    {
        const int PageCount = 3 * 512;
        GuestPages pages = new(PageCount, [new PageRange(0, 700), new PageRange(712, PageCount - 712)]);
        PageTraps[] model = [.. Enumerable.Range(0, PageCount).Select(pfn => pfn is >= 700 and < 712 ? PageTraps.Unpopulated : PageTraps.None)];
        Random random = new(20);
        PageTraps[] kinds = [PageTraps.Missing, PageTraps.Access, PageTraps.Write, PageTraps.Log];
        for (int step = 0; step < 400; step++)
        {
            PageTraps traps = kinds[random.Next(kinds.Length)];
            int pfn = random.Next(PageCount);
            pfn = model[pfn] == PageTraps.Unpopulated ? 0 : pfn;
            switch (random.Next(4))
            {
                case 0:
                    pages.TrapAll(traps);
                    model = [.. model.Select(had => had == PageTraps.Unpopulated ? had : had | traps)];
                    break;
                case 1:
                    pages.UntrapAll(traps);
                    model = [.. model.Select(had => had & ~traps)];
                    break;
                case 2:
                    pages.Trap(pfn, traps);
                    model[pfn] |= traps;
                    break;
                default:
                    pages.Untrap(pfn, traps);
                    model[pfn] &= ~traps;
                    break;
            }

            Assert.Equal(model, Enumerable.Range(0, PageCount).Select(pages.TrapsOf));
        }
    }

    [Theory]
    [InlineData(SimulatedDomainOptions.MaximumMemoryBytes, null)]
    [InlineData(SimulatedDomainOptions.MaximumMemoryBytes, SimulatedDomainOptions.MaximumUsedBytes + Page.Size)]
    [InlineData(SimulatedDomainOptions.MaximumMemoryBytes + Page.Size, Used)]
    [InlineData(64L << 20, 0L)]
    public void No_guest_uses_more_than_this_process_gives(long memory, long? used)
    {
        SimulatedDomainOptions options = TestGuests.Options(GuestWorkloadKind.Idle) with { MemoryBytes = memory, UsedBytes = used };
        Assert.Equal(MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(options.Validate).ErrorId);
    }
}
