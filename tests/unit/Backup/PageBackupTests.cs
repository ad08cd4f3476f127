using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Pages;
using PreRecordMigration.Processes;
using PreRecordMigration.Tests.Files;

namespace PreRecordMigration.Tests.Backup;

public sealed class PageBackupTests
{
    [Fact]
    public void Many_threads_store_each_page_once_and_what_is_there_is_whole()
    {
        const int PageCount = 1000;
        const int Threads = 4;
        PageBackup backups = new(PageCount);
        int stored = 0;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
        {
            byte[] content = new byte[Page.Size];
            byte[] read = new byte[Page.Size];
            for (int i = 0; i < PageCount; i++)
            {
                int pfn = thread % 2 == 0 ? i : PageCount - 1 - i;
                content.AsSpan().Fill((byte)(1 + (pfn % 250)));
                if (backups.TryAdd(pfn, content))
                {
                    Interlocked.Increment(ref stored);
                }

                if (backups.TryRead(pfn, read))
                {
                    Assert.Equal(-1, read.AsSpan().IndexOfAnyExcept((byte)(1 + (pfn % 250))));
                }
            }
        });
        Assert.Equal(PageCount, stored);
        Assert.Equal(PageCount, backups.Count);
        Assert.Equal(Enumerable.Range(0, PageCount), backups.Pfns());
    }

    [Fact]
    public void The_first_content_stays()
    {
        PageBackup backups = new(10);
        byte[] first = Filled(1);
        Assert.True(backups.TryAdd(4, first));
        Assert.False(backups.TryAdd(4, Filled(2)));
        byte[] read = new byte[Page.Size];
        Assert.True(backups.TryRead(4, read));
        Assert.Equal(first, read);
        Assert.False(backups.TryRead(5, read));
        Assert.False(backups.Contains(5));
    }

    [Fact]
    public void The_store_grows_by_steps()
    {
        PageBackup backups = new(1000);
        Assert.Equal(0, backups.AllocatedBytes);
        backups.TryAdd(0, Filled(1));
        Assert.Equal((long)PageBackup.StepPages * Page.Size, backups.AllocatedBytes);
        for (int pfn = 1; pfn <= PageBackup.StepPages; pfn++)
        {
            backups.TryAdd(pfn, Filled(1));
        }

        Assert.Equal(2L * PageBackup.StepPages * Page.Size, backups.AllocatedBytes);
    }

    [Fact]
    public void A_full_store_refuses_and_keeps_what_it_has()
    {
        PageBackup backups = new(100, limitPages: 2);
        backups.TryAdd(1, Filled(1));
        backups.TryAdd(2, Filled(2));
        for (int attempt = 0; attempt < 2; attempt++)
        {
            MigrationException full = Assert.Throws<MigrationException>(() => backups.TryAdd(3, Filled(3)));
            Assert.Equal(MigrationErrorId.BackupStoreFull, full.ErrorId);
        }

        Assert.False(backups.Contains(3));
        Assert.False(backups.TryAdd(1, Filled(9)));
        Assert.Equal(2, backups.Count);
    }

    [Fact]
    public void Memory_at_the_checkpoint_is_the_backup_or_the_present()
    {
        ArrayMemory current = new(3);
        current.Write([0, 1, 2], [.. Filled(1), .. Filled(2), .. Filled(3)]);
        PageBackup backups = new(3);
        backups.TryAdd(1, Filled(2));
        current.Write([1], Filled(99));
        CheckpointMemory checkpoint = new(current, backups);
        byte[] read = new byte[3 * Page.Size];
        checkpoint.Read([2, 1, 0], read);
        Assert.Equal([.. Filled(3), .. Filled(2), .. Filled(1)], read);
        Assert.Equal(3, checkpoint.PageCount);
        Assert.Throws<InvalidOperationException>(() => checkpoint.Write([0], Filled(1)));
    }

    [Fact]
    public void Memory_at_the_checkpoint_does_not_see_a_write_that_comes_while_it_reads()
    {
        ArrayMemory current = new(1);
        current.Write([0], Filled(1));
        PageBackup backups = new(1);
        // The write falls between the reading of the page and the look for a backup.
        current.AfterRead = () =>
        {
            backups.TryAdd(0, Filled(1));
            current.Write([0], Filled(2));
        };
        byte[] torn = new byte[Page.Size];
        new CheckpointMemory(current, backups).Read([0], torn);
        Assert.Equal(Filled(1), torn);
        current.AfterRead = null;
        new CheckpointMemory(current, backups).Read([0], torn);
        Assert.Equal(Filled(1), torn);
    }

    [Fact]
    public void Originals_kept_elsewhere_are_taken_over_before_the_checkpoint_is_looked_at()
    {
        ArrayMemory current = new(2);
        current.Write([0, 1], [.. Filled(1), .. Filled(2)]);
        PageBackup backups = new(2);
        current.Write([1], Filled(99));
        backups.Follow(() => backups.TryAdd(1, Filled(2)));
        byte[] read = new byte[2 * Page.Size];
        new CheckpointMemory(current, backups).Read([0, 1], read);
        Assert.Equal([.. Filled(1), .. Filled(2)], read);
        backups.Follow(null);
        backups.CatchUp();
    }

    [Fact]
    public void A_page_that_was_given_back_is_read_from_its_backup_alone()
    {
        ArrayMemory current = new(3) { Gone = 1 };
        PageBackup backups = new(3);
        CheckpointMemory checkpoint = new(current, backups);
        byte[] read = new byte[3 * Page.Size];
        Assert.Throws<MigrationException>(() => checkpoint.Read([0, 1, 2], read));

        // After the look for a backup the page is backed up and given back: the reading fails once and is made again.
        current.Write([0], Filled(5));
        backups.Follow(() => backups.TryAdd(1, Filled(7)));
        checkpoint.Read([0, 1, 2], read);
        Assert.Equal([.. Filled(5), .. Filled(7), .. Filled(0)], read);
        backups.Follow(null);
        checkpoint.Read([0, 1], read.AsSpan(0, 2 * Page.Size));
        Assert.Equal(7, read[Page.Size]);
    }

    [Fact]
    public void What_is_kept_is_had_again_to_the_byte()
    {
        const int pages = (2 * PageBackup.StepPages) + 3;
        PageBackup backups = PageBackup.Outliving(1000, null);
        for (int pfn = 0; pfn < pages; pfn++)
        {
            Assert.True(backups.TryAdd(999 - pfn, Filled((byte)pfn)));
        }

        Guid kept = backups.Keep("vm");
        using PageBackup again = PageBackup.Reopen(kept, 1000);

        Assert.Equal(backups.Pfns(), again.Pfns());
        byte[] content = new byte[Page.Size];
        for (int pfn = 0; pfn < pages; pfn++)
        {
            Assert.True(again.TryRead(999 - pfn, content));
            Assert.Equal(Filled((byte)pfn), content);
        }

        Assert.False(again.TryRead(0, content));

        // Where a step has gone, what is in it would be taken for unchanged.
        File.Delete(Path.Combine(RuntimeFolder.Find(), $"originals-{kept:N}.2"));
        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(() => PageBackup.Reopen(kept, 1000)).ErrorId);
        backups.Discard();
        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(() => PageBackup.Reopen(kept, 1000)).ErrorId);
        Assert.Empty(Directory.GetFiles(RuntimeFolder.Find(), $"originals-{kept:N}*"));
    }

    [Fact]
    public void A_store_of_another_domain_or_one_that_is_cut_off_is_not_had_again()
    {
        PageBackup backups = PageBackup.Outliving(1000, null);
        backups.TryAdd(5, Filled(5));
        Guid kept = backups.Keep("vm");
        Assert.Throws<MigrationException>(() => PageBackup.Reopen(kept, 1001));

        using (FileStream step = new(Path.Combine(RuntimeFolder.Find(), $"originals-{kept:N}.0"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            step.SetLength(Page.Size);
        }

        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(() => PageBackup.Reopen(kept, 1000)).ErrorId);
        backups.Discard();
    }

    [Fact]
    public void What_is_no_file_is_neither_read_nor_taken_away_where_originals_are_looked_for()
    {
        string folder = Directory.CreateTempSubdirectory("prerecord-originals-").FullName;
        try
        {
            string pipe = Path.Combine(folder, $"originals-{Guid.NewGuid():N}");
            string link = Path.Combine(folder, $"originals-{Guid.NewGuid():N}");
            Assert.Equal(0, OtherUsers.Run("mkfifo", pipe));
            File.CreateSymbolicLink(link, pipe);

            // Whoever opened one of them would wait for ever.
            using BackupFiles made = BackupFiles.TryMake(10, runtime: folder)!;
            BackupFiles.SweepUnmarked(() => new HashSet<Guid>(), folder);

            Assert.True(File.Exists(pipe));
            Assert.Equal(pipe, File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_killed_recording_left_goes_with_the_next_one_unless_its_domain_has_left(bool hasLeft)
    {
        BackupFiles killed = BackupFiles.TryMake(1000)!;
        killed.TryMakeStep(0)!.Dispose();
        Assert.True(!hasLeft || killed.TryKeep(0));
        string head = Path.Combine(RuntimeFolder.Find(), $"originals-{killed.Id:N}");

        // Its process lives.
        PageBackup.Outliving(1000, null).Discard();
        Assert.True(File.Exists(head));
        killed.Dispose();

        PageBackup.Outliving(1000, null).Discard();

        Assert.Equal(hasLeft, File.Exists(head));
        Assert.Equal(hasLeft, File.Exists($"{head}.0"));
        BackupFiles.Delete(killed.Id);
        Assert.False(File.Exists($"{head}.0"));
    }

    [Theory]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    public void What_is_kept_of_a_domain_that_ends_with_its_process_goes_with_the_next_recording(bool endsWithProcess, bool hasEnded, bool stays)
    {
        string folder = Directory.CreateTempSubdirectory("prerecord-originals-").FullName;
        try
        {
            BackupFiles left = BackupFiles.TryMake(1000, hasEnded ? new OwnerProcess(int.MaxValue, 1) : null, folder, endsWithProcess)!;
            left.TryMakeStep(0)!.Dispose();
            Assert.True(left.TryKeep(0));

            using BackupFiles next = BackupFiles.TryMake(1000, runtime: folder)!;

            string head = Path.Combine(folder, $"originals-{left.Id:N}");
            Assert.Equal(stays, File.Exists(head));
            Assert.Equal(stays, File.Exists($"{head}.0"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(true, false, true, false)]
    [InlineData(true, true, true, true)]
    [InlineData(true, false, false, true)]
    [InlineData(false, false, true, true)]
    public void What_is_there_for_a_successor_goes_where_its_process_has_ended_and_no_mark_names_it(bool hasEnded, bool isNamed, bool isKnown, bool stays)
    {
        string folder = Directory.CreateTempSubdirectory("prerecord-originals-").FullName;
        try
        {
            BackupFiles left = BackupFiles.TryMake(1000, hasEnded ? new OwnerProcess(int.MaxValue, 1) : null, folder)!;
            left.TryMakeStep(0)!.Dispose();
            Assert.True(left.TryKeep(0));
            BackupFiles held = BackupFiles.TryMake(1000, new OwnerProcess(int.MaxValue, 1), folder)!;
            string head = Path.Combine(folder, $"originals-{left.Id:N}");

            // Somebody who takes over reads the head just then, and goes on with the steps.
            using (FileStream reading = File.OpenRead(head))
            {
                BackupFiles.SweepUnmarked(
                    () =>
                    {
                        Assert.True(hasEnded, "asked though there is nothing to ask for");
                        return isKnown ? new HashSet<Guid>(isNamed ? [left.Id] : []) : null;
                    },
                    folder);
            }

            Assert.Equal(stays, File.Exists(head));
            Assert.Equal(stays, File.Exists($"{head}.0"));
            Assert.True(File.Exists(Path.Combine(folder, $"originals-{held.Id:N}")));
            held.Dispose();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Filled(byte value)
    {
        byte[] page = new byte[Page.Size];
        page.AsSpan().Fill(value);
        return page;
    }
}

/// <summary>Memory in an array, all of it populated.</summary>
internal sealed class ArrayMemory(int pageCount) : IGuestMemory
{
    private readonly byte[] _bytes = new byte[pageCount * Page.Size];

    public int PageCount => pageCount;

    public Action? AfterRead { get; set; }

    /// <summary>A page that is not there any more; −1 for none.</summary>
    public int Gone { get; set; } = -1;

    public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        if (pfns.Contains(Gone))
        {
            throw new MigrationException(MigrationErrorId.HypervisorCall, "It is gone.", "Look elsewhere.");
        }

        for (int i = 0; i < pfns.Length; i++)
        {
            Page.At(_bytes.AsSpan(), pfns[i]).CopyTo(Page.At(pages, i));
        }

        AfterRead?.Invoke();
    }

    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            Page.At(pages, i).CopyTo(Page.At(_bytes.AsSpan(), pfns[i]));
        }
    }
}
