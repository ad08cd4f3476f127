using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.LabTrial;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Incoming;
using PreRecordMigration.Xen.Native;

// Moves a running PVH guest of this host to this host by post-copy, with nothing between the two halves but this process's
// memory: the smallest proof of the destination half on real Xen. Usage: NAME [seconds-to-watch] [die-at-stage]
string name = args[0];
int watch = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 60;
string dieAt = args.Length > 2 ? args[2] : "";
long begin = Stopwatch.GetTimestamp();

AppDomain.CurrentDomain.UnhandledException += (_, e) =>
{
    Say($"FAILED: {((Exception)e.ExceptionObject).GetType().Name}: {((Exception)e.ExceptionObject).Message}");
    Environment.Exit(1);
};
Say("started");
using XenControl control = XenControl.Open();
using TrialSource source = TrialSource.Open(control, name);
DomainDescription description = source.Describe();
Say($"source is domain {source.DomId}, {description.Populated.Sum(range => range.Count)} pages, {description.VcpuCount} vCPUs");
using XenIncomingDomain incoming = IncomingCreation.Create(XenControl.Open(), "here", description, CancellationToken.None);
Say($"prepared domain {incoming.Info.Id} {incoming.Info.Name} {incoming.Info.State}");
IRemotePaging paging = incoming.EnableRemotePF();
Say($"RemotePF on: {paging.Missing.Count} pages missing");
DieAt("prepared");

CoreState core = source.Checkpoint();
long suspended = Stopwatch.GetTimestamp();
Say($"checkpoint: {core.Pages.Count} core pages, {core.Sections.Sum(section => section.Content.Length)} bytes of state");
incoming.Restore(core, CancellationToken.None);
Say($"restored, {incoming.Info.State}");
DieAt("restored");

long faults = 0;
Lock sent = new();
PageBitmap unsent = paging.Missing.Clone();
using CancellationTokenSource stop = new();
Thread server = new(() => Serve(paging, stop.Token));
Thread pusher = new(() => Push(paging));
server.Start();
incoming.Unpause();
Say($"unpaused; downtime {Stopwatch.GetElapsedTime(suspended).TotalMilliseconds:F0} ms");
pusher.Start();
pusher.Join();
while (paging.Missing.Count > 0)
{
    Thread.Sleep(1);
}

Say($"all here: {Interlocked.Read(ref faults)} remote faults");
stop.Cancel();
server.Join();
paging.Disable();
Say("RemotePF off");
source.Destroy();
incoming.Complete();
Say($"complete as {incoming.Info.Name}, {incoming.Info.State}");
for (int second = 0; second < watch; second += 5)
{
    Thread.Sleep(5000);
    Say($"{incoming.Info.State}: {control.ReadStore($"/local/domain/{incoming.Info.Id}/data/lab")}");
}

return 0;

void Serve(IRemotePaging remote, CancellationToken token)
{
    PageFault[] pending = new PageFault[16];
    while (!token.IsCancellationRequested)
    {
        int count;
        try
        {
            count = remote.WaitFault(pending, TimeSpan.FromSeconds(1), token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        for (int i = 0; i < count; i++)
        {
            Interlocked.Increment(ref faults);
            if (Claim(pending[i].Pfn))
            {
                remote.Place([pending[i].Pfn], source.Content(pending[i].Pfn));
            }
        }
    }
}

void Push(IRemotePaging remote)
{
    foreach (int[] batch in paging.Missing.Clone().Pfns().Chunk(32))
    {
        int[] mine = [.. batch.Where(Claim)];
        remote.Place(mine, source.Contents(mine));
        if (unsent.Count < paging.Missing.PageCount && mine.Length > 0 && mine[0] > 16384)
        {
            DieAt("halfway");
        }
    }
}

bool Claim(int pfn)
{
    lock (sent)
    {
        return unsent.TryClear(pfn);
    }
}

void Say(string text) => Console.WriteLine(
    string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(begin).TotalSeconds,8:F2} {text}"));

void DieAt(string stage)
{
    if (stage == dieAt)
    {
        Say($"killing this process: {stage}");
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }
}
