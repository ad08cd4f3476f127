using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Operations;

/// <summary>What an administrator can give as a destination, and what is said of anything else.</summary>
public sealed class DestinationTests
{
    [Theory]
    [InlineData("xen2", "xen2")]
    [InlineData("XEN2", "xen2")]
    public void A_host_goes_by_its_own_name_however_it_was_written(string text, string name)
    {
        using WorkspaceFixture fixture = new();
        Destination destination = Destination.Parse(text, fixture.Workspace);
        Assert.Equal(name, destination.Name);
        Assert.Same(fixture.Destination, destination.Host);
        Assert.Null(destination.Route);
        Assert.False(destination.IsProtected);
    }

    [Theory]
    [InlineData("localhost:7000")]
    [InlineData("127.0.0.1:7000")]
    [InlineData("[::1]:7000")]
    public void An_address_of_this_machine_goes_by_what_was_given(string text)
    {
        using WorkspaceFixture fixture = new();
        Destination destination = Destination.Parse(text, fixture.Workspace);
        Assert.Equal(text, destination.Name);
        Assert.Null(destination.Host);
        Assert.NotNull(destination.Route);
        Assert.Same(destination.Route, destination.RouteToReceiver());
        Assert.False(destination.IsProtected);
    }

    [Fact]
    public void Another_machine_is_reached_by_its_own_protected_way()
    {
        using WorkspaceFixture fixture = new();
        RemoteHost far = new("far", Route.Ssh("root@far", 7000), "ssh");
        fixture.Workspace.Hosts.Add(far);
        Destination destination = Destination.Parse("Far", fixture.Workspace);
        Assert.Equal("far", destination.Name);
        Assert.Same(far.Route, destination.Route);
        Assert.True(destination.IsProtected);
    }

    [Theory]
    [InlineData("192.0.2.1:7000", "DestinationNotLoopback", OperationProblem.Security)]
    [InlineData("xen9.example.org:7000", "DestinationNotLoopback", OperationProblem.Security)]
    [InlineData("127.0.0.1", "InvalidDestination", OperationProblem.Argument)]
    [InlineData("localhost:70000", "InvalidDestination", OperationProblem.Argument)]
    [InlineData("a b", "InvalidDestination", OperationProblem.Argument)]
    public void Anything_else_is_refused_with_what_to_do(string text, string errorId, OperationProblem problem)
    {
        using WorkspaceFixture fixture = new();
        OperationException refused = Assert.Throws<OperationException>(() => Destination.Parse(text, fixture.Workspace));
        Assert.Equal((errorId, problem, text), (refused.ErrorId, refused.Problem, refused.Target));
        Assert.NotEmpty(refused.Remedy);
    }

    [Fact]
    public void A_name_alone_is_a_hosts()
    {
        using WorkspaceFixture fixture = new();
        Assert.Equal(
            MigrationErrorId.HostNotFound, Assert.Throws<MigrationException>(() => Destination.Parse("xen9", fixture.Workspace)).ErrorId);
    }

    [Fact]
    public void Who_goes_on_with_a_migration_needs_a_receiver_that_listens()
    {
        using WorkspaceFixture fixture = new();
        Destination destination = Destination.Parse("xen2", fixture.Workspace);
        Assert.Equal("ReceiverNotFound", Assert.Throws<OperationException>(destination.RouteToReceiver).ErrorId);
    }
}
