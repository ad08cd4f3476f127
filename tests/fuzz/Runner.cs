namespace PreRecordMigration.Fuzz;

/// <summary>Runs targets, each as one test.</summary>
internal static class Runner
{
    private static readonly TimeSpan s_longestInput = TimeSpan.FromMinutes(5);

    public static int Run(Options options)
    {
        int passed = 0;
        int failed = 0;
        foreach (Target target in Targets.All.Where(target => options.Names.Count == 0 || options.Names.Contains(target.Name)))
        {
            Campaign campaign = new(target, Path.Combine(options.Corpus, target.Name), options.Seed);
            Thread thread = new(() => campaign.Run(options.Executions));
            thread.IsBackground = true;
            thread.Start();
            if (!thread.Join(s_longestInput + TimeSpan.FromMilliseconds(options.Executions)))
            {
                Console.WriteLine($"  [-] {target.Name}: it does not come to an end");
                failed++;
                break;
            }

            if (campaign.Failing is { } input)
            {
                Directory.CreateDirectory(options.Failures);
                string file = Path.Combine(options.Failures, $"{target.Name}-{Campaign.NameOf(input)}");
                File.WriteAllBytes(file, input);
                Console.WriteLine($"  [-] {target.Name}: {campaign.Problem}\n      the input is in {file}; --seed {options.Seed}");
                failed++;
                continue;
            }

            if (options.IsSaving)
            {
                campaign.Save();
            }

            Console.WriteLine($"  [+] {target.Name}: {campaign.Kept} inputs kept, {campaign.Edges} edges, at most {campaign.MostAllocated >> 10} KiB allocated");
            passed++;
        }

        if (options.Names.Count == 0)
        {
            string[] strangers = [.. ReaderList.Unreached()];
            Console.WriteLine(strangers.Length == 0
                ? "  [+] every reader of the engine has a target"
                : $"  [-] readers without a target (tests/fuzz/ReaderList.cs says what to do): {string.Join(", ", strangers)}");
            _ = strangers.Length == 0 ? passed++ : failed++;
        }

        Console.WriteLine($"fuzz: {passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }
}
