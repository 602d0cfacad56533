namespace LTHKit.Cli.Grid;

/// <summary>Who carries out the tasks of a grid.</summary>
internal interface ICluster
{
    /// <summary>Begins tasks, and says how they are known.</summary>
    string Submit(IReadOnlyList<int> tasks);

    /// <summary>The tasks that run or wait; null where that cannot be said now.</summary>
    IReadOnlyDictionary<int, (Standing Standing, string? Why)>? Active();

    /// <summary>Asks all that runs or waits to end.</summary>
    void Stop();

    public static ICluster Of(GridFolder grid) => grid.Settings.Script is null ? new ThisMachine(grid) : new Slurm(grid);
}
