using System.Management.Automation;
using System.Net;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets an address of this machine be given as an <see cref="IPAddress"/> or as text: four plain decimal numbers, an IPv6
/// address with or without brackets, or localhost. PowerShell's own conversion would take 7000 for 0.0.27.88.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class ListenAddressAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if ((inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is IPAddress address)
        {
            return HostAddress.Plain(address);
        }

        // PowerShell keeps the text of a number that was typed, and has none of one that it computed: neither is an address.
        string text = QuantityText.Of(inputData);
        if (!HostAddress.TryParse(text, out HostAddress? host, out string problem))
        {
            throw Refused(text, problem);
        }

        return host!.Address ?? (host.IsLoopback ? IPAddress.Loopback : throw Refused(text, SR.AddressIsName));
    }

    private static ArgumentTransformationMetadataException Refused(string text, string problem) =>
        new($"{Text.Format(SR.InvalidListenAddress, text, problem)} {SR.InvalidListenAddressRemedy}");
}
