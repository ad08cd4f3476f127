using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using PreRecordMigration.Files;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Backup;

/// <summary>One step by which a store grows: originals, with the number of its page beside each.</summary>
/// <remarks>A slot is written once, and read once its number is there. Safe for several threads, disposal included.</remarks>
internal abstract class BackupStep : IDisposable
{
    /// <summary>Puts an original into a slot: its content first, then its number.</summary>
    public abstract void Write(int slot, int pfn, ReadOnlySpan<byte> content);

    /// <summary>Copies a slot's content.</summary>
    public abstract void Read(int slot, Span<byte> content);

    /// <summary>Gives its memory back; what still reads it fails.</summary>
    public abstract void Dispose();
}

/// <summary>A step in this process' memory: it dies with the process.</summary>
internal sealed class MemoryStep : BackupStep
{
    private readonly byte[] _pages = GC.AllocateUninitializedArray<byte>(PageBackup.StepPages * Page.Size);

    /// <inheritdoc/>
    public override void Write(int slot, int pfn, ReadOnlySpan<byte> content) => content.CopyTo(Page.At(_pages.AsSpan(), slot));

    /// <inheritdoc/>
    public override void Read(int slot, Span<byte> content) => Page.At(_pages.AsSpan(), slot).CopyTo(content);

    /// <inheritdoc/>
    public override void Dispose()
    {
        // The garbage collector's.
    }
}

/// <summary>A step in a file of a memory file system: what is written is there for whoever comes next as soon as it is written here.</summary>
internal sealed class FileStep : BackupStep
{
    /// <summary>The numbers of a step's pages, plus one so that 0 is none, and behind them its pages.</summary>
    private const int Size = Page.Size + (PageBackup.StepPages * Page.Size);

    private readonly MemoryMappedViewAccessor _view;

    private FileStep(MemoryMappedViewAccessor view) => _view = view;

    private SafeMemoryMappedViewHandle Handle => _view.SafeMemoryMappedViewHandle;

    /// <summary>Makes a step, with room for all of it.</summary>
    /// <exception cref="IOException">There is no room, or the file is there already.</exception>
    public static FileStep Make(string path)
    {
        FileStreamOptions options = RuntimeFolder.NewFile(FileAccess.ReadWrite);

        // All of it is allocated now: a file system that is full shows here, and not as a signal when a page is written.
        options.PreallocationSize = Size;
        return Map(new FileStream(path, options));
    }

    /// <summary>Opens a step that another process made.</summary>
    /// <exception cref="IOException">It cannot be read, or is cut off.</exception>
    public static FileStep Open(string path)
    {
        FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        return file.Length == Size ? Map(file) : throw Cut(file);
    }

    /// <summary>The page of a slot; null where there is none.</summary>
    public int? NumberOf(int slot)
    {
        using Pin pin = new(Handle);
        uint number = Volatile.Read(ref MemoryMarshal.Cast<byte, uint>(pin.Bytes(0, Page.Size))[slot]);
        return number is 0 or > int.MaxValue ? null : (int)(number - 1);
    }

    /// <inheritdoc/>
    public override void Write(int slot, int pfn, ReadOnlySpan<byte> content)
    {
        using Pin pin = new(Handle);
        content.CopyTo(pin.Bytes(Page.Size * (slot + 1), Page.Size));
        Volatile.Write(ref MemoryMarshal.Cast<byte, uint>(pin.Bytes(0, Page.Size))[slot], (uint)pfn + 1);
    }

    /// <inheritdoc/>
    public override void Read(int slot, Span<byte> content)
    {
        using Pin pin = new(Handle);
        pin.Bytes(Page.Size * (slot + 1), Page.Size).CopyTo(content);
    }

    /// <inheritdoc/>
    public override void Dispose() => _view.Dispose();

    private static FileStep Map(FileStream file)
    {
        using (file)
        using (MemoryMappedFile map = MemoryMappedFile.CreateFromFile(file, null, Size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true))
        {
            return new FileStep(map.CreateViewAccessor(0, Size));
        }
    }

    private static IOException Cut(FileStream file)
    {
        using (file)
        {
            return new IOException($"{file.Name} has {file.Length} bytes and not {Size}.");
        }
    }

    /// <summary>Keeps the mapping for as long as it is used.</summary>
    private readonly unsafe ref struct Pin
    {
        private readonly SafeMemoryMappedViewHandle _handle;
        private readonly byte* _address;

        internal Pin(SafeMemoryMappedViewHandle handle)
        {
            _handle = handle;
            byte* address = null;
            handle.AcquirePointer(ref address);
            _address = address;
        }

        internal Span<byte> Bytes(int offset, int length) => new(_address + offset, length);

        public void Dispose() => _handle.ReleasePointer();
    }
}
