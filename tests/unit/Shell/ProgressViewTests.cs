using System.Management.Automation;
using PreRecordMigration.Shell.Hosting;

namespace PreRecordMigration.Tests.Shell;

public class ProgressViewTests
{
    [Fact]
    public void Without_a_console_a_line_is_written_at_most_once_a_second_and_at_the_end()
    {
        var clock = new ManualClock();
        using var writer = new StringWriter();
        var view = new ProgressLogView(writer, clock);

        view.Show(Record("0 %"));
        clock.Advance(TimeSpan.FromMilliseconds(999));
        view.Show(Record("10 %"));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        view.Show(Record("20 %"));
        view.Show(Completed());
        view.Show(Completed());

        Assert.Equal("PROGRESS: Moving | 0 %\nPROGRESS: Moving | 20 %\nPROGRESS: Moving | completed\n", writer.ToString());
    }

    [Fact]
    public void On_a_console_one_line_is_rewritten_and_removed()
    {
        using var writer = new StringWriter();
        var view = new ProgressLineView(writer, 12, new ManualClock());

        view.Show(Record("a long status"));
        view.Show(Completed());

        Assert.Equal("Moving | a \r\u001b[K", writer.ToString());
    }

    private static ProgressRecord Record(string status) => new(1, "Moving", status);

    private static ProgressRecord Completed() => new(1, "Moving", "x") { RecordType = ProgressRecordType.Completed };

    private sealed class ManualClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
