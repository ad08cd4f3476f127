using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Tests.Methods;

public sealed class SpeedLogTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Speeds_are_what_was_done_between_two_looks()
    {
        Guest guest = new();
        using SpeedLog log = new(_time, () => DomainHolder.Source);
        log.Begin(guest, _time.GetTimestamp());
        guest.Work = 50;
        _time.Advance(SpeedLog.Interval);
        guest.Work = 60;
        _time.Advance(SpeedLog.Interval);
        log.End();
        guest.Work = 1000;
        _time.Advance(SpeedLog.Interval);
        Assert.Equal(
            [new SpeedSample(SpeedLog.Interval, 500, DomainHolder.Source), new SpeedSample(2 * SpeedLog.Interval, 100, DomainHolder.Source)], log.Samples());
    }

    [Fact]
    public void However_long_it_takes_the_looks_are_bounded_and_what_was_done_is_kept()
    {
        Guest guest = new();
        using SpeedLog log = new(_time, () => DomainHolder.Destination);
        log.Begin(guest, _time.GetTimestamp());
        for (int i = 0; i < 5000; i++)
        {
            guest.Work += 7;
            _time.Advance(SpeedLog.Interval);
        }

        IReadOnlyList<SpeedSample> samples = log.Samples();
        Assert.InRange(samples.Count, 100, MigrationDetails.MaximumSamples);
        Assert.All(samples, sample => Assert.Equal(70, sample.OperationsPerSecond, 6));
    }

    [Fact]
    public void A_host_that_does_not_count_and_a_domain_that_is_gone_tell_nothing_more()
    {
        using SpeedLog nothing = new(_time, () => DomainHolder.Source);
        nothing.Begin(new object(), 0);
        _time.Advance(SpeedLog.Interval);
        Assert.Empty(nothing.Samples());

        Guest guest = new() { Work = 1 };
        using SpeedLog log = new(_time, () => DomainHolder.Source);
        log.Begin(guest, _time.GetTimestamp());
        guest.IsGone = true;
        _time.Advance(SpeedLog.Interval);
        guest.IsGone = false;
        _time.Advance(SpeedLog.Interval);
        Assert.Empty(log.Samples());
    }

    [Fact]
    public void The_numbers_of_a_guests_speed_come_from_both_sides()
    {
        static SpeedSample At(double seconds, double speed) => new(TimeSpan.FromSeconds(seconds), speed, DomainHolder.Both);
        MigrationPhaseTime[] phases =
        [
            new(MigrationPhase.Prepare, TimeSpan.Zero, TimeSpan.FromSeconds(1)), new(MigrationPhase.Record, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)),
            new(MigrationPhase.Handover, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1)),
        ];
        GuestSpeed speed = GuestSpeeds.Of(
            [At(0.5, 100), At(1, 100), At(2, 60)], [At(4, 20), At(5, 50), At(6, 95), At(7, 90)], phases, TimeSpan.FromSeconds(3));
        Assert.Equal(new GuestSpeed(100, 60, 90, 0.8, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3)) { InFirstSecond = 20, To10Seconds = (50 + 95 + 90) / 3d }, speed);
        Assert.Equal(GuestSpeed.None, GuestSpeeds.Of([], [], phases, TimeSpan.Zero));
    }

    private sealed class Guest : IGuestWork
    {
        private double _work;

        public bool IsGone { get; set; }

        public double Work
        {
            get => _work;
            set => _work = value;
        }

        double? IGuestWork.Work => IsGone ? throw new ObjectDisposedException("domain") : _work;
    }
}
