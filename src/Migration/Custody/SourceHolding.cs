namespace PreRecordMigration.Custody;

/// <summary>Who holds a domain at its source: the one answer to "may it run here?".</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>state</term><description>May it run here? · What does the next tool do, should this one die? · What does
/// disposal do?</description></listheader>
/// <item><term><see cref="Running"/></term><description>Yes · removes traps · removes traps, takes the mark away.</description></item>
/// <item><term><see cref="Stopped"/></term><description>Yes, because nobody else can have its state · wakes it · wakes it.</description></item>
/// <item><term><see cref="Leaving"/></term><description>Only by the word "never ran there" · takes its migration over
/// where it is told to, else leaves it alone and says where to look · keeps it as it is, with its backups.</description></item>
/// <item><term><see cref="Destroying"/></term><description>Never again · destroys it · destroys it.</description></item>
/// <item><term><see cref="Gone"/></term><description>There is none · nothing · nothing.</description></item>
/// </list>
/// </remarks>
public enum SourceHolding
{
    /// <summary>It runs here, perhaps with traps.</summary>
    Running,

    /// <summary>It stands still here, or is about to, and nobody else can have its state.</summary>
    Stopped,

    /// <summary>It stands still here and may run elsewhere.</summary>
    Leaving,

    /// <summary>It is wholly elsewhere, or was given up; what is here is being destroyed.</summary>
    Destroying,

    /// <summary>Nothing of it is here.</summary>
    Gone,
}

/// <summary>The destination has every page: what is left at the source may be destroyed. Only the source's session says it.</summary>
public abstract class WhollyThere
{
    private protected WhollyThere()
    {
    }
}

/// <summary>The domain has never run at the destination and cannot run there any more: it may run at its source again. Only the
/// source's session says it.</summary>
public abstract class NeverRanThere
{
    private protected NeverRanThere()
    {
    }
}

/// <summary>What an administrator decided about a domain that is split over two hosts: it is given up.</summary>
public sealed class GivenUp
{
    private GivenUp()
    {
    }

    /// <summary>The administrator's word. What is missing elsewhere is lost with what is here.</summary>
    public static GivenUp ByTheAdministrator { get; } = new();
}
