using System.Text;
using System.Text.Json.Nodes;
using MathNet.Numerics.Statistics;

namespace LTHKit.Cli.Bench;

/// <summary>Seconds of the three sides in one round; null where there is no PyTorch.</summary>
internal readonly record struct Times(double LthKit, double Textbook, double? PyTorch);

/// <summary>What was measured: medians over the rounds, and ratios taken within each round. Below 1 LTHKit is faster.</summary>
internal sealed class BenchReport(BenchSetting setting, string? pytorch, IReadOnlyList<Times> steps, IReadOnlyList<Times> epochs)
{
    public string ToJson() => new JsonObject
    {
        ["network"] = "resnet18",
        ["width"] = setting.Width,
        ["size"] = setting.Size,
        ["batch"] = setting.Batch,
        ["images"] = setting.Images,
        ["threads"] = setting.Threads,
        ["device"] = setting.Device,
        ["torchsharp"] = __version__,
        ["pytorch"] = pytorch,
        ["step"] = Json(steps),
        ["epoch"] = Json(epochs),
    }.ToJsonString();

    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine($"ResNet-18 of width {setting.Width}, {setting.Size}x{setting.Size}, batch {setting.Batch}, {setting.Images} images an epoch, "
            + $"{setting.Threads} threads, {setting.Device}; medians of {setting.Rounds} rounds in turns");
        text.AppendLine($"{"",-28}{"LTHKit",10}{"textbook",10}{"ratio",8}{"PyTorch",10}{"ratio",8}");
        Row("training step, ms", steps, 1000);
        Row("epoch with augmentation, s", epochs, 1);
        text.Append(pytorch is null
            ? "No Python with torch, torchvision and PIL was found (Debian: python3-torch python3-torchvision), so PyTorch is left out."
            : $"PyTorch {pytorch}.");
        return text.ToString();

        void Row(string name, IReadOnlyList<Times> times, double unit) => text.AppendLine(
            $"{name,-28}{Median(times, t => t.LthKit) * unit,10:0.00}{Median(times, t => t.Textbook) * unit,10:0.00}{Median(times, ToTextbook),8:0.00}"
            + $"{Median(times, t => t.PyTorch) * unit,10:0.00}{Median(times, ToPyTorch),8:0.00}");
    }

    private static JsonObject Json(IReadOnlyList<Times> times) => new()
    {
        ["lthkit"] = Median(times, t => t.LthKit),
        ["textbook"] = Median(times, t => t.Textbook),
        ["pytorch"] = Median(times, t => t.PyTorch),
        ["toTextbook"] = Median(times, ToTextbook),
        ["toPyTorch"] = Median(times, ToPyTorch),
        ["toTextbookByRound"] = new JsonArray([.. times.Select(t => (JsonNode?)ToTextbook(t))]),
        ["toPyTorchByRound"] = new JsonArray([.. times.Select(t => (JsonNode?)ToPyTorch(t))]),
    };

    private static double? ToTextbook(Times times) => times.LthKit / times.Textbook;

    private static double? ToPyTorch(Times times) => times.LthKit / times.PyTorch;

    private static double? Median(IEnumerable<Times> times, Func<Times, double?> value)
        => times.Select(value).OfType<double>().ToList() is { Count: > 0 } values ? values.Median() : null;
}
