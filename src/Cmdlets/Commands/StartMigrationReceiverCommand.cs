using System.Management.Automation;
using System.Net;
using System.Security;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Start-MigrationReceiver: lets a host take migrations in, on this machine's loopback, or with certificates from the network.
/// </summary>
[Cmdlet(VerbsLifecycle.Start, "MigrationReceiver", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationReceiverInfo))]
public sealed class StartMigrationReceiverCommand : RowCommand
{
    /// <summary>The host that incoming domains will run on; this machine's Xen where it is not given.</summary>
    [Parameter(Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string HostName { get; set; } = LocalXen.HostName;

    /// <summary>Hosts, or rows with a HostName, and with options in columns named as the parameters are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>The address of this machine to listen at; beyond loopback only with a certificate.</summary>
    [Parameter]
    [Column]
    [ListenAddress]
    [ValidateNotNull]
    public IPAddress Address { get; set; } = IPAddress.Loopback;

    /// <summary>The port to listen on; 0 takes a free one.</summary>
    [Parameter]
    [Column]
    [ValidateRange(0, IPEndPoint.MaxPort)]
    public int Port { get; set; }

    /// <summary>This host's certificate with its key: an X509Certificate2, or a file; beyond loopback the configured one where it
    /// is not given.</summary>
    [Parameter]
    [Column]
    [ValidateNotNullOrEmpty]
    public object? Certificate { get; set; }

    /// <summary>Decrypts the certificate's key: a SecureString, or a PSCredential, whose password is taken.</summary>
    [Parameter]
    [CertificatePassword]
    public SecureString? CertificatePassword { get; set; }

    /// <summary>Whom to take migrations from: X509Certificate2 objects, files, or SHA-256 thumbprints.</summary>
    [Parameter]
    [Column]
    [ValidateNotNullOrEmpty]
    public object[]? TrustedCertificate { get; set; }

    /// <summary>How long a source may be silent before the connection to it counts as lost.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan PeerTimeout { get; set; } = new MigrationOptions().PeerTimeout;

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationConfiguration.ApplyTo(this);
        Prepare();
    });

    /// <inheritdoc/>
    private protected override void Prepare() => Options.PeerTimeout.Require(PeerTimeout);

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InputSet)
        {
            ForNamed(InputObject, [nameof(HostName), "Name"], LocalXen.HostName, Start);
        }
        else
        {
            ForEachInput(HostName, () => Start(HostName));
        }
    }

    private void Start(string hostName)
    {
        IMigrationHost host = HostSelection.Get(hostName);
        host.GetCapabilities().Require(MigrationCapability.Control);
        IPEndPoint listen = new(Address, Port);
        TlsParameters tls = new(Certificate, CertificatePassword, TrustedCertificate);
        TlsIdentity? identity = tls.IsGiven || !HostAddress.IsLoopbackAddress(Address)
            ? tls.Make(this, Text.Format(SR.NeedsListening, listen))
            : null;
        if (identity is null)
        {
            WarnOfUnusedCertificates(SR.WarningCertificatesNotAsked, listen);
        }

        if (ShouldProcess(Text.Format(SR.TargetHost, host.Name), Text.Format(SR.ActionStartReceiver, listen)))
        {
            WriteObject(MigrationReceiverInfo.Of(Workspace.OfProcess.Receivers.Start(host, listen, identity, PeerTimeout)));
            WarnOfBoard();
        }
    }
}
