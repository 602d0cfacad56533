namespace LTHKit.Analysis;

/// <summary>A quantity, mostly a loss, over a plane: <c>Z[i][j]</c> belongs to <c>X[j]</c> and <c>Y[i]</c>.</summary>
/// <param name="Name">Of the network or the condition, as in the title above it.</param>
/// <param name="X">First coordinate, ascending.</param>
/// <param name="Y">Second coordinate, ascending.</param>
/// <param name="Z">One row for each of <paramref name="Y"/>; NaN where there is no value.</param>
public sealed record Plane(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, IReadOnlyList<IReadOnlyList<double>> Z)
{
    /// <summary>Refuses a plane whose rows and columns do not fit its coordinates.</summary>
    internal void Validate()
    {
        if (X.Count < 2 || Y.Count < 2 || Z.Count != Y.Count || Z.Any(row => row.Count != X.Count))
            throw new UserException(
                $"The plane '{Name}' has {X.Count} x and {Y.Count} y coordinates; "
                + $"it needs at least 2 of each and one row of {X.Count} values a y coordinate.");
    }
}

/// <summary>The loss along a line.</summary>
/// <param name="X">Where, ascending.</param>
/// <param name="Y">The loss at each of <paramref name="X"/>.</param>
public sealed record LossLine(IReadOnlyList<double> X, IReadOnlyList<double> Y);
