using System.Security.Cryptography;
using System.Text;

namespace PreRecordMigration.Fuzz;

/// <summary>Tries inputs on one target: those of the corpus, then changed ones. An input that takes a new way through the code is changed
/// further.</summary>
/// <param name="target">The target.</param>
/// <param name="folder">Where its corpus is.</param>
/// <param name="seed">Decides every change.</param>
internal sealed class Campaign(Target target, string folder, ulong seed)
{
    /// <summary>Most bytes of a target's corpus.</summary>
    private const int LargestCorpus = 24 << 10;

    private readonly Coverage _coverage = new();
    private readonly List<byte[]> _kept = [];
    private readonly Mutator _mutator = new(seed, target.Longest, [.. target.Words.Select(Encoding.UTF8.GetBytes)]);

    /// <summary>The first input on which the target failed; null where it did on none.</summary>
    public byte[]? Failing { get; private set; }

    /// <summary>How it failed.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Edges that were taken.</summary>
    public int Edges => _coverage.Edges;

    /// <summary>Inputs that each took a new way.</summary>
    public int Kept => _kept.Count;

    /// <summary>The most that an input allocated, in bytes.</summary>
    public long MostAllocated { get; private set; }

    /// <summary>Tries so many inputs beside those of the corpus.</summary>
    /// <returns>Whether the target did not fail.</returns>
    public bool Run(int executions)
    {
        byte[][] given = [[], .. target.Seeds, .. ReadCorpus()];
        foreach (byte[] input in given)
        {
            // The first run makes what is made only once; the second one is looked at.
            Try(input);
            if (Failing is not null)
            {
                return false;
            }
        }

        _coverage.Forget();
        foreach (byte[] input in given.OrderBy(input => input.Length))
        {
            Try(input);
        }

        if (_kept.Count == 0)
        {
            (Failing, Problem) = ([], "nothing that it does is counted: its namespace is to be instrumented (Program.cs)");
            return false;
        }

        for (int i = 0; i < executions && Failing is null; i++)
        {
            Try(_mutator.Change(_kept[_mutator.Next(_kept.Count)], _kept[_mutator.Next(_kept.Count)]));
        }

        return Failing is null;
    }

    /// <summary>Writes the short inputs that take ways which no sample takes, the shortest first: the corpus is these.</summary>
    public void Save()
    {
        byte[][] all = [.. _kept.OrderBy(input => input.Length)];
        _coverage.Forget();
        foreach (byte[] sample in (byte[][])[[], .. target.Seeds])
        {
            Try(sample);
        }

        _kept.Clear();
        foreach (byte[] input in all)
        {
            Try(input);
        }

        Directory.CreateDirectory(folder);
        foreach (string old in Directory.GetFiles(folder))
        {
            File.Delete(old);
        }

        int left = LargestCorpus;
        foreach (byte[] input in _kept.TakeWhile(input => (left -= input.Length) >= 0))
        {
            File.WriteAllBytes(Path.Combine(folder, NameOf(input)), input);
        }
    }

    /// <summary>An input's name, which follows from its content.</summary>
    public static string NameOf(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input))[..16];

    private IEnumerable<byte[]> ReadCorpus() =>
        Directory.Exists(folder) ? Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];

    private void Try(byte[] input)
    {
        Coverage.Begin();
        Exception? thrown = null;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            target.Read(input);
        }
#pragma warning disable CA1031 // Whatever is thrown, it is what the campaign looks for.
        catch (Exception error)
#pragma warning restore CA1031
        {
            thrown = error;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        MostAllocated = Math.Max(MostAllocated, allocated);
        if (_coverage.End())
        {
            _kept.Add(input);
        }

        long most = target.Allocation + ((long)target.AllocationPerByte * input.Length);
        if (thrown is not null && !target.IsRefusal(thrown))
        {
            Fail(input, thrown.ToString());
        }
        else if (allocated > most)
        {
            Fail(input, $"{input.Length} bytes made it allocate {allocated} bytes, more than {most}.");
        }
    }

    private void Fail(byte[] input, string problem)
    {
        if (Failing is null)
        {
            (Failing, Problem) = (input, problem);
        }
    }
}
