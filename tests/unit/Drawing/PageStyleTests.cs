using System.Globalization;
using System.Text.RegularExpressions;
using PreRecordMigration.Drawing;
using PreRecordMigration.Reporting;
using PreRecordMigration.Reports;

namespace PreRecordMigration.Tests.Drawing;

/// <summary>Colours of pages, as those see them who see no red, no green or no blue (G. M. Machado and others, 2009, at full strength).</summary>
public sealed partial class PageStyleTests
{
    private static readonly Dictionary<string, double[][]> s_eyes = new()
    {
        ["all"] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        ["no red"] = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        ["no green"] = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        ["no blue"] = [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    };

    /// <summary>Colours that stand in one picture: of owners, of pages, and of parts of the downtime, each beside the next.</summary>
    private static readonly (int, int)[] s_together =
    [
        .. Pairs(Enum.GetValues<DomainHolder>().Where(holder => holder != DomainHolder.Nobody).Select(holder => Colours.Of(holder))),
        .. Pairs(Enum.GetValues<SentPageKind>().Where(kind => kind != SentPageKind.Zero).Select(kind => Colours.Of(kind))),
        .. Enumerable.Range(1, 9).Select(part => (part, part + 1)),
    ];

    [Theory]
    [InlineData(0, "all")]
    [InlineData(0, "no red")]
    [InlineData(0, "no green")]
    [InlineData(0, "no blue")]
    [InlineData(1, "all")]
    [InlineData(1, "no red")]
    [InlineData(1, "no green")]
    [InlineData(1, "no blue")]
    public void Colours_of_one_picture_are_told_apart(int scheme, string eyes)
    {
        (double[] _, Dictionary<int, double[]> colours) = Read(scheme);
        foreach ((int one, int other) in s_together)
        {
            double distance = Math.Sqrt(Lab(Seen(colours[one], s_eyes[eyes])).Zip(Lab(Seen(colours[other], s_eyes[eyes])), (a, b) => (a - b) * (a - b)).Sum());
            Assert.True(distance >= 12, $"Colours {one} and {other} are {distance} apart for eyes that see {eyes}.");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Each_colour_stands_out_from_the_page(int scheme)
    {
        (double[] paper, Dictionary<int, double[]> colours) = Read(scheme);
        Assert.Equal(10, colours.Count);
        Assert.All(colours, colour =>
        {
            double[] light = [Luminance(colour.Value) + 0.05, Luminance(paper) + 0.05];
            Assert.True(light.Max() / light.Min() >= 3, $"Colour {colour.Key} has a contrast of {light.Max() / light.Min()}.");
        });
    }

    /// <summary>The paper and the colours of a scheme, as linear light: 0 for light, 1 for dark.</summary>
    private static (double[] Paper, Dictionary<int, double[]> Colours) Read(int scheme) => (
        Linear(Paper().Matches(PageStyle.Css)[scheme].Groups[1].Value),
        Colour().Matches(PageStyle.Css).Skip(10 * scheme).Take(10).ToDictionary(
            match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), match => Linear(match.Groups[2].Value)));

    private static double[] Linear(string hexadecimal) =>
    [
        .. Convert.FromHexString(hexadecimal).Select(value => value / 255.0).Select(value => value <= 0.04045 ? value / 12.92 : Math.Pow((value + 0.055) / 1.055, 2.4)),
    ];

    private static double[] Seen(double[] colour, double[][] eyes) => [.. eyes.Select(row => Math.Clamp(row.Zip(colour, (a, b) => a * b).Sum(), 0, 1))];

    private static double Luminance(double[] colour) => (0.2126 * colour[0]) + (0.7152 * colour[1]) + (0.0722 * colour[2]);

    private static double[] Lab(double[] colour)
    {
        double x = Root(((0.4124 * colour[0]) + (0.3576 * colour[1]) + (0.1805 * colour[2])) / 0.9505);
        double y = Root(Luminance(colour));
        double z = Root(((0.0193 * colour[0]) + (0.1192 * colour[1]) + (0.9505 * colour[2])) / 1.089);
        return [(116 * y) - 16, 500 * (x - y), 200 * (y - z)];

        static double Root(double value) => value > 0.008856 ? Math.Cbrt(value) : (7.787 * value) + (16.0 / 116);
    }

    private static IEnumerable<(int, int)> Pairs(IEnumerable<int> colours)
    {
        int[] all = [.. colours];
        return all.SelectMany((one, index) => all.Skip(index + 1).Select(other => (one, other)));
    }

    [GeneratedRegex("--paper: #([0-9a-f]{6})")]
    private static partial Regex Paper();

    [GeneratedRegex("--c([0-9]+): #([0-9a-f]{6})")]
    private static partial Regex Colour();
}
