namespace PreRecordMigration.Xen.Native;

/// <summary>
/// The calls that a domain's life rests on: the hypervisor's and the toolstack's on whole domains, and XenStore's. Whatever stops, wakes,
/// names and destroys domains knows Xen through this interface alone, so that every failure of every call can be tested without Xen.
/// </summary>
/// <remarks>
/// Safe for several threads. A call may take effect and report an error all the same: whoever makes it again looks first at
/// what the domain is now.
/// </remarks>
internal interface IDomainControl : IDisposable
{
    /// <summary>All domains, the control domain included, by id.</summary>
    IReadOnlyList<XenDomainInfo> ListDomains();

    /// <summary>One domain.</summary>
    /// <exception cref="XenException">ESRCH: there is none of that id.</exception>
    XenDomainInfo GetDomain(int domid);

    /// <summary>Stops the vCPUs. Pauses are counted: it takes as many unpauses to let them run.</summary>
    void Pause(int domid);

    /// <summary>Takes one pause back.</summary>
    /// <exception cref="XenException">EINVAL: it is not paused.</exception>
    void Unpause(int domid);

    /// <summary>Lets a suspended domain run on here; the guest learns that its suspension was cancelled.</summary>
    /// <exception cref="XenException">EINVAL: it is not suspended.</exception>
    void Resume(int domid);

    /// <summary>Tells XenStore that a suspended domain runs on here.</summary>
    void ResumeStore(int domid);

    /// <summary>Sets how much memory the domain may have, in KiB.</summary>
    void SetMaximumMemory(int domid, long kibibytes);

    /// <summary>Destroys the domain with its devices (libxl).</summary>
    void Destroy(int domid);

    /// <summary>Gives the domain another name (libxl).</summary>
    /// <exception cref="XenException">EINVAL: another domain bears it.</exception>
    void Rename(int domid, string name);

    /// <summary>The domain's configuration as libxl's JSON, with the devices, vCPUs and memory that it has now.</summary>
    string GetConfigurationJson(int domid);

    /// <summary>Reads a node of XenStore as text; null where there is none.</summary>
    string? ReadStore(string path);

    /// <summary>Writes a node of XenStore, made where it is not there.</summary>
    void WriteStore(string path, string value);

    /// <summary>Removes a node of XenStore and what is below it; nothing happens where it is not there.</summary>
    void RemoveStore(string path);

    /// <summary>The names of a node's children; empty where the node is not there.</summary>
    IReadOnlyList<string> ListStore(string path);

    /// <summary>Changes a node in one transaction, where it holds exactly what is expected. Null stands for no node.</summary>
    /// <returns>Whether it did.</returns>
    bool TrySwapStore(string path, string? expected, string? value);

    /// <summary>Keeps what does not fit into a node of XenStore until the host goes down: a file in memory that only root reads.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="content">What is in it; what was there before is replaced in one step.</param>
    /// <exception cref="Errors.MigrationException">AccessDenied or FileNotTrusted: it cannot be kept there.</exception>
    void WriteFile(string name, ReadOnlyMemory<byte> content);

    /// <summary>Reads what was kept; null where there is none.</summary>
    byte[]? ReadFile(string name);

    /// <summary>Removes what was kept; nothing happens where it is not there.</summary>
    void RemoveFile(string name);

    /// <summary>
    /// Whether a backend of the control domain has answered all that a domain asked for in a ring of its. Of a domain that runs that is so for a moment only.
    /// </summary>
    /// <param name="domid">The domain.</param>
    /// <param name="reference">The grant of the ring's first page, as the guest says in XenStore.</param>
    /// <exception cref="XenException">There is no such grant.</exception>
    bool IsRingIdle(int domid, uint reference);

    /// <summary>
    /// Watches nodes; one watch at a time on a connection. "@releaseDomain" changes when a domain stops, suspends or goes: xenstored alone is told so by the
    /// hypervisor (VIRQ_DOM_EXC), and tells everybody.
    /// </summary>
    IStoreWatch WatchStore(params IReadOnlyList<string> paths);
}

/// <summary>A watch on nodes of XenStore. Disposing ends it.</summary>
internal interface IStoreWatch : IDisposable
{
    /// <summary>Waits until a node changes, <see cref="Wake"/> was called, or the time is over. The first wait finds a change.</summary>
    /// <returns>Whether one has changed since the last wait.</returns>
    bool Wait(TimeSpan timeout);

    /// <summary>Ends the wait that runs, or the next one. Any thread; nothing happens after disposal.</summary>
    void Wake();
}
