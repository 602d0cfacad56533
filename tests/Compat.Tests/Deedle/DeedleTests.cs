using System.Globalization;
using Deedle;
using Xunit;

namespace Compat.Tests.Deedle;

// Every expected text is what Deedle 7.0.1, built from its sources, writes for the same calls.
public class DeedleTests
{
    private static readonly int[] Keys = [1, 4, 8];

    private static Frame<int, string> Sample() => new FrameBuilder.Columns<int, string>
    {
        { "name", new Series<int, string>(Keys, ["a", "b, c", null!]) },
        { "acc", new Series<int, double>(Keys, [0.5, double.NaN, 12.3456789012]) },
        { "n", new Series<int, int>(Keys, [1, 2, 3]) },
        { "on", new Series<int, bool>(Keys, [true, false, true]) },
    }.Frame;

    private static Frame<int, string> Two(Series<int, double> a, Series<int, double> b) =>
        new FrameBuilder.Columns<int, string> { { "a", a }, { "b", b } }.Frame;

    private static string Lines(params string[] lines) => string.Concat(lines.Select(line => line + Environment.NewLine));

    [Fact]
    public void FormatAlignsAndMarksMissingValues() => Assert.Equal(
        Lines(
            "     name      acc           n on    ",
            "1 -> a         0.5           1 True  ",
            "4 -> b, c      <missing>     2 False ",
            "8 -> <missing> 12.3456789012 3 True  "),
        Sample().Format());

    [Fact]
    public void FormatLeavesOutTheMiddleOfALongTable()
    {
        var numbers = Enumerable.Range(0, 31).ToArray();
        var lines = new FrameBuilder.Columns<int, string> { { "a", new Series<int, int>(numbers, numbers) } }.Frame.Format()
            .Split(Environment.NewLine);
        Assert.Equal(33, lines.Length); // a head, 15 rows, the gap, 15 rows, and what follows the last line's end
        Assert.Equal("14 -> 14  ", lines[15]);
        Assert.Equal(":     ... ", lines[16]);
        Assert.Equal("16 -> 16  ", lines[17]);
    }

    [Theory]
    [InlineData(50, 50)]
    [InlineData(51, 50)]
    public void FormatShortensLongCells(int length, int shown)
    {
        var frame = new FrameBuilder.Columns<int, string> { { "a", new Series<int, string>([1], [new string('x', length)]) } }.Frame;
        Assert.Equal("1 -> ".Length + shown + 1, frame.Format().Split(Environment.NewLine)[1].Length);
    }

    [Fact]
    public void SizesKeysAndTypes()
    {
        var frame = Sample();
        Assert.Equal((3, 4), (frame.RowCount, frame.ColumnCount));
        Assert.Equal(Keys, frame.RowKeys);
        Assert.Equal(["name", "acc", "n", "on"], frame.ColumnKeys);
        Assert.Equal([typeof(string), typeof(double), typeof(int), typeof(bool)], frame.ColumnTypes);
    }

    [Fact]
    public void ColumnsAreConverted()
    {
        var frame = Sample();
        Assert.Equal([0.5, 12.3456789012], frame["acc"].Values);
        Assert.Equal([1.0, 2, 3], frame.GetColumn<double>("n").Values);
        Assert.Equal([0, 12], frame.GetColumn<int>("acc").Values);
        Assert.Equal(["0.5", "12.3456789012"], frame.GetColumn<string>("acc").Values);
        Assert.Throws<FormatException>(() => frame.GetColumn<double>("name").Values.Count());
        Assert.Throws<ArgumentException>(() => frame.GetColumn<double>("zz"));
    }

    [Fact]
    public void CellsAndRows()
    {
        var frame = Sample();
        Assert.Equal(0.5, frame["acc", 1]);
        Assert.Equal("Value at the key 4 is missing", Assert.Throws<MissingValueException>(() => frame["acc", 4]).Message);
        Assert.Equal("The key 99 is not present in the index", Assert.Throws<KeyNotFoundException>(() => frame["acc", 99]).Message);
        Assert.Equal("The key zz is not present in the index", Assert.Throws<KeyNotFoundException>(() => frame["zz", 1]).Message);
        Assert.Equal(["name", "n", "on"], frame.GetRow<object>(4).Observations.Select(cell => cell.Key));
        Assert.Equal(["name", "acc", "n", "on"], frame.GetRow<object>(4).Keys);
        Assert.Throws<InvalidOperationException>(() => frame.GetRow<object>(99));
    }

    [Fact]
    public void SeriesKnowTheirMissingValues()
    {
        var series = new Series<int, double>(Keys, [1.5, double.NaN, 3]);
        Assert.Equal((3, 2), (series.KeyCount, series.ValueCount));
        Assert.Equal([1.5, 3], series.Values);
        Assert.Equal([1, 8], series.Observations.Select(pair => pair.Key));
        Assert.Equal(3, series[8]);
        Assert.Equal(1.5, series.Get(1));
        Assert.Throws<MissingValueException>(() => series[4]);
        Assert.Throws<KeyNotFoundException>(() => series[9]);
        Assert.Equal((true, false, false), (series.TryGet(1).HasValue, series.TryGet(4).HasValue, series.TryGet(9).HasValue));
        Assert.Equal("<missing>", series.TryGet(4).ToString());
        Assert.Equal(
            "OptionalValue.Value: Value is not available",
            Assert.Throws<InvalidOperationException>(() => series.TryGet(4).Value).Message);
    }

    [Fact]
    public void BadSeriesAndFramesAreRefused()
    {
        Assert.Equal(
            "Duplicate key '1'. Duplicate keys are not allowed in the index. (Parameter 'keys')",
            Assert.Throws<ArgumentException>(() => new Series<int, double>([1, 1], [2, 3])).Message);
        Assert.Equal(
            "Index and vector of a series should have the same length!",
            Assert.Throws<InvalidOperationException>(() => new Series<int, double>([1, 2], [2])).Message);
        var series = new Series<int, double>([1], [2]);
        Assert.Equal(
            "Duplicate key '\"a\"'. Duplicate keys are not allowed in the index. (Parameter 'keys')",
            Assert.Throws<ArgumentException>(() => new FrameBuilder.Columns<int, string> { { "a", series }, { "a", series } }.Frame).Message);
    }

    [Fact]
    public void RowsAreTheUnionOfKeys()
    {
        Assert.Equal(
            Lines(
                "     a         b         ",
                "1 -> 1         <missing> ",
                "2 -> <missing> 5         ",
                "3 -> 2         <missing> ",
                "4 -> <missing> 6         "),
            Two(new([1, 3], [1, 2]), new([2, 4], [5, 6])).Format());
        Assert.Equal([3, 1, 2], Two(new([3, 1], [1, 2]), new([2, 1], [5, 6])).RowKeys);
    }

    [Fact]
    public void CsvLeavesRowKeysOutUnlessAsked()
    {
        Assert.Equal("name,acc,n,on\na,0.5,1,True\n\"b, c\",,2,False\n,12.3456789012,3,True\n", Csv(w => Sample().SaveCsv(w)));
        Assert.Equal(
            "level,name,acc,n,on\n1,a,0.5,1,True\n4,\"b, c\",,2,False\n8,,12.3456789012,3,True\n",
            Csv(w => Sample().SaveCsv(w, includeRowKeys: true, keyNames: ["level"])));
        Assert.StartsWith("Key,name,acc", Csv(w => Sample().SaveCsv(w, includeRowKeys: true)));
    }

    [Fact]
    public void CsvQuotesWhatNeedsIt()
    {
        var frame = new FrameBuilder.Columns<int, string>
        {
            { "a \"q\", b", new Series<int, string>([1, 2, 3, 4], ["x\"y", "l\nm", " sp ", "a,b"]) },
            { "d", new Series<int, double>([1, 2, 3, 4], [1e-12, 1e20, 0.1, -1]) },
        }.Frame;
        Assert.Equal("\"a \"\"q\"\", b\",d\n\"x\"\"y\",1E-12\n\"l\nm\",1E+20\n\" sp \",0.1\n\"a,b\",-1\n", Csv(w => frame.SaveCsv(w)));
    }

    [Fact]
    public void CsvTakesASeparatorAndACulture()
    {
        var decimalComma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        decimalComma.NumberFormat.NumberDecimalSeparator = ",";
        Assert.StartsWith("name;acc;n;on\na;\"0,5\";1;True\n", Csv(w => Sample().SaveCsv(w, separator: ';', culture: decimalComma)));
    }

    [Fact]
    public void CsvFilesAreUtf8WithoutAMark()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".csv");
        try
        {
            Sample().SaveCsv(path);
            Assert.Equal("name,acc,n,on\na,0.5,1,True\n"u8.ToArray(), File.ReadAllBytes(path)[..27]);
            Assert.Throws<DirectoryNotFoundException>(() => Sample().SaveCsv(Path.Combine(path, "absent", "o.csv")));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Csv(Action<TextWriter> save)
    {
        var writer = new StringWriter();
        save(writer);
        return writer.ToString();
    }
}
