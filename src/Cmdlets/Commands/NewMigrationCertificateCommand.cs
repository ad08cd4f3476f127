using System.Management.Automation;
using System.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>New-MigrationCertificate: makes a host's certificate and private key for TLS between hosts.</summary>
[Cmdlet(VerbsCommon.New, "MigrationCertificate", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(MigrationCertificateInfo))]
public sealed class NewMigrationCertificateCommand : RowCommand
{
    private const string NamePattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$";

    /// <summary>The names in the certificates and of their files; this machine's where it is not given.</summary>
    [Parameter(Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [ValidatePattern(NamePattern)]
    public string[] Name { get; set; } = [Environment.MachineName];

    /// <summary>Hosts, or rows with a Name, and with options in columns named as the parameters are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>The folder for the files, made where only it is missing; the current one where it is not given.</summary>
    [Parameter(Position = 1)]
    [Column]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = ".";

    /// <summary>For how many days it is valid.</summary>
    [Parameter]
    [Column]
    [ValidateRange(1, 36_500)]
    public int ValidDays { get; set; } = 825;

    /// <summary>Encrypts the private key: a SecureString, or a PSCredential, whose password is taken.</summary>
    [Parameter]
    [CertificatePassword]
    public SecureString? CertificatePassword { get; set; }

    /// <summary>Replaces files that are there.</summary>
    [Parameter]
    [Column]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InputSet)
        {
            ForNamed(InputObject, [nameof(Name)], null, MakeNamed);
        }
        else
        {
            foreach (string name in Name)
            {
                ForEachInput(name, () => Make(name));
            }
        }
    }

    /// <summary>Makes a certificate for a name from a row, which is checked as PowerShell checks one of the command line.</summary>
    private void MakeNamed(string name)
    {
        if (!Regex.IsMatch(name, NamePattern))
        {
            throw new CommandException(
                nameof(SR.CertificateNameInvalid), ErrorCategory.InvalidData, Text.Format(SR.CertificateNameInvalid, name), SR.CertificateNameInvalidRemedy, name);
        }

        Make(name);
    }

    private void Make(string name)
    {
        WritableFile certificate = Target(name, ".pem");
        WritableFile key = Target(name, CertificateFiles.KeyExtension);
        if (ShouldProcess(certificate.Path, Text.Format(SR.ActionNewCertificate, key.Path)))
        {
            WriteObject(FileErrors.Of(certificate.Path, () => Make(name, certificate, key)));
        }
    }

    private WritableFile Target(string name, string extension)
    {
        string file = FilePaths.Target(this, System.IO.Path.Combine(Path, name + extension), mayMakeFolder: true);
        return FileErrors.Of(file, () => WritableFile.At(file, Force));
    }

    private MigrationCertificateInfo Make(string name, WritableFile certificate, WritableFile key)
    {
        FilePaths.MakeFolder(key.Path);
        using SecretText password = new(CertificatePassword);
        using X509Certificate2 made = CertificateMaker.Write(name, certificate, key, TimeSpan.FromDays(ValidDays), password.Text);
        return new MigrationCertificateInfo(
            name, CertificateTrust.Thumbprint(made), made.NotBefore, made.NotAfter, certificate.Path, key.Path);
    }
}
