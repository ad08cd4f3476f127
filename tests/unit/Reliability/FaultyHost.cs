using System.Reflection;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>The hypervisor's boundary of one side, every call of it a point of a plan.</summary>
internal static class FaultyHost
{
    /// <summary>The interfaces of the boundary.</summary>
    public static readonly Type[] Interfaces =
    [
        typeof(IMigrationHost), typeof(ISourceDomain), typeof(IIncomingDomain), typeof(IRemotePaging), typeof(IAccessRecorder),
        typeof(IDirtyTracker), typeof(IOutputPlug), typeof(IGuestMemory),
    ];

    /// <summary>Properties that only tell what the object has known since it was made: they ask no hypervisor.</summary>
    public static readonly string[] Known =
    [
        "IMigrationHost.Name", "IMigrationHost.Hypervisor", "ISourceDomain.Info", "ISourceDomain.Memory", "ISourceDomain.HasUnseenWriters", "ISourceDomain.AskTime",
        "IIncomingDomain.Info", "IIncomingDomain.Memory", "IIncomingDomain.IsTouchedByRestore", "IIncomingDomain.ToolstackTime", "IRemotePaging.Missing",
        "IAccessRecorder.IsEpochOrdered", "IAccessRecorder.UntrackedPages", "IGuestMemory.PageCount",
    ];

    /// <summary>Every call of the boundary, by reflection.</summary>
    public static IEnumerable<string> Calls => Interfaces
        .SelectMany(type => type.GetInterfaces().Append(type).SelectMany(part => part.GetMethods()).Select(method => NameOf(type, method)))
        .Except(Known).Distinct();

    public static IMigrationHost Wrap(IMigrationHost host, FaultPlan plan, string side) => Proxy(host, plan, side);

    /// <summary>A call's name: the interface with the method or property.</summary>
    public static string NameOf(Type type, MethodInfo method) =>
        $"{type.Name}.{(method.IsSpecialName ? method.Name[(method.Name.IndexOf('_', StringComparison.Ordinal) + 1)..] : method.Name)}";

    /// <summary>The call that a point is of, without the side and the mark.</summary>
    public static string CallOf(string point) => point[(point.IndexOf(' ', StringComparison.Ordinal) + 1)..].Split('(')[0];

    /// <summary>What a call made, with its calls as points.</summary>
    public static object? WrapMade(object? made, FaultPlan plan, string side) => made switch
    {
        ISourceDomain domain => Proxy(domain, plan, side),
        LeftDomain left => left with { Domain = Proxy(left.Domain, plan, side) },
        LeftArrival left => left with { Domain = Proxy(left.Domain, plan, side) },
        IIncomingDomain domain => Proxy(domain, plan, side),
        IDirtyTracker tracker => Proxy(tracker, plan, side),
        IOutputPlug plug => Proxy(plug, plan, side),
        IRemotePaging paging => new FaultyPaging(paging, plan, side),
        IAccessRecorder recorder => new FaultyRecorder(recorder, plan, side),
        IGuestMemory memory => new FaultyMemory(memory, plan, side),
        _ => made,
    };

    /// <summary>Takes down what a call made that then fails.</summary>
    public static void TakeDown(object? made)
    {
        if (made is IIncomingDomain incoming)
        {
            incoming.Destroy();
        }

        if (made is LeftDomain left)
        {
            left.Domain.Dispose();
        }

        if (made is LeftArrival arrival)
        {
            arrival.Domain.Dispose();
        }

        if (made is IDisposable disposable)
        {
            disposable.Dispose();
        }
    }

    private static T Proxy<T>(T inner, FaultPlan plan, string side)
        where T : class
    {
        T proxy = DispatchProxy.Create<T, FaultyProxy>();
        ((FaultyProxy)(object)proxy).Begin(typeof(T), inner, plan, side);
        return proxy;
    }
}

/// <summary>Any interface without spans in its calls.</summary>
public class FaultyProxy : DispatchProxy
{
    private Type _type = null!;
    private object _inner = null!;
    private FaultPlan _plan = null!;
    private string _side = null!;

    internal void Begin(Type type, object inner, FaultPlan plan, string side) => (_type, _inner, _plan, _side) = (type, inner, plan, side);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        string name = FaultyHost.NameOf(_type, targetMethod!);
        if (FaultyHost.Known.Contains(name))
        {
            return FaultyHost.WrapMade(Call(), _plan, _side);
        }

        string marked = targetMethod!.Name == nameof(ISourceDomain.Mark) ? $"({args![0] ?? "none"})" : "";
        return FaultyHost.WrapMade(_plan.PassCall($"{_side} {name}{marked}", Call, FaultyHost.TakeDown), _plan, _side);

        object? Call() => targetMethod!.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null);
    }
}

internal sealed class FaultyMemory(IGuestMemory inner, FaultPlan plan, string side) : IGuestMemory
{
    public int PageCount => inner.PageCount;

    public unsafe void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        fixed (int* first = pfns)
        {
            fixed (byte* content = pages)
            {
                (nint at, int count, nint into, int length) = ((nint)first, pfns.Length, (nint)content, pages.Length);
                plan.PassCall($"{side} IGuestMemory.Read", () =>
                {
                    inner.Read(new ReadOnlySpan<int>((int*)at, count), new Span<byte>((byte*)into, length));
                    return true;
                });
            }
        }
    }

    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        (int[] at, byte[] contents) = (pfns.ToArray(), pages.ToArray());
        plan.PassCall($"{side} IGuestMemory.Write", () =>
        {
            inner.Write(at, contents);
            return true;
        });
    }
}

internal sealed class FaultyPaging(IRemotePaging inner, FaultPlan plan, string side) : IRemotePaging
{
    public PageBitmap Missing => inner.Missing;

    public void TakeAway(PageBitmap pages) => Do(() => inner.TakeAway(pages), nameof(TakeAway));

    public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
    {
        PageFault[] taken = new PageFault[faults.Length];
        int count = plan.PassCall($"{side} IRemotePaging.WaitFault", () => inner.WaitFault(taken, timeout, cancellationToken));
        taken.AsSpan(0, count).CopyTo(faults);
        return count;
    }

    public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        (int[] at, byte[] contents) = (pfns.ToArray(), pages.ToArray());
        plan.PassCall($"{side} IRemotePaging.Place", () =>
        {
            inner.Place(at, contents);
            return true;
        });
    }

    public void Disable() => Do(inner.Disable, nameof(Disable));

    public void Dispose() => Do(inner.Dispose, nameof(Dispose));

    private void Do(Action call, string name) => plan.PassCall($"{side} IRemotePaging.{name}", () =>
    {
        call();
        return true;
    });
}

internal sealed class FaultyRecorder(IAccessRecorder inner, FaultPlan plan, string side) : IAccessRecorder
{
    public bool IsEpochOrdered => inner.IsEpochOrdered;

    public PageBitmap UntrackedPages => inner.UntrackedPages;

    public int Drain(Span<AccessRecord> records)
    {
        AccessRecord[] taken = new AccessRecord[records.Length];
        int count = plan.PassCall($"{side} IAccessRecorder.Drain", () => inner.Drain(taken));
        taken.AsSpan(0, count).CopyTo(records);
        return count;
    }

    public void BeginEpoch() => Do(inner.BeginEpoch, nameof(BeginEpoch));

    public void Dispose() => Do(inner.Dispose, nameof(Dispose));

    private void Do(Action call, string name) => plan.PassCall($"{side} IAccessRecorder.{name}", () =>
    {
        call();
        return true;
    });
}
