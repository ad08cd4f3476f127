using PreRecordMigration.Options;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Decides of each record of pages whether it is worth compressing: the bytes that are saved, times what a byte takes on the link, against the
/// compressor's time, all as measured while sending. This project's definition. One thread.
/// </summary>
/// <remarks>
/// What a byte takes on the link is seen only where the link is what is waited for. Where records are compressed, a link that keeps up hides it: it
/// takes at least the time that sends were held up for, and at most the time in which as much has gone. Where these two say different things
/// a stretch goes plain, which shows it. Where no processor is idle a send waits for one, and that says nothing of the link.
/// </remarks>
/// <param name="chosen">What the administrator chose.</param>
/// <param name="canPeer">Whether the destination takes compressed pages.</param>
internal sealed class CompressionGain(PageCompression chosen, bool canPeer)
{
    /// <summary>Bytes on the link after which what was measured counts: several times what the kernels at both ends take at once.</summary>
    internal const int Stretch = 16 << 20;

    /// <summary>Bytes of pages after which it counts too, where next to nothing is left of them.</summary>
    private const int LongStretch = 4 * Stretch;

    /// <summary>Bytes of pages after which it counts where there is no processor to spare and nothing is known of the link.</summary>
    private const int ShortStretch = Stretch / 4;

    /// <summary>Less than this is no processor to spare.</summary>
    private const double NoneToSpare = 0.05;

    /// <summary>Bytes after which it is known that nothing shrinks.</summary>
    private const int Glance = 1 << 20;

    /// <summary>Of so many records one is tried, in a stretch that goes plain and looks whether that is still right.</summary>
    private const int Sampled = 16;

    /// <summary>Most stretches that go plain without a look.</summary>
    private const int LongestPause = 32;

    /// <summary>Stretches after which a link that keeps up is looked at anew.</summary>
    private const int TrustedStretches = 8;

    /// <summary>How many times its cost a gain must be for compression to begin; to go on it must be no less.</summary>
    private const double Beginning = 1.25;

    private readonly bool _isPossible = canPeer && chosen != PageCompression.Off && Lz4.IsAvailable;
    private Sums _sums;
    private Shrinking _shrinking;
    private double? _link;
    private int _linkAge;
    private bool _isOn = true;
    private int _pause = 1;
    private int _stretches;
    private int _records;

    /// <summary>Whether the next record is to be compressed, if it shrinks enough.</summary>
    public bool ShouldTry => _isPossible && (chosen == PageCompression.Always || _isOn || (IsLooking && _records % Sampled == 0));

    /// <summary>Whether records are compressed as a rule.</summary>
    internal bool IsOn => _isPossible && (chosen == PageCompression.Always || _isOn);

    private bool IsLooking => _stretches >= _pause;

    /// <summary>A record has gone.</summary>
    /// <param name="plain">Its bytes before compression.</param>
    /// <param name="sent">Its bytes as it went.</param>
    /// <param name="compressing">How long its compression took; null where it was not tried.</param>
    /// <param name="sending">How long the send took.</param>
    /// <param name="limit">Bytes a second that may go; null for no limit. Waits for it are not part of the send.</param>
    /// <param name="spare">The share of the time in which a processor was idle.</param>
    public void Sent(int plain, int sent, TimeSpan? compressing, TimeSpan sending, long? limit, double spare)
    {
        if (!_isPossible || chosen == PageCompression.Always)
        {
            return;
        }

        _records++;

        // What a send waits for while no processor is idle is a processor, and not the link.
        _sums.Add(plain, sent, compressing, spare < NoneToSpare ? TimeSpan.Zero : sending);
        if (_isOn && _sums.Tried >= Glance && _sums.Saved * 16 < _sums.Tried)
        {
            TurnOff();
        }
        else if (_sums.Sent >= Stretch || _sums.Plain >= LongStretch || (_isOn && _link is null && spare < NoneToSpare && _sums.Plain >= ShortStretch))
        {
            Judge(limit is { } most ? 1.0 / most : 0);
        }
    }

    private void Judge(double limited)
    {
        if (_sums.Tried > 0)
        {
            _shrinking = _sums.Shrinking;
        }

        double held = Math.Max(_sums.Sending / _sums.Sent, limited);
        double passed = Math.Max((_sums.Sending + _sums.Compressing) / _sums.Sent, limited);
        if (!_isOn)
        {
            JudgePlain(held);
        }
        else if (_shrinking.GainAt(held) >= 1)
        {
            // What held up sends was the link: no less is known of it now than a plain stretch would show.
            Begin(null);
        }
        else if (_shrinking.GainAt(passed) < 1)
        {
            TurnOff();
        }
        else if (_link is { } known && _linkAge < TrustedStretches)
        {
            _linkAge++;
            if (_shrinking.GainAt(Math.Max(known, limited)) >= 1)
            {
                Begin(known);
            }
            else
            {
                TurnOff();
            }
        }
        else
        {
            // The next stretch goes plain, and is no failure.
            (_isOn, _stretches, _pause) = (false, 0, 1);
            _sums = default;
        }
    }

    private void JudgePlain(double link)
    {
        bool hasLooked = IsLooking;
        if (_shrinking.GainAt(link) >= Beginning)
        {
            (_isOn, _stretches, _pause, _linkAge) = (true, 0, 1, 0);
            Begin(link);
            return;
        }

        // A look that was in vain is made again later and later.
        (_stretches, _pause) = hasLooked ? (0, Math.Min(2 * _pause, LongestPause)) : (_stretches + 1, _pause);
        Begin(link);
    }

    private void TurnOff()
    {
        _shrinking = _sums.Shrinking;
        (_isOn, _stretches) = (false, 0);
        Begin(_link);
    }

    private void Begin(double? link) => (_sums, _link) = (default, link);

    /// <summary>What compression does to pages.</summary>
    /// <param name="Saved">The part of their bytes that it saves.</param>
    /// <param name="Cost">What it takes, in seconds a byte of them.</param>
    private readonly record struct Shrinking(double Saved, double Cost)
    {
        /// <summary>How many times its cost it gains.</summary>
        /// <param name="link">What a byte takes on the link, in seconds.</param>
        public double GainAt(double link) => Saved <= 0 ? 0 : Saved * link / Math.Max(Cost, double.Epsilon);
    }

    /// <summary>What was measured since a stretch began.</summary>
    private struct Sums
    {
        public long Plain { get; private set; }

        public long Sent { get; private set; }

        /// <summary>Bytes of the records that were tried, before it.</summary>
        public long Tried { get; private set; }

        /// <summary>Bytes that went less for it.</summary>
        public long Saved { get; private set; }

        public double Compressing { get; private set; }

        public double Sending { get; private set; }

        public readonly Shrinking Shrinking => Tried == 0 ? default : new((double)Saved / Tried, Compressing / Tried);

        public void Add(int plain, int sent, TimeSpan? compressing, TimeSpan sending)
        {
            Plain += plain;
            Sent += sent;
            Sending += sending.TotalSeconds;
            if (compressing is { } took)
            {
                Tried += plain;
                Saved += plain - sent;
                Compressing += took.TotalSeconds;
            }
        }
    }
}
