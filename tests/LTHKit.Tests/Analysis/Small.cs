using LTHKit.Analysis;
using TorchSharp.Modules;

namespace LTHKit.Tests.Analysis;

/// <summary>Networks and images so small that a Hessian can be written out.</summary>
internal static class Small
{
    public static ImageSet Images(int train = 40, int test = 20, int classes = 3)
        => DataSets.Open(new DataSpec { TrainCount = train, TestCount = test, Classes = classes, Size = 8 });

    /// <summary>A network in double precision with weights of a size at which no unit is dead, and BatchNorm statistics that are not the initial ones.</summary>
    public static Network Network(string model, int width, ImageSet data, bool smooth = true)
    {
        var network = Networks.Build(new ModelSpec(model, width), new InputSpec(data.Classes, data.Height, data.Channels), 3);
        if (smooth)
            foreach (var activation in network.Activations)
                activation.Function = x => nn.functional.silu(x);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(7);
        foreach (var (name, buffer) in network.named_buffers())
            if (name.EndsWith("running_var"))
                buffer.copy_(rand(buffer.shape, generator: generator) + 0.5);
            else if (name.EndsWith("running_mean"))
                buffer.copy_(randn(buffer.shape, generator: generator) * 0.1);
        network.to(ScalarType.Float64);
        return network;
    }

    /// <summary>A mask that keeps each weight with probability one half.</summary>
    public static Mask HalfOf(Network network, ulong seed = 1)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        return new([.. network.PrunableWeights().Select(w => (w.Name, rand(w.Weight.shape, generator: generator) > 0.5))]);
    }

    /// <summary>The mask as one vector of zeros and ones over all parameters. // [P]</summary>
    public static Tensor Flat(Network network, Mask mask)
        => cat([.. network.named_parameters().Select(p => mask.Covers(p.name) ? mask[p.name].to(p.parameter.dtype).flatten() : ones(p.parameter.numel(), dtype: p.parameter.dtype))]);

    /// <summary>Every bit of a network that a measurement could change.</summary>
    public static IReadOnlyList<string> State(Network network)
    {
        using var scope = NewDisposeScope();
        return [.. network.state_dict().Select(p => p.Key + Convert.ToHexString(p.Value.bytes.ToArray())),
            .. network.named_parameters().Select(p => p.name + (p.parameter.grad is { } grad ? Convert.ToHexString(grad.bytes.ToArray()) : "none")),
            .. network.named_modules().Select(m => $"{m.name} {m.module.training}"), $"{network.training}"];
    }

    /// <summary>The full Hessian of a scalar function of a network's parameters, row by row. // [P, P]</summary>
    public static Tensor FullHessian(Network network, Func<Tensor> loss)
    {
        using var scope = NewDisposeScope();
        Parameter[] parameters = [.. network.parameters()];
        var gradient = Flat(autograd.grad([loss()], parameters, retain_graph: true, create_graph: true, allow_unused: true), parameters);
        var rows = new List<Tensor>();
        for (var i = 0; i < gradient.numel(); i++)
            rows.Add(Flat(autograd.grad([gradient[i]], parameters, retain_graph: true, allow_unused: true), parameters).detach());
        return stack(rows).MoveToOuterDisposeScope();
    }

    private static Tensor Flat(IList<Tensor> gradients, Parameter[] parameters)
        => cat([.. gradients.Zip(parameters, (g, p) => g is null || g.IsInvalid ? zeros_like(p).flatten() : g.flatten())]);
}

/// <summary>Tests on small images, with which the tensors that they make go.</summary>
public abstract class OnSmallImages : IDisposable
{
    private readonly DisposeScope _scope;

    protected OnSmallImages() => (Data, _scope) = (Small.Images(), NewDisposeScope());

    protected ImageSet Data { get; }

    protected Objective On(nn.Module<Tensor, Tensor> module, Sample? sample = null) => new(module, Data, sample);

    protected Objective OnTest(nn.Module<Tensor, Tensor> module) => On(module, new Sample { Part = Part.Test });

    protected static void Refused(params Action[] mistakes)
        => Assert.All(mistakes, act => Assert.EndsWith(".", Assert.Throws<UserException>(act).Message));

    /// <summary>A part as one batch, in double precision.</summary>
    protected Batch Whole(ImageSplit part)
    {
        using var batches = new Batches(Data, 500, 0);
        using var batch = batches.Evaluation(part).Single();
        return new Batch(batch.Images.to(ScalarType.Float64), batch.Labels.clone());
    }

    public void Dispose()
    {
        _scope.Dispose();
        Data.Dispose();
    }
}

/// <summary>A "network" whose loss is w' A w / 2 + b' w, whatever the images.</summary>
internal sealed class Quadratic : nn.Module<Tensor, Tensor>
{
    private readonly Parameter _weight;
    private readonly Tensor _matrix;

    public Quadratic(Tensor matrix) : base("quadratic")
    {
        _matrix = matrix;
        _weight = nn.Parameter(ones(matrix.shape[0], dtype: matrix.dtype));
        register_parameter("weight", _weight);
    }

    public override Tensor forward(Tensor input) => _weight.dot(_matrix.mv(_weight)) / 2 + _weight.sum();
}
