using System.Management.Automation;
using System.Security;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>New-MigrationCertificate: makes a host's certificate and private key for TLS between hosts.</summary>
[Cmdlet(VerbsCommon.New, "MigrationCertificate", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(MigrationCertificateInfo))]
public sealed class NewMigrationCertificateCommand : MigrationCmdlet
{
    /// <summary>The name in the certificate and of the files; this machine's where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidatePattern("^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$")]
    public string Name { get; set; } = Environment.MachineName;

    /// <summary>The folder for the files, made where only it is missing; the current one where it is not given.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = ".";

    /// <summary>For how many days it is valid.</summary>
    [Parameter]
    [ValidateRange(1, 36_500)]
    public int ValidDays { get; set; } = 825;

    /// <summary>Encrypts the private key: a SecureString, or a PSCredential, whose password is taken.</summary>
    [Parameter]
    [CertificatePassword]
    public SecureString? CertificatePassword { get; set; }

    /// <summary>Replaces files that are there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(Name, () =>
    {
        WritableFile certificate = Target(".pem");
        WritableFile key = Target(CertificateFiles.KeyExtension);
        if (ShouldProcess(certificate.Path, Text.Format(SR.ActionNewCertificate, key.Path)))
        {
            WriteObject(FilePaths.Use(certificate.Path, () => Make(certificate, key)));
        }
    });

    private WritableFile Target(string extension)
    {
        string file = FilePaths.Target(this, System.IO.Path.Combine(Path, Name + extension), mayMakeFolder: true);
        return FilePaths.Use(file, () => WritableFile.At(file, Force));
    }

    private MigrationCertificateInfo Make(WritableFile certificate, WritableFile key)
    {
        FilePaths.MakeFolder(key.Path);
        using SecretText password = new(CertificatePassword);
        using X509Certificate2 made = CertificateMaker.Write(Name, certificate, key, TimeSpan.FromDays(ValidDays), password.Text);
        return new MigrationCertificateInfo(
            Name, CertificateTrust.Thumbprint(made), made.NotBefore, made.NotAfter, certificate.Path, key.Path);
    }
}
