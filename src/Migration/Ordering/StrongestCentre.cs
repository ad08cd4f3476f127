namespace PreRecordMigration.Ordering;

/// <summary>
/// Finds for page after page, in ascending positions, which of the centres below it is strongest there: the one that maximises
/// priority ÷ (1 + distance). Amortised constant time.
/// </summary>
/// <remarks>
/// (1 + distance) ÷ priority is a straight line in the position, so the strongest centre lies on the lower envelope of lines. A
/// centre that is farther and not stronger than another never comes back; a stronger one that is farther overtakes a nearer one
/// at some position and stays ahead of it. The stack holds those that can still be strongest, the nearest on top, each with the
/// position at which the one beneath overtakes it; these positions descend towards the top.
/// </remarks>
/// <param name="tieToFarther">Which of two equally strong centres counts.</param>
internal sealed class StrongestCentre(bool tieToFarther)
{
    private Entry[] _stack = new Entry[16];
    private int _count;

    /// <summary>Forgets every centre.</summary>
    public void Clear() => _count = 0;

    /// <summary>Adds a centre.</summary>
    /// <param name="position">Above those of all centres so far, and of all pages asked for.</param>
    /// <param name="priority">Its priority, above zero.</param>
    /// <param name="index">What <see cref="At"/> returns for it.</param>
    public void Add(long position, int priority, int index)
    {
        while (_count > 0 && _stack[_count - 1].Priority <= priority)
        {
            _count--;
        }

        Entry added = new(position, priority, index, long.MaxValue);
        while (_count > 0)
        {
            long overtakenAt = OvertakenAt(added, _stack[_count - 1]);
            if (_count == 1 || overtakenAt < _stack[_count - 1].OvertakenAt)
            {
                added = added with { OvertakenAt = overtakenAt };
                break;
            }

            _count--;
        }

        if (_count == _stack.Length)
        {
            Array.Resize(ref _stack, _stack.Length * 2);
        }

        _stack[_count++] = added;
    }

    /// <summary>The index of the strongest centre for a page, or −1 where there is none.</summary>
    /// <param name="position">Above that of every centre; ascending from call to call.</param>
    public int At(long position)
    {
        while (_count > 1 && _stack[_count - 1].OvertakenAt <= position)
        {
            _count--;
        }

        return _count > 0 ? _stack[_count - 1].Index : -1;
    }

    /// <summary>The first position at which the farther, stronger centre counts for more than the nearer.</summary>
    private long OvertakenAt(Entry nearer, Entry farther)
    {
        // farther.Priority · (1 + x − nearer.Position) ≥ nearer.Priority · (1 + x − farther.Position), solved for x; the
        // farther is the stronger, or it would not stand beneath.
        long enough = (nearer.Priority * (1 - farther.Position)) - (farther.Priority * (1 - nearer.Position))
            + (tieToFarther ? 0 : 1);
        long gain = farther.Priority - nearer.Priority;
        long whole = Math.DivRem(enough, gain, out long rest);
        return rest > 0 ? whole + 1 : whole;
    }

    private readonly record struct Entry(long Position, long Priority, int Index, long OvertakenAt);
}
