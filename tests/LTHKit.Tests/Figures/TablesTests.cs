using Deedle;
using static LTHKit.Tests.FigureSamples;

namespace LTHKit.Tests;

public class TablesTests
{
    [Fact]
    public void AccuracyHasARowALevelAndAColumnASweep()
    {
        var table = Tables.Accuracy(Vanilla, Swish);
        Assert.Equal([0, 1, 4], table.RowKeys);
        Assert.Equal(
            ["nominal sparsity (%)", "effective sparsity (%)", "vanilla LTH (%)", "swish (%)", "seeds"], table.ColumnKeys);
        Assert.Equal([0, 20, 59.04], table["nominal sparsity (%)"].Values);
        Assert.Equal(["75.00 ± 0.00", "71.00 ± 1.41", "62.00 ± 2.83"], table.GetColumn<string>("vanilla LTH (%)").Values);
        Assert.Equal("67.00 ± 1.41", table["swish (%)", 4]);
        Assert.Equal([2, 2, 2], table.GetColumn<int>("seeds").Values);
    }

    [Fact]
    public void SweepsThatAgreeShareAColumn()
    {
        var skip = Sweep("skip", [0.7], [0.6], [], hidden: 0.1);
        var table = Tables.Accuracy(Vanilla, skip, skip with { Name = "AT" });
        Assert.Equal(
            ["nominal sparsity (%)", "effective sparsity (%)", "skip, AT: effective sparsity (%)", "vanilla LTH (%)", "skip (%)", "AT (%)",
             "seeds", "skip, AT: seeds"],
            table.ColumnKeys);
        Assert.Equal([10, 49.04], table["skip, AT: effective sparsity (%)"].Values);
        Assert.Equal("60.00", table["skip (%)", 4]);
        Assert.False(table.GetColumn<string>("skip (%)").TryGet(0).HasValue);
    }

    [Fact]
    public void ScalesHaveARowAParameterAndAColumnAWayToTrain()
    {
        var table = Tables.Scales([Scales(1, 0, 1.2), Scales(1, 1, 1.4), Scales(4, 0, 0.8)]);
        Assert.Equal(["conv1.weight", "bn1.weight", "fc.weight", "fc.bias"], table.RowKeys);
        Assert.Equal(["20.0 % sparse", "59.0 % sparse"], table.ColumnKeys);
        Assert.Equal(["1.300 ± 0.141", "0.500 ± 0.000", "1.000 ± 0.000", "0.000 ± 0.000"], table.GetColumn<string>("20.0 % sparse").Values);
        Assert.Equal("0.800", table["59.0 % sparse", "conv1.weight"]);
    }

    [Fact]
    public void EveryFigureCanBeTracedToItsRuns()
    {
        var table = Tables.Runs(Vanilla);
        Assert.Equal(Vanilla.Dense.Concat(Vanilla.Runs).Select(run => run.Id).Order(), table.GetColumn<string>("run").Values.Order());
        Assert.Equal([0, 0, 1, 1, 4, 4], table.GetColumn<int>("level").Values);
        Assert.Equal([0, 1, 0, 1, 0, 1], table.GetColumn<int>("seed").Values);
        Assert.Equal([75, 75, 70, 72, 60, 64], table["test accuracy (%)"].Values);
        Assert.Equal([74, 74, 69, 71, 59, 63], table["last epoch (%)"].Values);
        Assert.Equal(2, table["best epoch", 0]);
        Assert.Equal(12.3, table["seconds", 0]);
    }

    [Fact]
    public void TablesSaveAsCsv()
    {
        var writer = new StringWriter();
        Tables.Accuracy(Vanilla).SaveCsv(writer, includeRowKeys: true, keyNames: ["level"]);
        Assert.Equal(
            "level,\"nominal sparsity (%)\",\"effective sparsity (%)\",\"vanilla LTH (%)\",seeds\n"
            + "0,0,0,\"75.00 ± 0.00\",2\n1,20,20,\"71.00 ± 1.41\",2\n4,59.04,59.04,\"62.00 ± 2.83\",2\n",
            writer.ToString());
    }

    // Dense vanilla is at 75 %: one sweep reaches it at level 1 only, one at levels 1 and 4, one at level 4 only.
    [Fact]
    public void TheSparsestWinningTicketIsTheLastAsGoodAsTheDenseNetwork()
    {
        var table = Tables.WinningTickets(Vanilla, Sweep("a", [0.76, 0.75], [0.7, 0.7], [0.9]), Sweep("b", [0.75, 0.75], [0.8, 0.71], [0.9], hidden: 0.1), Sweep("c", [0.7], [0.8], []));
        Assert.Equal(["vanilla LTH", "a", "b", "c"], table.RowKeys);
        var nominal = table.GetColumn<double>("sparsest winning ticket, nominal (%)");
        Assert.Equal([20, 59.04, 59.04], new[] { nominal["a"], nominal["b"], nominal["c"] });
        Assert.False(nominal.TryGet("vanilla LTH").HasValue);
        Assert.Equal(49.04, table.GetColumn<double>("effective (%)")["b"]);
        Assert.Equal("75.50 ± 6.36", table.GetColumn<string>("its accuracy (%)")["b"]);
        Assert.Equal("75.00 ± 0.00", table.GetColumn<string>("to reach (%)")["c"]);
        Assert.Throws<UserException>(() => Tables.WinningTickets(Sweep("c", [0.7], [0.8], [])));
    }

    [Fact]
    public void GainsHaveTheirStandardErrorAndCountTheSeedsThatAreBetter()
    {
        var table = Tables.Gain(Vanilla, Swish);
        Assert.Equal([0, 1, 4], table.RowKeys);
        Assert.Equal("+5.00 ± 1.00 (2 of 2)", table.GetColumn<string>("swish: gain (points)")[4]);
        Assert.Throws<UserException>(() => Tables.Gain(Vanilla));
        var denser = Tables.Gain(Vanilla, Sweep("skip", [0.7, 0.7], [0.6, 0.6], [0.7, 0.7], hidden: 0.1));
        Assert.Equal([0, 10, 49.04], denser.GetColumn<double>("effective sparsity (%)").Values);
    }
}
