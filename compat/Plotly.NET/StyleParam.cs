namespace Plotly.NET;

/// <summary>The values that plotly.js attributes take, one type an attribute.</summary>
public static class StyleParam
{
    public sealed class AxisType
    {
        private readonly string name;
        private AxisType(string name) => this.name = name;
        public static AxisType Log { get; } = new("log");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class CategoryOrder
    {
        private readonly string name;
        private CategoryOrder(string name) => this.name = name;
        public static CategoryOrder Array { get; } = new("array");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public class Colorscale
    {
        private readonly string name;
        private Colorscale(string name) => this.name = name;
        public static Colorscale RdBu { get; } = new("RdBu");
        public static Colorscale Greys { get; } = new("Greys");
        public static Colorscale Viridis { get; } = new("Viridis");
        public static Colorscale Cividis { get; } = new("Cividis");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class ConstraintOperation
    {
        private readonly string name;
        private ConstraintOperation(string name) => this.name = name;
        public static ConstraintOperation Equal { get; } = new("=");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class ContourColoring
    {
        private readonly string name;
        private ContourColoring(string name) => this.name = name;
        public static ContourColoring Fill { get; } = new("fill");
        public static ContourColoring Lines { get; } = new("lines");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class ContourType
    {
        private readonly string name;
        private ContourType(string name) => this.name = name;
        public static ContourType Levels { get; } = new("levels");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public class DrawingStyle
    {
        private readonly string name;
        private DrawingStyle(string name) => this.name = name;
        public static DrawingStyle Solid { get; } = new("solid");
        public static DrawingStyle Dash { get; } = new("dash");
        public static DrawingStyle Dot { get; } = new("dot");
        public static DrawingStyle LongDashDot { get; } = new("longdashdot");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class Fill
    {
        private readonly string name;
        private Fill(string name) => this.name = name;
        public static Fill ToNext_y { get; } = new("tonexty");
        public static Fill ToSelf { get; } = new("toself");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class GroupNorm
    {
        private readonly string name;
        private GroupNorm(string name) => this.name = name;
        public static GroupNorm Percent { get; } = new("percent");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class LayoutGridPattern
    {
        private readonly string name;
        private LayoutGridPattern(string name) => this.name = name;
        public static LayoutGridPattern Independent { get; } = new("independent");
        public static LayoutGridPattern Coupled { get; } = new("coupled");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class LayoutGridRowOrder
    {
        private readonly string name;
        private LayoutGridRowOrder(string name) => this.name = name;
        public static LayoutGridRowOrder TopToBottom { get; } = new("top to bottom");
        public static LayoutGridRowOrder BottomToTop { get; } = new("bottom to top");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class LayoutGridXSide
    {
        private readonly string name;
        private LayoutGridXSide(string name) => this.name = name;
        public static LayoutGridXSide BottomPlot { get; } = new("bottom plot");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class LayoutGridYSide
    {
        private readonly string name;
        private LayoutGridYSide(string name) => this.name = name;
        public static LayoutGridYSide LeftPlot { get; } = new("left plot");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public abstract class LinearAxisId
    {
        private LinearAxisId() { }
        public static LinearAxisId NewX(int item) => new Named(Numbered("x", item));
        public static LinearAxisId NewY(int item) => new Named(Numbered("y", item));
        public object Convert() => ToString()!;

        private sealed class Named(string name) : LinearAxisId
        {
            public override string ToString() => name;
            public override bool Equals(object? obj) => obj is Named other && other.ToString() == name;
            public override int GetHashCode() => name.GetHashCode();
        }
    }

    public class MarkerSymbol
    {
        private readonly int code;
        private MarkerSymbol(int code) => this.code = code;
        public static MarkerSymbol Circle { get; } = new(0);
        public static MarkerSymbol Square { get; } = new(1);
        public static MarkerSymbol Diamond { get; } = new(2);
        public static MarkerSymbol Cross { get; } = new(3);
        public static MarkerSymbol X { get; } = new(4);
        public static MarkerSymbol TriangleUp { get; } = new(5);
        public static MarkerSymbol TriangleDown { get; } = new(6);
        public static MarkerSymbol Star { get; } = new(17);
        public object Convert() => ToString();
        public override string ToString() => code.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    public sealed class Mirror
    {
        private readonly object value;
        private Mirror(object value) => this.value = value;
        public static Mirror All { get; } = new("all");
        public object Convert() => value;
    }

    public sealed class Orientation
    {
        private readonly string name;
        private Orientation(string name) => this.name = name;
        public static Orientation Vertical { get; } = new("v");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class PatternShape
    {
        private readonly string name;
        private PatternShape(string name) => this.name = name;
        public static PatternShape DiagonalDescending { get; } = new("/");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class Side
    {
        private readonly string name;
        private Side(string name) => this.name = name;
        public static Side Top { get; } = new("top");
        public object Convert() => name;
        public override string ToString() => name;
    }

    public sealed class SmoothAlg
    {
        private readonly object value;
        private SmoothAlg(object value) => this.value = value;
        public static SmoothAlg Best { get; } = new("best");
        public object Convert() => value;
    }

    public class SubPlotId
    {
        private readonly string name;
        private SubPlotId(string name) => this.name = name;
        public static SubPlotId NewXAxis(int item) => new(Numbered("xaxis", item));
        public static SubPlotId NewYAxis(int item) => new(Numbered("yaxis", item));
        public static SubPlotId NewScene(int item) => new(Numbered("scene", item));
        public object Convert() => name;
        public override string ToString() => name;
        public sealed override bool Equals(object? obj) => obj is SubPlotId other && other.name == name;
        public sealed override int GetHashCode() => name.GetHashCode();
    }

    public sealed class TextPosition
    {
        private readonly string name;
        private TextPosition(string name) => this.name = name;
        public static TextPosition TopCenter { get; } = new("top center");
        public static TextPosition Inside { get; } = new("inside");
        public static TextPosition Outside { get; } = new("outside");
        public object Convert() => name;
        public override string ToString() => name;
    }

    /// <summary>plotly.js leaves the number out of the first id: x, x2, x3.</summary>
    private static string Numbered(string prefix, int number) => number < 2 ? prefix : $"{prefix}{number}";
}
