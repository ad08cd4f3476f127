using System.Management.Automation;
using System.Management.Automation.Host;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>Tells the formatting engine the width. There is no screen buffer: whatever needs one is refused.</summary>
internal sealed class ShellRawUserInterface(ShellHost host) : PSHostRawUserInterface
{
    private const int Height = 50;

    /// <inheritdoc/>
    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;

    /// <inheritdoc/>
    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;

    /// <inheritdoc/>
    public override Size BufferSize
    {
        get => new(host.Terminal.Width, Height);
        set => throw NoBuffer();
    }

    /// <inheritdoc/>
    public override Coordinates CursorPosition
    {
        get => new(0, 0);
        set => throw NoBuffer();
    }

    /// <inheritdoc/>
    public override int CursorSize { get; set; } = 25;

    /// <inheritdoc/>
    public override bool KeyAvailable => false;

    /// <inheritdoc/>
    public override Size MaxPhysicalWindowSize => BufferSize;

    /// <inheritdoc/>
    public override Size MaxWindowSize => BufferSize;

    /// <inheritdoc/>
    public override Coordinates WindowPosition
    {
        get => new(0, 0);
        set => throw NoBuffer();
    }

    /// <inheritdoc/>
    public override Size WindowSize
    {
        get => BufferSize;
        set => throw NoBuffer();
    }

    /// <inheritdoc/>
    public override string WindowTitle { get; set; } = "";

    /// <inheritdoc/>
    public override void FlushInputBuffer()
    {
        // No key is ever buffered.
    }

    /// <inheritdoc/>
    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw NoBuffer();

    /// <inheritdoc/>
    public override KeyInfo ReadKey(ReadKeyOptions options) => throw NoBuffer();

    /// <inheritdoc/>
    public override void ScrollBufferContents(
        Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) => throw NoBuffer();

    /// <inheritdoc/>
    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw NoBuffer();

    /// <inheritdoc/>
    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw NoBuffer();

    private static PSNotSupportedException NoBuffer() => new("This shell has no screen buffer and reads no keys.");
}
