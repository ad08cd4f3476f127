using System.Management.Automation;
using System.Net;
using System.Security;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
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
    private protected override void Prepare() => Transports.PeerTimeout.Require(PeerTimeout);

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
        IMigrationHost host = HostRegistry.Get(hostName);
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
            WriteObject(Describe.Receiver(host.Name, ReceiverRegistry.Start(host, listen, identity, PeerTimeout)));
        }
    }
}

/// <summary>Get-MigrationReceiver: the receivers of this session and the migrations that came in.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationReceiver")]
[OutputType(typeof(MigrationReceiverInfo))]
public sealed class GetMigrationReceiverCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns of hosts; every receiver where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ReceiverNameCompleter))]
    public string[]? HostName { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in HostName ?? ["*"])
        {
            ForEachInput(pattern, () =>
            {
                foreach (MigrationReceiver receiver in ReceiverRegistry.Match(pattern))
                {
                    WriteObject(Describe.Receiver(receiver.Host.Name, receiver));
                }
            });
        }
    }
}

/// <summary>Stop-MigrationReceiver: takes no more migrations in.</summary>
[Cmdlet(VerbsLifecycle.Stop, "MigrationReceiver", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationReceiverInfo))]
public sealed class StopMigrationReceiverCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns of hosts; this machine where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ReceiverNameCompleter))]
    public string[] HostName { get; set; } = [LocalXen.HostName];

    /// <summary>Gives up the domains that wait here to be resumed: what has arrived of them is lost.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Returns the receiver as it was at its end, with all that came in.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in HostName)
        {
            ForEachInput(pattern, () =>
            {
                foreach (MigrationReceiver receiver in ReceiverRegistry.Require(pattern))
                {
                    Stop(receiver.Host.Name, receiver);
                }
            });
        }
    }

    private void Stop(string hostName, MigrationReceiver receiver)
    {
        RequireNothingKept(hostName, [.. receiver.Incoming.Where(incoming => incoming.IsKept)]);
        if (!ShouldProcess(Text.Format(SR.TargetHost, hostName), Text.Format(SR.ActionStopReceiver, receiver.Endpoint)))
        {
            return;
        }

        string remains = Text.Format(SR.StillReceiving, hostName);

        // A migration that comes in now may yet lose its source: what is kept is known for sure when all have ended.
        RequireNothingKept(
            hostName, RunJoined((_, token) => receiver.StopUnlessKeepingAsync(token).GetAwaiter().GetResult(), remains));
        RunJoined(
            (_, _) =>
            {
                CleanUp stopping = new();
                stopping.Try(() => receiver.DisposeAsync().AsTask().GetAwaiter().GetResult());
                foreach (IncomingMigration left in receiver.Incoming.Where(incoming => incoming.IsUndecided))
                {
                    stopping.Try(left.GiveUp);
                }

                // What could not be given up stays where it can be found, and be given up again.
                stopping.ThrowIfFailed();
                ReceiverRegistry.Remove(hostName, receiver);
                return true;
            },
            remains);
        if (PassThru)
        {
            WriteObject(Describe.Receiver(hostName, receiver));
        }
    }

    private void RequireNothingKept(string hostName, IReadOnlyList<IncomingMigration> kept)
    {
        if (kept.Count > 0 && !Force)
        {
            throw new CommandException(
                nameof(SR.ReceiverHoldsDomains),
                ErrorCategory.ResourceBusy,
                Text.Format(SR.ReceiverHoldsDomains, hostName, string.Join(", ", kept.Select(incoming => $"'{incoming.DomainName}'"))),
                SR.ReceiverHoldsDomainsRemedy,
                hostName);
        }
    }
}
