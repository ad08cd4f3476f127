namespace PreRecordMigration.Simulated;

/// <summary>
/// Watches over guarantee 1 in one process: which copy of a guest is runnable, on whatever host. Two at once are a
/// violation, which both hosts report.
/// </summary>
internal static class RunnableCopies
{
    private static readonly Lock s_lock = new();
    private static readonly Dictionary<Guid, List<SimulatedDomain>> s_runnable = [];

    public static void Enter(SimulatedDomain domain)
    {
        lock (s_lock)
        {
            if (!s_runnable.TryGetValue(domain.Identity, out List<SimulatedDomain>? copies))
            {
                s_runnable[domain.Identity] = copies = [];
            }

            if (copies.Contains(domain))
            {
                return;
            }

            foreach (SimulatedDomain other in copies)
            {
                string violation = $"{other.Name} on {other.Host.Name} and {domain.Name} on {domain.Host.Name} "
                    + "are copies of one guest and runnable at the same time.";
                other.Host.ReportViolation(violation);
                if (other.Host != domain.Host)
                {
                    domain.Host.ReportViolation(violation);
                }
            }

            copies.Add(domain);
        }
    }

    public static void Leave(SimulatedDomain domain)
    {
        lock (s_lock)
        {
            if (s_runnable.TryGetValue(domain.Identity, out List<SimulatedDomain>? copies)
                && copies.Remove(domain) && copies.Count == 0)
            {
                s_runnable.Remove(domain.Identity);
            }
        }
    }
}
