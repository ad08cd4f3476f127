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
        string certificate = FilePaths.Target(this, System.IO.Path.Combine(Path, Name + ".pem"), mayMakeFolder: true);
        string key = FilePaths.Target(this, System.IO.Path.Combine(Path, Name + CertificateFiles.KeyExtension), mayMakeFolder: true);
        foreach (string file in new[] { certificate, key }.Where(file => File.Exists(file) && !Force))
        {
            throw new CommandException(
                nameof(SR.FileExists), ErrorCategory.ResourceExists, Text.Format(SR.FileExists, file), SR.FileExistsRemedy, file);
        }

        if (ShouldProcess(certificate, Text.Format(SR.ActionNewCertificate, key)))
        {
            WriteObject(FilePaths.Use(certificate, () => Make(certificate, key)));
        }
    });

    private MigrationCertificateInfo Make(string certificatePath, string keyPath)
    {
        FilePaths.MakeFolder(keyPath);
        using SecretText password = new(CertificatePassword);
        using X509Certificate2 made = CertificateMaker.Write(Name, certificatePath, keyPath, TimeSpan.FromDays(ValidDays), password.Text);
        return new MigrationCertificateInfo(
            Name, CertificateTrust.Thumbprint(made), made.NotBefore, made.NotAfter, certificatePath, keyPath);
    }
}
