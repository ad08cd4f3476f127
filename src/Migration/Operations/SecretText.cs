using System.Runtime.InteropServices;
using System.Security;

namespace PreRecordMigration.Operations;

/// <summary>The text of a secret for as long as it is needed; wiped when disposed. It is never a string, because strings stay in memory.</summary>
public sealed class SecretText : IDisposable
{
    private readonly char[] _text;

    /// <summary>Copies a secret out; an empty one where there is none.</summary>
    /// <param name="secret">The secret; null for none.</param>
    public SecretText(SecureString? secret)
    {
        _text = GC.AllocateArray<char>(secret?.Length ?? 0, pinned: true);
        if (secret is null)
        {
            return;
        }

        nint copy = Marshal.SecureStringToGlobalAllocUnicode(secret);
        try
        {
            Marshal.Copy(copy, _text, 0, _text.Length);
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(copy);
        }
    }

    /// <summary>The text.</summary>
    public ReadOnlySpan<char> Text => _text;

    /// <inheritdoc/>
    public void Dispose() => Array.Clear(_text);
}
