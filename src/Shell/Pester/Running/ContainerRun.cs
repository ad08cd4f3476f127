using System.Diagnostics;
using System.Management.Automation;
using PreRecordMigration.Shell.Pester.Discovery;

namespace PreRecordMigration.Shell.Pester.Running;

/// <summary>
/// Runs the discovered tests of one file, with the scopes of Pester 5: BeforeAll and the tests of a block share the
/// block's scope; each test has a scope of its own, into which BeforeEach, the body and AfterEach are dot-sourced.
/// </summary>
internal sealed class ContainerRun(EngineIntrinsics engine, PesterState state, IPesterReport report, TestDrive drive)
{
    /// <summary>Runs all. Outcomes and errors are left in the nodes.</summary>
    /// <exception cref="PipelineStoppedException">The run was stopped.</exception>
    public void Run(TestContainer container) => RunBlock(container.Root);

    private void RunBlock(TestBlock block)
    {
        var tests = block.AllTests.ToList();
        if (tests.Count == 0)
        {
            return;
        }

        if (tests.TrueForAll(test => test.Skip))
        {
            // Nothing will run, so nothing is set up either.
            report.BlockStarted(block);
            RunChildren(block);
            return;
        }

        var files = drive.Snapshot();
        Attempt(block, () => ScopeFrame.InNewScope(engine.InvokeCommand, () =>
        {
            Attempt(block, () =>
            {
                ScopeFrame.SetData(engine.SessionState, block);
                RunFixture(block, "BeforeAll");
                block.ExpandedName = NameTemplate.Expand(engine.InvokeCommand, block.Name);
            });
            report.BlockStarted(block);
            if (block.Errors.Count == 0)
            {
                RunChildren(block);
            }
            else
            {
                FailAll(block, tests);
            }

            var before = block.Errors.Count;
            Attempt(block, () => RunFixture(block, "AfterAll"));
            report.BlockEnded(block, block.Errors.Skip(before));
        }));
        drive.Restore(files);
    }

    private void RunChildren(TestBlock block)
    {
        foreach (var child in block.Children)
        {
            switch (child)
            {
                case TestBlock inner:
                    RunBlock(inner);
                    break;
                case TestItem test:
                    RunTest(test);
                    report.TestEnded(test);
                    break;
            }
        }
    }

    private void RunTest(TestItem test)
    {
        if (test.Skip)
        {
            test.Outcome = TestOutcome.Skipped;
            return;
        }

        var watch = Stopwatch.StartNew();
        state.RunningTest = test;
        try
        {
            Attempt(test, () => ScopeFrame.InNewScope(engine.InvokeCommand, () => RunTestInScope(test)));
        }
        finally
        {
            state.RunningTest = null;
        }

        test.Duration = watch.Elapsed;
        test.Outcome = OutcomeOf(test);
    }

    private void RunTestInScope(TestItem test)
    {
        var around = new List<TestBlock>();
        for (var block = test.Parent; block is not null; block = block.Parent)
        {
            around.Add(block);
        }

        Attempt(test, () =>
        {
            ScopeFrame.SetData(engine.SessionState, test);
            foreach (var block in Enumerable.Reverse(around))
            {
                RunFixture(block, "BeforeEach");
            }

            test.ExpandedName = NameTemplate.Expand(engine.InvokeCommand, test.Name);
            ScopeFrame.DotSource(engine.InvokeCommand, test.Body, test.DataDictionary);
        });
        foreach (var block in around)
        {
            Attempt(test, () => RunFixture(block, "AfterEach"));
        }
    }

    private void RunFixture(TestBlock block, string keyword)
    {
        if (block.Fixtures.TryGetValue(keyword, out var script))
        {
            ScopeFrame.DotSource(engine.InvokeCommand, script, null);
        }
    }

    private void FailAll(TestBlock block, List<TestItem> tests)
    {
        foreach (var test in tests)
        {
            test.Outcome = test.Skip ? TestOutcome.Skipped : TestOutcome.Failed;
            if (!test.Skip)
            {
                test.Errors.Add(block.Errors[0]);
            }

            report.TestEnded(test);
        }
    }

    private static TestOutcome OutcomeOf(TestItem test)
    {
        var id = test.Errors.Count == 0 ? "" : test.Errors[0].FullyQualifiedErrorId;
        return test.Errors.Count switch
        {
            0 => TestOutcome.Passed,
            1 when id.StartsWith(SetItResultCommand.SkippedId, StringComparison.Ordinal) => TestOutcome.Skipped,
            1 when id.StartsWith(SetItResultCommand.InconclusiveId, StringComparison.Ordinal) => TestOutcome.Inconclusive,
            _ => TestOutcome.Failed,
        };
    }

    // A test script may throw anything; all of it is this node's failure, except that the run itself is being stopped.
    private static void Attempt(TestNode node, Action action)
    {
        try
        {
            action();
        }
        catch (PipelineStoppedException)
        {
            throw;
        }
        catch (RuntimeException error)
        {
            node.Errors.Add(error.ErrorRecord);
        }
        catch (FlowControlException error)
        {
            node.Errors.Add(new ErrorRecord(
                new InvalidOperationException($"'{error.GetType().Name}' left the script: break, continue or exit outside a loop."),
                "PesterFlowControl",
                ErrorCategory.InvalidOperation,
                node.Name));
        }
#pragma warning disable CA1031 // Whatever a test throws is the test's result.
        catch (Exception error)
        {
            node.Errors.Add(new ErrorRecord(error, error.GetType().Name, ErrorCategory.NotSpecified, node.Name));
        }
#pragma warning restore CA1031
    }
}
