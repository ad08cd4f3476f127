using System.Management.Automation.Host;

namespace PreRecordMigration.Cmdlets;

/// <summary>What a PowerShell host throws that cannot show or tell what it is asked for.</summary>
internal static class HostErrors
{
    /// <summary>Whether an exception is one of those.</summary>
    public static bool IsOne(Exception error) => error is HostException or NotImplementedException or InvalidOperationException;
}
