using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

/// <content>A connection to the host, and its watches.</content>
internal sealed partial class FakeXen
{
    private sealed class FakeControl(FakeXen xen) : IDomainControl
    {
        private bool _isDisposed;

        public IReadOnlyList<XenDomainInfo> ListDomains() =>
            xen.Call(nameof(ListDomains), () => xen._domains.Values.OrderBy(domain => domain.DomId).Select(InfoOf).ToList());

        public XenDomainInfo GetDomain(int domid) => xen.Call(nameof(GetDomain), () => InfoOf(xen.Domain(domid, nameof(GetDomain))));

        public void Pause(int domid) => xen.Call(nameof(Pause), () => xen.Domain(domid, nameof(Pause)).Pauses++);

        public void Unpause(int domid) => xen.Call(nameof(Unpause), () =>
        {
            FakeDomain domain = xen.Domain(domid, nameof(Unpause));
            if (domain.Pauses == 0)
            {
                throw new XenException(nameof(Unpause), XenErrno.Invalid, "not paused", "");
            }

            domain.Pauses--;
            xen.Run(domain);
        });

        public void Resume(int domid) => xen.Call(nameof(Resume), () =>
        {
            FakeDomain domain = xen.Domain(domid, nameof(Resume));
            if (domain.ShutdownReason != XenDomainInfo.ReasonSuspend)
            {
                throw new XenException(nameof(Resume), XenErrno.Invalid, "not suspended", "");
            }

            domain.ShutdownReason = null;
            xen.Run(domain);
        });

        public void ResumeStore(int domid) =>
            xen.Call(nameof(ResumeStore), () => xen.Domain(domid, nameof(ResumeStore)).IsStoppedForStore = false);

        public void SetMaximumMemory(int domid, long kibibytes) =>
            xen.Call(nameof(SetMaximumMemory), () => xen.Domain(domid, nameof(SetMaximumMemory)).MaxPages = (ulong)kibibytes / 4);

        public void Destroy(int domid) => xen.Call(nameof(Destroy), () => xen.Forget(xen.Domain(domid, nameof(Destroy))));

        public void Rename(int domid, string name) => xen.Call(nameof(Rename), () =>
        {
            xen.Domain(domid, nameof(Rename));
            if (xen._domains.Keys.Any(other => other != domid && xen._store.GetValueOrDefault(NamePath(other)) == name))
            {
                throw new XenException(nameof(Rename), XenErrno.Invalid, "name taken", "");
            }

            xen.Put(NamePath(domid), name);
        });

        public string GetConfigurationJson(int domid) =>
            xen.Call(nameof(GetConfigurationJson), () => xen.Domain(domid, nameof(GetConfigurationJson)).Json);

        public string? ReadStore(string path) => xen.Call(nameof(ReadStore), () => xen._store.GetValueOrDefault(path));

        public void WriteStore(string path, string value) => xen.Call(nameof(WriteStore), () => xen.Put(path, value));

        public void RemoveStore(string path) => xen.Call(nameof(RemoveStore), () => xen.RemoveTree(path));

        public IReadOnlyList<string> ListStore(string path) => xen.Call(nameof(ListStore), () => xen._store.Keys
            .Where(node => node.StartsWith(path + "/", StringComparison.Ordinal))
            .Select(node => node[(path.Length + 1)..].Split('/')[0])
            .Distinct()
            .ToList());

        public bool TrySwapStore(string path, string? expected, string? value) => xen.Call(nameof(TrySwapStore), () =>
        {
            if (xen._store.GetValueOrDefault(path) != expected)
            {
                return false;
            }

            if (value is null)
            {
                xen.RemoveTree(path);
            }
            else
            {
                xen.Put(path, value);
            }

            return true;
        });

        public void WriteFile(string name, ReadOnlyMemory<byte> content) => xen.Call(nameof(WriteFile), () => xen.Files[name] = content.ToArray());

        public byte[]? ReadFile(string name) => xen.Call(nameof(ReadFile), () => xen.Files.GetValueOrDefault(name));

        public void RemoveFile(string name) => xen.Call(nameof(RemoveFile), () => xen.Files.Remove(name));

        public bool IsRingIdle(int domid, uint reference) => xen.Call(nameof(IsRingIdle), () =>
        {
            xen.Domain(domid, nameof(IsRingIdle));
            return xen.Outputs.IsRingIdle();
        });

        public IStoreWatch WatchStore(params IReadOnlyList<string> paths) => xen.Call(nameof(WatchStore), () =>
        {
            FakeWatch watch = new(xen, paths);
            xen._watches.Add(watch);
            return watch;
        });

        public void Dispose()
        {
            lock (xen._gate)
            {
                if (!_isDisposed)
                {
                    _isDisposed = true;
                    xen.Connections--;
                }
            }
        }
    }

    private sealed class FakeWatch(FakeXen xen, IReadOnlyList<string> paths) : IStoreWatch
    {
        private bool _isWoken;

        internal IReadOnlyList<string> Paths => paths;

        internal bool IsChanged { get; set; } = true;

        public bool Wait(TimeSpan timeout)
        {
            xen.Waiting?.Invoke(timeout);
            lock (xen._gate)
            {
                if (!IsChanged && !_isWoken && timeout > TimeSpan.Zero && xen.Waiting is null)
                {
                    Monitor.Wait(xen._gate, timeout);
                }

                bool changed = IsChanged;
                IsChanged = false;
                return changed;
            }
        }

        public void Wake()
        {
            lock (xen._gate)
            {
                _isWoken = true;
                Monitor.PulseAll(xen._gate);
            }
        }

        public void Dispose()
        {
            lock (xen._gate)
            {
                xen._watches.Remove(this);
            }
        }
    }
}
