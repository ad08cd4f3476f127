namespace PreRecordMigration.Tests.Xen.Streams;

/// <summary>
/// Makes the test file of <see cref="StrippedSaveFile"/> anew; runs only when it is named:
/// PRERECORD_STRIP_FROM=whole.xlsave PRERECORD_STRIP_TO=small.xlsave.br PreRecordMigration.Tests -explicit only
/// </summary>
public class StrippedSaveFileMaker
{
    [Fact(Explicit = true)]
    public void Make_the_stripped_file()
    {
        string source = Environment.GetEnvironmentVariable("PRERECORD_STRIP_FROM")
            ?? throw new InvalidOperationException("PRERECORD_STRIP_FROM names no file of xl save.");
        string destination = Environment.GetEnvironmentVariable("PRERECORD_STRIP_TO")
            ?? throw new InvalidOperationException("PRERECORD_STRIP_TO names no file to write.");
        StrippedSaveFile.Make(source, destination);
        Assert.InRange(new FileInfo(destination).Length, 1, 100_000);
    }
}
