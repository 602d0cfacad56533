namespace LTHKit.Kernels;

/// <summary>A convolution's shape. A stride s is one of s^2 times the channels: every s-th pixel of every s-th row is a plane of its own.</summary>
internal sealed record Geometry(int Input, int Output, int Kernel, int Stride, int Groups)
{
    /// <summary>Planes that a channel of the input is split into, in each direction.</summary>
    public int Phases => Kernel == 1 ? 1 : Stride;

    /// <summary>Planes of the input after the split.</summary>
    public int InputPlanes => Input * Phases * Phases;

    /// <summary>The input's planes -> the output's.</summary>
    public Planes Out(Planes input) => input with { Channels = Output, Height = (input.Height - 1) / Stride + 1, Width = (input.Width - 1) / Stride + 1 };
}

/// <summary>
/// The weights that are kept, row by row: what is added up for an output plane (or, transposed, for an input plane's gradient). Columns are taken in
/// groups, so that a tile of one group stays in the first cache while all rows use it.
/// </summary>
/// <param name="Rows">Rows of each group.</param>
/// <param name="Tiles">Where the tiles begin in a plane.</param>
/// <param name="Start">[groups * Rows + 1]: where a group's row begins.</param>
/// <param name="Lone">
/// [groups * Rows]: where its taps stand alone. Those before are three and three side by side, of three neighbouring pixels, which are loaded once.
/// </param>
/// <param name="Offset">Floats from a place in the first column's plane to what the tap multiplies.</param>
/// <param name="Source">The weight's place in its tensor.</param>
internal sealed record Taps(int Rows, int[] Tiles, int[] Start, int[] Lone, int[] Offset, int[] Source)
{
    /// <summary>Floats of a first cache that a group's tile may fill.</summary>
    private const int CacheFloats = 5760;

    /// <summary>Taps that a row should have in a group: loading and storing its sums costs about two.</summary>
    private const int EnoughTaps = 16;

    /// <summary>The weights, as they were when last read.</summary>
    public float[] Value { get; } = new float[Source.Length];

    public unsafe void Read(float* weights)
    {
        for (var i = 0; i < Source.Length; i++)
            Value[i] = weights[Source[i]];
    }

    /// <summary>The taps of a convolution and of its transpose.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="kept">[O * I / groups * K * K]; null for all.</param>
    /// <param name="output">The planes that come out.</param>
    public static (Taps Forward, Taps Transposed) Of(Geometry shape, bool[]? kept, Planes output)
    {
        var (inputs, k, phases) = (shape.Input / shape.Groups, shape.Kernel, shape.Phases);
        var taps = new List<(int Row, int Column, int Shift, int Source)>();
        for (var source = 0; source < shape.Output * inputs * k * k; source++)
        {
            if (kept is not null && !kept[source])
                continue;
            var (o, i, y, x) = (source / (inputs * k * k), source / (k * k) % inputs, source / k % k - k / 2, source % k - k / 2);
            var channel = o / (shape.Output / shape.Groups) * inputs + i;
            var (row, column) = (Math.DivRem(y + 2 * phases, phases), Math.DivRem(x + 2 * phases, phases));
            taps.Add((o, (channel * phases + row.Remainder) * phases + column.Remainder,
                (row.Quotient - 2) * output.Pitch + (column.Quotient - 2) * Planes.Lanes, source));
        }
        return (Grouped(taps, shape.Output, shape.InputPlanes, output),
            Grouped(taps.Select(t => (t.Column, t.Row, -t.Shift, t.Source)), shape.InputPlanes, shape.Output, output));
    }

    private static Taps Grouped(IEnumerable<(int Row, int Column, int Shift, int Source)> taps, int rows, int columns, Planes planes)
    {
        var all = taps.ToArray();
        var perColumn = all.Length / ((double)rows * columns);
        var fits = CacheFloats / (3 * (8 + 2) * Planes.Lanes);
        var size = Math.Max(fits, (int)Math.Ceiling(EnoughTaps / Math.Max(perColumn, 1e-9)));
        var groups = Math.Max(1, (columns + size - 1) / size);
        size = (columns + groups - 1) / groups;
        var segments = new List<(int Offset, int Source)>[groups * rows];
        foreach (var tap in all.OrderBy(t => t.Column).ThenBy(t => t.Shift))
            (segments[tap.Column / size * rows + tap.Row] ??= []).Add((tap.Column * planes.Plane + tap.Shift, tap.Source));
        int[] start = new int[segments.Length + 1], lone = new int[segments.Length];
        var ordered = new List<(int Offset, int Source)>();
        foreach (var (i, segment) in segments.Index())
        {
            var alone = new List<(int, int)>();
            for (var j = 0; j < (segment?.Count ?? 0); j++)
            {
                if (j + 2 < segment!.Count && segment[j + 1].Offset == segment[j].Offset + Planes.Lanes
                    && segment[j + 2].Offset == segment[j].Offset + 2 * Planes.Lanes)
                {
                    ordered.AddRange(segment.Slice(j, 3));
                    j += 2;
                }
                else
                    alone.Add(segment[j]);
            }
            lone[i] = ordered.Count;
            ordered.AddRange(alone);
            start[i + 1] = ordered.Count;
        }
        return new(rows, planes.Tiles, start, lone, [.. ordered.Select(t => t.Offset)], [.. ordered.Select(t => t.Source)]);
    }
}
