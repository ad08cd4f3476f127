using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace PreRecordMigration.Telemetry;

/// <summary>
/// The metrics of this process in the text format of Prometheus, from its construction on: names and units as OpenTelemetry's exporters make them of the same
/// instruments. It is for hosts on which no collector listens inside the process.
/// </summary>
internal sealed class PrometheusText : IDisposable
{
    /// <summary>The most series; what would be more is left out. Attributes have few values, so that this is never reached.</summary>
    private const int MostSeries = 2000;

    private readonly Lock _lock = new();
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private int _series;

    /// <summary>Begins to listen.</summary>
    /// <param name="isMeant">Which meters of the module's name; null for all.</param>
    public PrometheusText(Func<Meter, bool>? isMeant = null)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == MigrationMetrics.Name && isMeant?.Invoke(instrument.Meter) != false)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>All of it as it is now.</summary>
    public string Write()
    {
        _listener.RecordObservableInstruments();
        StringBuilder text = new();
        lock (_lock)
        {
            foreach ((string name, Family family) in _families)
            {
                family.Write(text, name);
            }
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = Labels(tags);
        lock (_lock)
        {
            string name = NameOf(instrument);
            if (!_families.TryGetValue(name, out Family? family))
            {
                _families[name] = family = new Family(instrument);
            }

            if (!family.Series.TryGetValue(labels, out Series? series))
            {
                if (_series == MostSeries)
                {
                    return;
                }

                _series++;
                family.Series[labels] = series = new Series(family.Bounds.Length);
            }

            family.Add(series, value);
        }
    }

    private static string NameOf(Instrument instrument)
    {
        string unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        return instrument.Name.Replace('.', '_') + unit + (instrument is Counter<long> ? "_total" : "");
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        List<string> labels = [];
        foreach ((string name, object? value) in tags)
        {
            string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            labels.Add($"{name.Replace('.', '_')}=\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"");
        }

        labels.Sort(StringComparer.Ordinal);
        return string.Join(',', labels);
    }

    private sealed class Series(int bounds)
    {
        public long[] Buckets { get; } = new long[bounds + 1];

        public double Sum { get; set; }

        public long Count { get; set; }
    }

    /// <summary>The series of one instrument.</summary>
    private sealed class Family(Instrument instrument)
    {
        public double[] Bounds { get; } = instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds } ? [.. bounds] : [];

        public SortedDictionary<string, Series> Series { get; } = new(StringComparer.Ordinal);

        public void Add(Series series, double value)
        {
            if (instrument.IsObservable)
            {
                series.Sum = value;
                return;
            }

            series.Sum += value;
            series.Count++;
            int bucket = Array.FindIndex(Bounds, bound => value <= bound);
            series.Buckets[bucket < 0 ? Bounds.Length : bucket]++;
        }

        public void Write(StringBuilder text, string name)
        {
            bool isHistogram = instrument is Histogram<double>;
            string kind = isHistogram ? "histogram" : instrument is Counter<long> ? "counter" : "gauge";
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {instrument.Description}\n# TYPE {name} {kind}\n");
            foreach ((string labels, Series series) in Series)
            {
                string braces = labels.Length > 0 ? $"{{{labels}}}" : "";
                if (!isHistogram)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{name}{braces} {series.Sum:R}\n");
                    continue;
                }

                long below = 0;
                for (int bucket = 0; bucket <= Bounds.Length; bucket++)
                {
                    below += series.Buckets[bucket];
                    string bound = bucket < Bounds.Length ? Bounds[bucket].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels}{(labels.Length > 0 ? "," : "")}le=\"{bound}\"}} {below}\n");
                }

                text.Append(CultureInfo.InvariantCulture, $"{name}_sum{braces} {series.Sum:R}\n{name}_count{braces} {series.Count}\n");
            }
        }
    }
}
