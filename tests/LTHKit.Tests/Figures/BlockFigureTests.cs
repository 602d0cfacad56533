using LTHKit.Tests.Tweaks;
using Newtonsoft.Json.Linq;
using TorchSharp.Modules;
using static LTHKit.Tests.FigureSamples;

namespace LTHKit.Tests;

public class BlockFigureTests
{
    private static string[] Words(JObject figure) => [.. figure["layout"]!["annotations"]!.Select(a => (string)a["text"]!).Where(text => text.Length > 0)];

    private static int Count(JObject figure, string kind) => figure["layout"]!["shapes"]!.Count(s => (string?)s["type"] == kind);

    // layer2.0 of width 4 takes 4 channels to 8 with stride 2, and has a 1x1 convolution on its own residual connection.
    [Fact]
    public void ItShowsWhatTheNetworkIsMadeOf()
    {
        var built = Json(Figures.BlockDiagram("layer2.0", ("as built", Resnet())));
        Assert.Equal(
            ["<b>as built</b>", "input, 4 channels", "3x3 convolution<br>4 → 8, stride 2", "BatchNorm", "ReLU", "3x3 convolution<br>8", "BatchNorm", "+",
             "1x1<br>convolution,<br>stride 2,<br>BatchNorm", "ReLU", "output, 8 channels"],
            Words(built));
        Assert.Equal((7, 1, 1), (Count(built, "rect"), Count(built, "circle"), Count(built, "path")));
        var skips = Json(Figures.BlockDiagram("layer2.0", ("skip", Resnet(new SkipInjection(SkipKind.Projection), new SmoothActivation("swish")))));
        Assert.Contains("1x1<br>convolution,<br>stride 2,<br>BatchNorm", Words(skips));
        Assert.Equal(2, Words(skips).Count(w => w == "Swish"));
        Assert.Equal((9, 2, 3), (Count(skips, "rect"), Count(skips, "circle"), Count(skips, "path")));
        Assert.Contains("layer2.0.conv2<br>576 weights, prunable", skips["data"]![0]!["text"]!.Select(t => (string)t!));
        var identity = Json(Figures.BlockDiagram("layer2.0", ("skip", Resnet(new SkipInjection(SkipKind.Normalised)))));
        Assert.Contains("2x2 average,<br>4 zero<br>channels,<br>normalised", Words(identity));
    }

    // Conv-4 has no BatchNorm.
    [Fact]
    public void ABlockWithoutBatchNormIsShownWithoutIt()
    {
        using var network = TweakSamples.Rewritten(new ModelSpec("conv4", 4), new InputSpec(10), new SkipInjection(SkipKind.Normalised));
        var figure = Json(Figures.BlockDiagram(null, ("skip", network)));
        Assert.Equal(
            ["<b>skip</b>", "input, 3 channels", "3x3 convolution<br>3 → 4", "+", "1 zero<br>channels,<br>normalised", "ReLU", "3x3 convolution<br>4", "+", "normalised", "ReLU",
             "output, 4 channels"], Words(figure));
        Assert.Equal((6, 2, 2), (Count(figure, "rect"), Count(figure, "circle"), Count(figure, "path")));
    }

    // What is drawn is what is computed: the blocks, walked as the figure shows them, give the network's logits.
    [Theory]
    [InlineData("resnet18", SkipKind.Identity)]
    [InlineData("resnet34", SkipKind.Projection)]
    [InlineData("mobilenet", SkipKind.Identity)]
    [InlineData("vgg16", SkipKind.Identity)]
    [InlineData("conv4", SkipKind.Projection)]
    public void TheBlocksAreTheNetwork(string model, SkipKind kind)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = TweakSamples.Rewritten(new ModelSpec(model, 4), new InputSpec(10), new SkipInjection(kind));
        network.eval();
        var parts = network.named_modules().ToDictionary(m => m.name, m => m.module);
        Tensor Call(string name, Tensor input) => ((nn.Module<Tensor, Tensor>)parts[name]).call(input);
        var images = (arange(2 * 3 * 32 * 32, ScalarType.Float32) * 0.1).sin().reshape(2, 3, 32, 32);
        var x = parts.ContainsKey("conv1") ? Call("act1", Call("bn1", Call("conv1", images))) : images;
        foreach (var block in network.Blocks)
        {
            var input = x;
            foreach (var (unit, act) in block.Units.Zip(block.Activations))
            {
                var y = unit.Convolution.call(x);
                y = unit.Norm is null ? y : unit.Norm.call(y);
                y += unit.Skip!.call(x);
                if (block.Residual && unit == block.Units[^1])
                    y += block.Shortcut is null ? input : Call($"{block.Path}.shortcut_bn", block.Shortcut.call(input));
                x = act.call(y);
            }
            if (!parts.ContainsKey("conv1") && x.shape[2] > 1)
                x = nn.functional.max_pool2d(x, 2);
        }
        x = model == "conv4" ? Call("act2", Call("fc2", Call("act1", Call("fc1", x.flatten(1))))) : x.mean([2, 3]);
        var logits = Call("fc", x);
        Assert.True((logits - network.call(images)).abs().amax().ToDouble() <= 1e-5 * (1 + logits.abs().amax().ToDouble()));
        Assert.Equal(network.Units, network.Blocks.SelectMany(b => b.Units));
    }

    [Fact]
    public void WhatIsNotThereIsRefused()
    {
        Assert.Contains("layer1.0, layer1.1", Assert.Throws<UserException>(() => Figures.BlockDiagram("layer9", ("a", Resnet()))).Message);
        Assert.Contains("lenet", Assert.Throws<UserException>(() => Figures.BlockDiagram(null, ("a", Networks.Build(new ModelSpec("lenet", 6), new InputSpec(10), 0)))).Message);
        Assert.Contains("layer1.0", (string)Json(Figures.BlockDiagram(null, ("a", Resnet())))["layout"]!["title"]!["text"]!);
    }
}
