namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>Has every call that an act makes of a fake host fail, one after the other, each on a host of its own.</summary>
internal static class EachCall
{
    private const int Most = 60;

    /// <summary>Does the act once for each of its calls, and has that call fail.</summary>
    /// <typeparam name="TWorld">What the act is done in.</typeparam>
    /// <param name="afterwards">Whether a call that fails takes effect all the same.</param>
    /// <param name="least">How many calls the act makes at least.</param>
    /// <param name="arrange">Makes the world on a fresh host.</param>
    /// <param name="act">What meets the failure.</param>
    /// <param name="check">Checks the outcome: gets the world, the call that failed, and the act's error. Nothing fails any more
    /// then.</param>
    internal static void Fails<TWorld>(
        bool afterwards, int least, Func<FakeXen, TWorld> arrange, Action<TWorld> act, Action<TWorld, string, Exception?> check)
    {
        int failures = 0;
        for (; failures < Most; failures++)
        {
            FakeXen xen = new();
            TWorld world = arrange(xen);
            xen.FailAt(failures, afterwards);
            Exception? error = Record.Exception(() => act(world));
            if (xen.Failed is not { } failed)
            {
                Assert.Null(error);
                break;
            }

            xen.FailAt(-1, afterwards: false);
            check(world, failed, error);
        }

        Assert.InRange(failures, least, Most - 1);
    }
}
