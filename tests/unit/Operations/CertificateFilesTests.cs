using System.Security;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Operations;

/// <summary>Certificates that are made and read: a key is nobody else's, and what is wrong with a file is said.</summary>
public sealed class CertificateFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("prerecord-certificates-").FullName;

    [Theory]
    [InlineData("")]
    [InlineData("a password")]
    public void A_certificate_that_is_made_has_a_key_that_only_its_owner_may_read(string password)
    {
        string certificate = Path.Combine(_folder, "xen1.pem");
        string key = Path.Combine(_folder, "xen1.key");
        using X509Certificate2 made = CertificateMaker.Write(
            "xen1", WritableFile.At(certificate, false), WritableFile.At(key, false), TimeSpan.FromDays(1), password);
        using X509Certificate2 read = password.Length == 0
            ? X509Certificate2.CreateFromPemFile(certificate, key)
            : X509Certificate2.CreateFromEncryptedPemFile(certificate, password, key);
        Assert.True(read.HasPrivateKey);
        Assert.Equal(made.Thumbprint, read.Thumbprint);
        Assert.Equal("CN=xen1", read.Subject);
        Assert.Equal(password.Length > 0, File.ReadAllText(key).Contains("ENCRYPTED", StringComparison.Ordinal));
        using SecureString secret = new();
        Array.ForEach(password.ToCharArray(), secret.AppendChar);
        OwnCertificate own = CertificateFiles.ReadOwn(certificate, password.Length == 0 ? null : secret);
        Assert.Equal(made.Thumbprint, own.Certificate.Thumbprint);
        Assert.Equal(made.Thumbprint, Assert.Single(CertificateFiles.ReadTrusted(certificate)).Thumbprint);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
        }
    }

    [Fact]
    public void What_is_wrong_with_a_certificate_is_said()
    {
        string certificate = Make("xen1", "right");
        AssertRefused("CertificatePasswordMissing", OperationProblem.Authentication, () => CertificateFiles.ReadOwn(certificate, null));
        using SecureString wrong = new();
        wrong.AppendChar('x');
        AssertRefused("CertificatePasswordWrong", OperationProblem.Authentication, () => CertificateFiles.ReadOwn(certificate, wrong));
        File.Delete(Path.ChangeExtension(certificate, CertificateFiles.KeyExtension));
        AssertRefused("CertificateKeyMissing", OperationProblem.NotFound, () => CertificateFiles.ReadOwn(certificate, null));

        string empty = Path.Combine(_folder, "empty.pem");
        File.WriteAllText(empty, " ");
        AssertRefused("CertificateUnusable", OperationProblem.Data, () => CertificateFiles.ReadTrusted(empty));
        AssertRefused("FileFailed", OperationProblem.Reading, () => CertificateFiles.ReadTrusted(Path.Combine(_folder, "nothere.pem")));
    }

    [Fact]
    public void A_key_that_others_may_read_is_not_used()
    {
        string certificate = Make("xen1", "");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(
                Path.ChangeExtension(certificate, CertificateFiles.KeyExtension), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
            Assert.Equal(
                MigrationErrorId.FileNotTrusted, Assert.Throws<MigrationException>(() => CertificateFiles.ReadOwn(certificate, null)).ErrorId);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Make(string name, string password)
    {
        string certificate = Path.Combine(_folder, $"{name}.pem");
        CertificateMaker.Write(
            name,
            WritableFile.At(certificate, false),
            WritableFile.At(Path.ChangeExtension(certificate, CertificateFiles.KeyExtension), false),
            TimeSpan.FromDays(1),
            password).Dispose();
        return certificate;
    }

    private static void AssertRefused(string errorId, OperationProblem problem, Action action)
    {
        OperationException refused = Assert.Throws<OperationException>(action);
        Assert.Equal((errorId, problem), (refused.ErrorId, refused.Problem));
        Assert.NotEmpty(refused.Remedy);
    }
}
