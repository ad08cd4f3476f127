namespace PreRecordMigration.Xen.Outputs;

/// <summary>How much has come out of a domain through a network card, since the card was there.</summary>
/// <param name="Bytes">Bytes, without link headers.</param>
/// <param name="Packets">Packets.</param>
internal readonly record struct SentCount(long Bytes, long Packets);

/// <summary>
/// What the control domain's network does for the plug of a network card. What a domain sends comes into the control domain at its card's
/// interface; from there it is redirected to an interface of ours, a plug, which holds it until it is released, and then gives it back to where
/// it came from. Each call is one change, or none.
/// </summary>
/// <remarks>A call may take effect and fail all the same; none waits for longer than a bounded time.</remarks>
internal interface INetworkLayer
{
    /// <summary>What this host lacks for it, and the package that has it; null where nothing.</summary>
    string? Missing { get; }

    /// <summary>The names of all plugs.</summary>
    IReadOnlyList<string> ListPlugs();

    /// <summary>Whether there is an interface of this name.</summary>
    bool IsThere(string card);

    /// <summary>Whether something looks at what comes in at an interface already: there is one place for that.</summary>
    bool HasIngress(string card);

    /// <summary>Makes an interface that can be a plug; what is redirected to it passes.</summary>
    void AddPlug(string plug);

    /// <summary>From here on what comes to the plug is held, as long as all of it is no more than a number of bytes; more is lost.</summary>
    void LimitPlug(string plug, long bytes);

    /// <summary>Lets the plug take what is redirected to it; before, that is lost.</summary>
    void RaisePlug(string plug);

    /// <summary>Makes the place at an interface where what comes in can be redirected. Everything passes.</summary>
    void AddIngress(string card);

    /// <summary>Redirects all that comes in at an interface to a plug.</summary>
    void Redirect(string card, string plug);

    /// <summary>Lets all that a plug holds go on, in order, and whatever still comes.</summary>
    void Release(string plug);

    /// <summary>How many bytes a plug holds; null where it has no limit yet, and holds nothing.</summary>
    long? HeldBytes(string plug);

    /// <summary>Removes the place at an interface, and the redirection with it.</summary>
    void RemoveIngress(string card);

    /// <summary>Removes a plug; what it holds is lost.</summary>
    void RemovePlug(string plug);

    /// <summary>What has come out of a domain so far; cheap.</summary>
    SentCount SentBy(string card);
}
