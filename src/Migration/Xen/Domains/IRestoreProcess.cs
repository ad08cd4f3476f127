using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// The toolstack's child that makes a domain from a stream. Disposing breaks the stream off where it was not completed: the child then takes
/// the domain down, and has ended.
/// </summary>
internal interface IRestoreProcess : IDisposable
{
    /// <summary>Where the stream goes.</summary>
    Stream Input { get; }

    /// <summary>Whether the child has ended.</summary>
    bool HasExited { get; }

    /// <summary>Ends the stream and waits until the child has ended well.</summary>
    /// <exception cref="MigrationException">It ended with an error; the message has what it printed.</exception>
    void Finish(CancellationToken cancellationToken);

    /// <summary>The error that the child ended with, or that it did not answer.</summary>
    /// <param name="cause">What was noticed first, such as the broken pipe.</param>
    MigrationException Failure(Exception? cause);

    /// <summary>Ends the child at once: whoever writes to it goes on with an error. Any thread.</summary>
    void Kill();
}
