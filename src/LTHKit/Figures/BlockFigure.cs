using Plotly.NET;
using Plotly.NET.CSharp;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;
using static LTHKit.Typed;
using static Plotly.NET.StyleParam;
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
    public static GenericChart BlockDiagram(string? path, params (string Name, Network Network)[] networks)
    {
        var blocks = Captions.Given(networks, "There is no network to draw; give at least one.").Select(network => Find(network.Network, path)).ToList();
        var drawing = new BlockDrawing();
        foreach (var (i, (block, network)) in blocks.Zip(networks).Index())
            drawing.Add(network.Name, block, i * BlockDrawing.Panel);
        var (left, right) = (blocks.Any(block => block.Residual), blocks.Any(block => block.Units.Any(unit => unit.Skip is not null)));
        string[] subtitle = [.. left ? ["left: the architecture's own connection"] : new string[0], .. right ? ["right, in colour: what was injected"] : new string[0]];
        return drawing.Hovers
            .Styled($"One block of {networks[0].Network.Model.Name}, {blocks[0].Path}", subtitle.Length == 0 ? "as built" : string.Join("; ", subtitle))
            .WithLayout(new { drawing.Shapes, drawing.Annotations })
            .WithAxes(
                Init<LinearAxis>(new { Visible = false, Range = StyleParam.Range.NewMinMax(-BlockDrawing.Panel / 2, (networks.Length - 0.5) * BlockDrawing.Panel) }),
                Init<LinearAxis>(new { Visible = false, Range = StyleParam.Range.NewMinMax(drawing.Bottom, -1.0) }))
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
        private const double Side = 4.7;            // how far from the main line connections run
        private readonly Color _accent = Pen.For(["skip"])["skip"].Color;
        private readonly List<(double X, double Y, string Text)> _hovers = [];

        public List<Shape> Shapes { get; } = [];
        public List<Annotation> Annotations { get; } = [];

        /// <summary>The row under the last.</summary>
        public double Bottom { get; private set; }

        /// <summary>An invisible mark on each box that tells its name and size.</summary>
        public GenericChart Hovers => Scatter(null, _hovers.Select(h => h.X), _hovers.Select(h => h.Y), null, Init<Marker>(new { Size = 24 }), hover: "%{text}",
            more: new { Opacity = 0.0, MultiText = _hovers.Select(h => h.Text).ToArray() });

        public void Add(string name, Block block, double x)
        {
            var y = 0.0;
            Words(x, -0.7, $"<b>{name}</b>");
            Words(x, 0, $"input, {block.Units[0].Convolution.in_channels} channels");
            foreach (var (unit, activation) in block.Units.Zip(block.Activations))
            {
                var top = y + 0.5;          // where the unit's input branches off
                Layer(Describe(unit), $"{unit.Path}<br>{Weights(unit.Convolution)}, prunable");
                if (unit.Norm is not null)
                    Layer("BatchNorm", $"{unit.Path}'s BatchNorm");
                y++;
                var last = block.Residual && unit == block.Units[^1];
                if (last || unit.Skip is not null)
                    Sum(x, y);
                else
                    Arrow(x, y - 0.7, x, y + 0.7);
                if (last)
                    Around(x, 0.42, y, -Side, FigureTheme.Faint, block.Shortcut is { } shortcut ? $"1x1 convolution, stride {shortcut.stride[0]}, BatchNorm" : null,
                        () => $"{block.Path}.shortcut<br>{Weights(block.Shortcut!)}, prunable");
                if (unit.Skip is { } skip)
                    Around(x, top, y, Side, _accent, skip.GetName() is "identity" or "" ? null : skip.GetName(),
                        () => $"skip connection around {unit.Path}<br>{Weights(skip)}, never pruned");
                y++;
                Box(x, y, activation.Label, activation.Path, activation.Label == "ReLU" ? FigureTheme.Ink : _accent);
            }
            Arrow(x, y + 0.3, x, y + 0.7);
            Words(x, y + 1, $"output, {block.Units[^1].Convolution.out_channels} channels");
            Bottom = Math.Max(Bottom, y + 1.5);

            void Layer(string text, string hover)
            {
                Arrow(x, y + 0.3, x, y + 0.7);
                Box(x, ++y, text, hover, FigureTheme.Ink);
            }
        }

        private static string Describe(ConvUnit unit)
        {
            var conv = unit.Convolution;
            var channels = conv.in_channels == conv.out_channels ? $"{conv.out_channels}" : $"{conv.in_channels} → {conv.out_channels}";
            return $"{conv.kernel_size[0]}x{conv.kernel_size[1]} {(conv.groups > 1 ? "depthwise" : "convolution")}<br>"
                + $"{channels}{(unit.Stride > 1 ? $", stride {unit.Stride}" : "")}";
        }

        private static string Weights(TorchSharp.torch.nn.Module module)
        {
            var count = module.parameters().Where(p => p.dim() > 1).Sum(p => p.numel());
            return count == 0 ? "no weights" : FormattableString.Invariant($"{count:N0} weights");
        }

        private void Box(double x, double y, string text, string hover, Color edge, double height = 0.3, double width = 2.6, int size = 11)
        {
            Outline(ShapeType.Rectangle, x, y, width, height, Color.fromString("#f2f2f2"), edge);
            Words(x, y, text, edge == FigureTheme.Faint ? FigureTheme.Ink : edge, size);
            _hovers.Add((x, y, hover));
        }

        /// <summary>Where connections meet, with the arrows into it and out of it.</summary>
        private void Sum(double x, double y)
        {
            Arrow(x, y - 0.7, x, y - 0.2);
            Outline(ShapeType.Circle, x, y, 0.5, 0.2, FigureTheme.White, FigureTheme.Ink);
            Words(x, y, "+");
            Arrow(x, y + 0.2, x, y + 0.7);
        }

        private void Outline(ShapeType kind, double x, double y, double width, double height, Color fill, Color edge) => Shapes.Add(Init<Shape>(
            new { ShapeType = kind, X0 = x - width, X1 = x + width, Y0 = y - height, Y1 = y + height },
            new { FillColor = fill, Line = Line(edge, 1.5), Layer = StyleParam.Layer.Below }));

        /// <summary>From the main line at <paramref name="top"/> to one side, down, through a box if there is something in it, and back into the sum.</summary>
        private void Around(double x, double top, double sum, double side, Color colour, string? what, Func<string> hover)
        {
            var path = FormattableString.Invariant($"M {x} {top} L {x + side} {top} L {x + side} {sum} L {x + Math.Sign(side) * 0.8} {sum}");
            Shapes.Add(Init<Shape>(new { ShapeType = ShapeType.SvgPath, Path = path, Line = Line(colour, 2), Layer = StyleParam.Layer.Below }));
            Arrow(x + Math.Sign(side) * 1.1, sum, x + Math.Sign(side) * 0.52, sum, colour);
            if (what is not null)
                Box(x + side, (top + sum) / 2, Captions.Wrapped(what, " ", 12), hover(), colour, 0.62, 1.7, 10);
        }

        private static Line Line(Color color, double width) => Init<Line>(new { Color = color, Width = width });

        private void Arrow(double x0, double y0, double x1, double y1, Color? colour = null)
        {
            var arrow = Init<Annotation>(
                new { X = x1, Y = y1, AX = x0, AY = y0, XRef = "x", YRef = "y", AXRef = "x", AYRef = "y", Text = "" },
                new { ShowArrow = true, ArrowHead = ArrowHead.TriangleTall, ArrowSize = 0.9, ArrowColor = colour ?? FigureTheme.Ink });
            arrow.SetProperty("arrowwidth", 1.5);       // Plotly.NET has no name for it
            Annotations.Add(arrow);
        }

        private void Words(double x, double y, string text, Color? colour = null, int size = 13) => Annotations.Add(Init<Annotation>(
            new { X = x, Y = y, XRef = "x", YRef = "y", Text = text, ShowArrow = false },
            new { Font = Init<Font>(new { Size = (double)size, Color = colour ?? FigureTheme.Ink }) }));
    }
}
