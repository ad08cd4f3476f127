using PreRecordMigration.Errors;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

/// <content>Marks of another version: they stay as they are, and so does the domain.</content>
public sealed partial class SourceOpeningTests
{
    public static TheoryData<string> UnknownMarks => ["", "nonsense", "Handed 0:0 UUID", "Leaving 0:0:1 UUID 1 xen2:8472", "2;Leaving;0:0;UUID", new string('x', 3000)];

    [Theory]
    [MemberData(nameof(UnknownMarks))]
    public void A_mark_that_is_not_understood_stays_whatever_is_tried_with_its_domain(string mark)
    {
        Stop(isSuspended: true);
        string content = mark.Replace("UUID", _domain.Uuid, StringComparison.Ordinal);
        _xen.Write(MarkPath, content);

        using IDomainControl control = _xen.Connect();
        Func<object>[] tries =
        [
            () => _source.Open(),
            () => _source.Open(isReleased: true),
            _source.OpenLeaving,
            () =>
            {
                SourceOpening.RequireUnclaimed(control, "vm");
                return this;
            },
        ];
        foreach (Func<object> attempt in tries)
        {
            MigrationException error = Assert.Throws<MigrationException>(attempt);
            Assert.Equal(MigrationErrorId.DomainBusy, error.ErrorId);
            Assert.Contains(MarkPath, error.Message, StringComparison.Ordinal);
            Assert.Contains($"xenstore-rm {MarkPath}", error.Remedy, StringComparison.Ordinal);
        }

        Assert.Equal(content, _xen.Read(MarkPath));
        Assert.False(_domain.Runs);
        Assert.Empty(_source.Steps);
    }

    [Fact]
    public void The_service_hears_of_marks_that_are_not_understood_and_those_of_no_domain_go()
    {
        using IDomainControl control = _xen.Connect();
        SourceMarker.RequireUnderstood(control);
        FakeDomain gone = _xen.Add("gone");
        FakeDomain other = _xen.Add("other");
        _xen.Write(SourceMarker.PathOf(gone.DomId), "of another version");
        _xen.Write(SourceMarker.PathOf(other.DomId), "of another version");
        _xen.Remove(gone);

        _source.Open();

        Assert.Null(_xen.Read(SourceMarker.PathOf(gone.DomId)));
        Assert.Equal("of another version", _xen.Read(SourceMarker.PathOf(other.DomId)));
        MigrationException error = Assert.Throws<MigrationException>(() => SourceMarker.RequireUnderstood(control));
        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains(SourceMarker.PathOf(other.DomId), error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(MarkPath, error.Message, StringComparison.Ordinal);
    }

    /// <summary>What a later version says of how a domain left is what it goes on with: an earlier one that looks leaves it.</summary>
    [Theory]
    [InlineData("1 xen2:8472 0123456789abcdef0123456789abcdef AB01 PostCopy Observe and something new")]
    [InlineData("1 xen2:8472 0123456789abcdef0123456789abcdef AB01 BetterCopy Observe via:ssh:root@xen2 ran")]
    [InlineData("2;anything at all")]
    public void How_a_domain_left_stays_as_it_was_noted_where_it_is_not_understood(string left)
    {
        Stop(isSuspended: true);
        _xen.Write(MarkPath, $"Leaving {default(OwnerProcess)} {_domain.Uuid} {left}");

        Assert.Equal(MigrationErrorId.DomainState, Refusal().ErrorId);
        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(_source.OpenLeaving).ErrorId);

        Assert.Equal($"Leaving {default(OwnerProcess)} {_domain.Uuid} {left}", _xen.Read(MarkPath));
        Assert.False(_domain.Runs);
    }
}
