using System.Management.Automation;
using System.Net;
using System.Security;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>Connect-MigrationHost: opens this machine's Xen, or names another machine as a destination.</summary>
[Cmdlet(VerbsCommunications.Connect, "MigrationHost", DefaultParameterSetName = LocalSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(MigrationHost))]
public sealed class ConnectMigrationHostCommand : RowCommand
{
    private const string LocalSet = "Local";
    private const string TlsSet = "Tls";
    private const string SshSet = "Ssh";
    private const int DefaultPort = 7000;

    /// <summary>The host: this machine by its name, or the name that another one is to have in this session.</summary>
    [Parameter(Position = 0, ParameterSetName = LocalSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = TlsSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = SshSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string Name { get; set; } = LocalXen.HostName;

    /// <summary>
    /// Hosts and their names, or rows with a Name, and with an Address or an SshTarget where it is another machine, and with options in
    /// columns named as the parameters are.
    /// </summary>
    [Parameter(ParameterSetName = LocalSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject? InputObject { get; set; }

    /// <summary>Where the other machine's receiver is: a name or an address, with a port where that is not 7000, such as xen2.example.org:7001.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TlsSet)]
    [Column]
    [ValidateNotNullOrEmpty]
    public string Address { get; set; } = "";

    /// <summary>This host's certificate with its key: an X509Certificate2, or a file; the configured one where it is not given.</summary>
    [Parameter(ParameterSetName = TlsSet)]
    [Parameter(ParameterSetName = LocalSet)]
    [Column]
    [ValidateNotNullOrEmpty]
    public object? Certificate { get; set; }

    /// <summary>Decrypts the certificate's key: a SecureString, or a PSCredential, whose password is taken.</summary>
    [Parameter(ParameterSetName = TlsSet)]
    [Parameter(ParameterSetName = LocalSet)]
    [CertificatePassword]
    public SecureString? CertificatePassword { get; set; }

    /// <summary>Whom to send domains to: X509Certificate2 objects, files, or SHA-256 thumbprints.</summary>
    [Parameter(ParameterSetName = TlsSet)]
    [Parameter(ParameterSetName = LocalSet)]
    [Column]
    [ValidateNotNullOrEmpty]
    public object[]? TrustedCertificate { get; set; }

    /// <summary>What ssh calls the other machine, such as root@xen2: domains go through ssh to a receiver on its loopback, which is found there, or started.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SshSet)]
    [Column]
    [ValidateNotNullOrEmpty]
    public string SshTarget { get; set; } = "";

    /// <summary>The port of the receiver there: 7000 where it does not stand behind the address; through ssh it is found where it is not given.</summary>
    [Parameter(ParameterSetName = SshSet)]
    [Parameter(ParameterSetName = TlsSet)]
    [Parameter(ParameterSetName = LocalSet)]
    [Column]
    [ValidateRange(1, IPEndPoint.MaxPort)]
    public int Port { get; set; } = DefaultPort;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputObject is { } input)
        {
            ForNamed(input, ["Name", "HostName"], null, Connect);
        }
        else
        {
            ForEachInput(Name, () => Connect(Name));
        }
    }

    private void Connect(string name)
    {
        switch (Address.Length > 0, SshTarget.Length > 0)
        {
            case (true, true):
                throw new CommandException(
                    nameof(SR.HostRowTwoWays), ErrorCategory.InvalidData, Text.Format(SR.HostRowTwoWays, name), SR.HostRowTwoWaysRemedy, name);
            case (true, false):
                (HostAddress host, int port) = ParseAddress();
                TlsIdentity identity = new TlsParameters(Certificate, CertificatePassword, TrustedCertificate)
                    .Make(this, Text.Format(SR.NeedsConnecting, $"{host}:{port}"));
                Register(new RemoteHost(name, Route.Tls(host, port, identity), "TLS 1.3"));
                break;
            case (false, true):
                Register(new RemoteHost(name, Route.Ssh(SshTarget, IsGiven(nameof(Port)) ? Port : null), "ssh"));
                break;
            default:
                RequireLocal(name);
                if (!HostSelection.Contains(name) || ShouldProcess(Text.Format(SR.TargetHost, name), SR.ActionConnect))
                {
                    WriteObject(Workspace.OfProcess.Describe(HostSelection.Get(name)));
                }

                break;
        }
    }

    /// <summary>Refuses parameters that are for another machine only, where this one is meant. Given for many rows, they need not concern each of them.</summary>
    private void RequireLocal(string name)
    {
        string[] ofAnother = [nameof(Certificate), nameof(CertificatePassword), nameof(TrustedCertificate), nameof(Port)];
        if (ofAnother.Any(IsGiven) && !(InputObject is not null && HostSelection.Contains(name)))
        {
            throw new CommandException(
                nameof(SR.AddressMissing), ErrorCategory.InvalidArgument, Text.Format(SR.AddressMissing, name), SR.AddressMissingRemedy, name);
        }
    }

    private void Register(RemoteHost host)
    {
        Workspace.OfProcess.Hosts.RequireFree(host.Name);
        if (ShouldProcess(Text.Format(SR.TargetHost, host.Name), Text.Format(SR.ActionConnectRemote, host.Route.Address, host.Transport)))
        {
            Workspace.OfProcess.Hosts.Add(host);
            WriteObject(host.Describe());
        }
    }

    /// <summary>The address and the port, which stands behind it or is given by itself. Two that differ are refused: neither goes first.</summary>
    private (HostAddress Host, int Port) ParseAddress()
    {
        if (!HostAddress.TryParse(Address, out HostAddress? host, out int? port, out string problem))
        {
            throw new CommandException(
                nameof(SR.InvalidAddress),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.InvalidAddress, Address, problem),
                $"{HostAddress.Remedy} {SR.InvalidAddressRemedy}",
                Address);
        }

        if (port is { } behind && IsGiven(nameof(Port)) && Port != behind)
        {
            throw new CommandException(
                nameof(SR.AddressTwoPorts),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.AddressTwoPorts, Address, Port),
                Text.Format(SR.AddressTwoPortsRemedy, host, behind, Port),
                Address);
        }

        return (host!, port ?? Port);
    }
}
