using LTHKit.Models;
using Plotly.NET;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;
using static LTHKit.Typed;
using static Plotly.NET.StyleParam;
using Chart = Plotly.NET.CSharp.Chart;
using Shape = Plotly.NET.LayoutObjects.Shape;

namespace LTHKit;

public static partial class Figures
{
    /// <summary>
    /// One block of networks side by side (Figure 3), drawn from what the networks are made of: convolutions, BatchNorms and activations from
    /// top to bottom, the architecture's own residual connection on the left, injected skip connections on the right.
    /// </summary>
    /// <param name="path">Which block, for instance "layer2.0"; null for the first.</param>
    /// <param name="networks">Of one architecture, each with its name.</param>
    /// <exception cref="UserException">There is nothing to draw, or a network has no such block.</exception>
    public static GenericChart Block(string? path, params (string Name, Network Network)[] networks)
    {
        if (networks.Length == 0)
            throw new UserException("There is no network to draw; give at least one.");
        var drawing = new BlockDrawing();
        foreach (var ((name, network), i) in networks.Select((network, i) => (network, i)))
            drawing.Add(name, Find(network, path), i);
        var model = networks[0].Network.Model;
        var block = Find(networks[0].Network, path);
        return drawing.Hovers()
            .Styled($"One block of {model.Name}, {block.Path}", drawing.Subtitle)
            .WithLayout(new { drawing.Shapes, drawing.Annotations })
            .WithAxes(
                Init<LinearAxis>(new { Visible = false, Range = FigureTheme.Between(-BlockDrawing.Panel / 2, (networks.Length - 0.5) * BlockDrawing.Panel) }),
                Init<LinearAxis>(new { Visible = false, Range = FigureTheme.Between(drawing.Bottom, -1.0) }))
            // Three stand side by side in a notebook's column.
            .WithSize(Width: 40 + 290 * networks.Length, Height: 130 + (int)(58 * drawing.Bottom));
    }

    private static Block Find(Network network, string? path)
    {
        if (network.Blocks.Count == 0)
            throw new UserException($"{network.Model.Name} has no blocks to draw; take a convolutional network.");
        return path is null ? network.Blocks[0] : network.Blocks.FirstOrDefault(b => b.Path == path)
            ?? throw new UserException($"{network.Model.Name} has no block '{path}'; it has {string.Join(", ", network.Blocks.Select(b => b.Path))}.");
    }

    /// <summary>The lines, boxes and words of <see cref="Block"/>; a row is one unit high, a panel <see cref="Panel"/> units wide.</summary>
    private sealed class BlockDrawing
    {
        public const double Panel = 13;
        private const double Half = 2.6, Side = 4.7;
        private static readonly Color Box = Color.fromString("#f2f2f2");
        private readonly Color _accent = Pen.For(["skip"])["skip"].Color;
        private readonly List<(double X, double Y, string Text)> _hovers = [];
        private bool _residual, _injected;

        public List<Shape> Shapes { get; } = [];

        public List<Annotation> Annotations { get; } = [];

        /// <summary>The row under the last.</summary>
        public double Bottom { get; private set; }

        public string Subtitle => (_residual, _injected) switch
        {
            (true, true) => "left: the architecture's own connection; right, in colour: what was injected",
            (true, false) => "left: the architecture's own connection",
            (false, true) => "right, in colour: what was injected",
            _ => "as built",
        };

        /// <summary>An invisible mark on each box that tells its name and size.</summary>
        public GenericChart Hovers() => Chart.Scatter<double, double, string>(
                _hovers.Select(h => h.X).ToArray(), _hovers.Select(h => h.Y).ToArray(), Mode.Markers, Opacity: 0, ShowLegend: false,
                MultiText: _hovers.Select(h => h.Text).ToArray(), Marker: Init<Marker>(new { Size = 24 }), UseDefaults: false)
            .Trace(new { HoverTemplate = "%{text}<extra></extra>" });

        public void Add(string name, Block block, int panel)
        {
            var x = panel * Panel;
            var input = block.Units[0].Convolution.in_channels;
            Words(x, -0.7, $"<b>{name}</b>");
            Words(x, 0, $"input, {input} channels");
            var y = 0.0;
            for (var i = 0; i < block.Units.Count; i++)
            {
                var (unit, activation) = (block.Units[i], block.Activations[i]);
                var top = y + 0.5;          // where the unit's input branches off
                Arrow(x, y + 0.3, x, y + 0.7);
                Layer(x, y + 1, Describe(unit), $"{unit.Path}<br>{Weights(unit.Convolution)}, prunable");
                var sum = y + 2;
                if (unit.Norm is not null)
                {
                    Arrow(x, y + 1.3, x, y + 1.7);
                    Layer(x, y + 2, "BatchNorm", $"{unit.Path}'s BatchNorm");
                    sum = y + 3;
                }
                var last = block.Residual && i == block.Units.Count - 1;
                if (last || unit.Skip is not null)
                {
                    Arrow(x, sum - 0.7, x, sum - 0.2);
                    Sum(x, sum);
                    Arrow(x, sum + 0.2, x, sum + 0.7);
                }
                else
                {
                    Arrow(x, sum - 0.7, x, sum + 0.7);
                }
                if (last)
                    Residual(x, sum, block);
                if (unit.Skip is { } skip)
                {
                    _injected = true;
                    Around(x, top, sum, Side, _accent);
                    if (skip.GetName() is { Length: > 0 } what && what != "identity")
                        Beside(x + Side, (top + sum) / 2, what, $"skip connection around {unit.Path}<br>{Weights(skip)}, never pruned", _accent);
                }
                y = sum + 1;
                Layer(x, y, activation.Label, activation.Path, activation.Label == "ReLU" ? FigureTheme.Ink : _accent);
            }
            Arrow(x, y + 0.3, x, y + 0.7);
            Words(x, y + 1, $"output, {block.Units[^1].Convolution.out_channels} channels");
            Bottom = Math.Max(Bottom, y + 1.5);
        }

        private void Residual(double x, double sum, Block block)
        {
            _residual = true;
            Around(x, 0.42, sum, -Side, FigureTheme.Faint);
            if (block.Shortcut is { } shortcut)
                Beside(x - Side, (0.42 + sum) / 2, $"1x1 convolution, stride {shortcut.stride[0]}, BatchNorm",
                    $"{block.Path}.shortcut<br>{Weights(shortcut)}, prunable", FigureTheme.Faint);
        }

        private static string Describe(ConvUnit unit)
        {
            var conv = unit.Convolution;
            var kind = conv.groups > 1 ? "depthwise" : "convolution";
            var channels = conv.in_channels == conv.out_channels ? $"{conv.out_channels}" : $"{conv.in_channels} → {conv.out_channels}";
            return $"{conv.kernel_size[0]}x{conv.kernel_size[1]} {kind}<br>{channels}{(unit.Stride > 1 ? $", stride {unit.Stride}" : "")}";
        }

        private static string Weights(TorchSharp.torch.nn.Module module)
        {
            var count = module.parameters().Where(p => p.dim() > 1).Sum(p => p.numel());
            return count == 0 ? "no weights" : FormattableString.Invariant($"{count:N0} weights");
        }

        private void Layer(double x, double y, string text, string hover, Color? edge = null)
            => Rectangle(x, y, text, hover, edge ?? FigureTheme.Ink, 0.3, Half, 11);

        private void Beside(double x, double y, string text, string hover, Color edge)
            => Rectangle(x, y, Captions.Wrapped(text, " ", 12), hover, edge, 0.62, 1.7, 10);

        private void Rectangle(double x, double y, string text, string hover, Color edge, double height, double width, int size)
        {
            Outline(ShapeType.Rectangle, x, y, width, height, Box, edge);
            Words(x, y, text, edge == FigureTheme.Faint ? FigureTheme.Ink : edge, size);
            _hovers.Add((x, y, hover));
        }

        private void Sum(double x, double y)
        {
            Outline(ShapeType.Circle, x, y, 0.5, 0.2, FigureTheme.White, FigureTheme.Ink);
            Words(x, y, "+");
        }

        private void Outline(ShapeType kind, double x, double y, double width, double height, Color fill, Color edge) => Shapes.Add(Init<Shape>(
            new
            {
                ShapeType = kind,
                X0 = x - width,
                X1 = x + width,
                Y0 = y - height,
                Y1 = y + height,
                FillColor = fill,
                Line = Line(edge, 1.5),
                Layer = StyleParam.Layer.Below
            }));

        /// <summary>From the main line at <paramref name="top"/> to one side, down, and back into the sum.</summary>
        private void Around(double x, double top, double sum, double side, Color colour)
        {
            var path = FormattableString.Invariant($"M {x} {top} L {x + side} {top} L {x + side} {sum} L {x + Math.Sign(side) * 0.8} {sum}");
            Shapes.Add(Init<Shape>(new { ShapeType = ShapeType.SvgPath, Path = path, Line = Line(colour, 2), Layer = StyleParam.Layer.Below }));
            Arrow(x + Math.Sign(side) * 1.1, sum, x + Math.Sign(side) * 0.52, sum, colour);
        }

        private static Line Line(Color color, double width) => Init<Line>(new { Color = color, Width = width });

        private void Arrow(double x0, double y0, double x1, double y1, Color? colour = null) => Annotations.Add(Init<Annotation>(
            new { X = x1, Y = y1, AX = x0, AY = y0, XRef = "x", YRef = "y", AXRef = "x", AYRef = "y", Text = "" },
            new { ShowArrow = true, ArrowHead = ArrowHead.TriangleTall, ArrowSize = 0.9, ArrowColor = colour ?? FigureTheme.Ink }).With("arrowwidth", 1.5));

        private void Words(double x, double y, string text, Color? colour = null, int size = 13) => Annotations.Add(Init<Annotation>(
            new
            {
                X = x,
                Y = y,
                XRef = "x",
                YRef = "y",
                Text = text,
                ShowArrow = false,
                Font = Init<Font>(new { Size = (double)size, Color = colour ?? FigureTheme.Ink })
            }));
    }
}
