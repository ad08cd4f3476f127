namespace PreRecordMigration.Options;

/// <summary>Whether pushed pages are compressed, where both sides can. What a domain waits for (demanded pages, the core state) never is.</summary>
public enum PageCompression : long
{
    /// <summary>Where less time on the link is measured to be worth more than the time that it takes to compress.</summary>
    Auto = 1,

    /// <summary>Whatever shrinks enough, however long that takes.</summary>
    Always = 2,

    /// <summary>Nothing.</summary>
    Off = 3,
}
