using System.Management.Automation;
using System.Security;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets a password be given as a SecureString or as the one of a PSCredential. Anything else is refused without being
/// shown: PowerShell's own conversion would print what it could not convert.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class CertificatePasswordAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        ((inputData as PSObject)?.BaseObject ?? inputData) switch
        {
            SecureString password => password,
            PSCredential credential => credential.Password,
            _ => throw new ArgumentTransformationMetadataException($"{SR.PasswordNotSecure} {SR.PasswordNotSecureRemedy}"),
        };
}
