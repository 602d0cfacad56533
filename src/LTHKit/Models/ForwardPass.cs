namespace LTHKit.Models;

/// <summary>What a network's forward pass calls, in order: its convolutions, linear layers, BatchNorms and activations, with the tensors between.</summary>
internal sealed record ForwardPass(Tensor Images, long[] Made, IReadOnlyList<ForwardPass.Call> Calls)
{
    internal sealed record Call(nn.Module Module, Tensor Input, Tensor Output, long[] InputShape, long[] OutputShape);

    /// <summary>Runs a module once, in eval mode, which it leaves as it was. The tensors of the trace are freed; they serve to be compared.</summary>
    public static ForwardPass Of(nn.Module<Tensor, Tensor> module, Tensor images)
    {
        var calls = new List<Call>();
        using var hooks = new Hooks();
        var watched = module.modules().Distinct().OfType<nn.Module<Tensor, Tensor>>().Where(m => m is Conv2d or Linear or BatchNorm2d || IsActivation(m));
        foreach (var part in watched)
            hooks.Add(part, (x, y) => calls.Add(new(part, x, y, x.shape, y.shape)));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var mode = new EvalMode(module);
        return new(images, module.call(images).shape, calls);
    }

    /// <summary>Runs a new network once on an image of zeros, and leaves all of it in training mode.</summary>
    public static ForwardPass Of(Network network)
    {
        var (name, input) = (network.Model.Name, network.Input);
        try
        {
            using var images = zeros(1, input.Channels, input.Size, input.Size);
            var pass = Of(network, images);
            return pass.Made.SequenceEqual([1, input.Classes]) ? pass
                : throw new UserException($"{name} makes [{string.Join(", ", pass.Made)}] of an image; it must make [N, {input.Classes}], "
                    + "a logit for each class.");
        }
        catch (Exception e) when (e is not UserException && network.Model.Factory is not null)
        {
            throw new UserException($"{name} does not take images [N, {input.Channels}, {input.Size}, {input.Size}] ({e.Message.Split('\n')[0].TrimEnd('.')}): "
                + $"its forward must make logits [N, {input.Classes}] of them.", e);
        }
        finally
        {
            network.train();
        }
    }

    /// <summary>Whether a layer was not called, and yet counts: with a weight that is no number the logits are none.</summary>
    public bool Misses(Network network, nn.Module layer)
    {
        var weight = layer.get_parameter("weight")!;
        if (Calls.Any(call => call.Module is Conv2d or Linear && call.Module.get_parameter("weight")!.Handle == weight.Handle))
            return false;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var mode = new EvalMode(network);
        var before = weight.clone();
        weight.fill_(double.NaN);
        var counts = network.call(zeros(1, network.Input.Channels, network.Input.Size, network.Input.Size)).isnan().any().ToBoolean();
        weight.copy_(before);
        return counts;
    }

    /// <summary>How often in a row libtorch's one generator must have moved: not only once, since another thread may draw meanwhile.</summary>
    public const int Tries = 5;

    /// <summary>
    /// Refuses a forward that draws from libtorch's one generator in training, as dropout does, since a resumed run could not draw the same again, and one that
    /// libtorch cannot differentiate.
    /// </summary>
    public static void RequireReplay(Network network)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var buffers = network.named_buffers().Select(b => (b.buffer, Value: b.buffer.clone())).ToList();
        var images = zeros(2, network.Input.Channels, network.Input.Size, network.Input.Size);
        bool Draws()
        {
            try
            {
                return Networks.Draws(() => network.call(images));
            }
            catch (Exception e) when (e is not UserException)
            {
                throw new UserException($"{network.Model.Name} cannot be run a second time ({e.Message.Split('\n')[0].TrimEnd('.')}): what its forward keeps it must make in its "
                    + "constructor, with register_buffer.", e);
            }
        }
        if (Enumerable.Range(0, Tries).All(_ => Draws()))
            throw new UserException($"{network.Model.Name} draws random numbers in its forward, as dropout does, which an interrupted run could not "
                + "draw again: leave that out.");
        Differentiation.Require(network, [.. network.parameters()], () => network.call(images).sum());
        foreach (var (buffer, value) in buffers)
            buffer.copy_(value);
    }

    /// <summary>The convolutions that a skip connection may go around, with the BatchNorm that follows each.</summary>
    public IEnumerable<(Conv2d Convolution, BatchNorm2d? Norm)> Units()
    {
        return from call in Calls.DistinctBy(c => c.Module)
               let convolution = call.Module as Conv2d
               where convolution is not null && call.Input != (object)Images && KeepsSize(call, convolution.stride[0]) && !IsProjection(call, convolution)
               select (convolution, Calls.FirstOrDefault(c => c.Module is BatchNorm2d && c.Input == (object)call.Output)?.Module as BatchNorm2d);

        // Over the stride.
        static bool KeepsSize(Call call, long stride) => call.OutputShape.Length == 4
            && Enumerable.Range(2, 2).All(i => call.OutputShape[i] == (call.InputShape[i] + stride - 1) / stride);

        // 1x1, beside another.
        bool IsProjection(Call call, Conv2d convolution) => convolution.weight.shape is [_, _, 1, 1]
            && Calls.Any(c => c.Module is Conv2d && c != call && c.Input == (object)call.Input);
    }

    public IEnumerable<nn.Module<Tensor, Tensor>> Activations() => Calls.Select(c => c.Module).Where(IsActivation).Distinct().Cast<nn.Module<Tensor, Tensor>>();

    internal static bool IsActivation(nn.Module module)
        => module is Activation or ReLU or ReLU6 or LeakyReLU or ELU or SELU or CELU or GELU or SiLU or Mish or Hardswish or Softplus;
}

/// <summary>Sees what goes into modules and comes out of them, until it is disposed.</summary>
internal sealed class Hooks : IDisposable
{
    private readonly List<Action> _removals = [];

    public void Add(nn.Module<Tensor, Tensor> module, Action<Tensor, Tensor> see) => _removals.Add(module.register_forward_hook((_, x, y) =>
    {
        see(x, y);
        return y;
    }).remove);

    public void Dispose() => _removals.ForEach(remove => remove());
}

/// <summary>Holds a module in eval mode; when disposed, every module in it has the mode it had before.</summary>
internal sealed class EvalMode : IDisposable
{
    private readonly List<(nn.Module Module, bool Training)> _before;

    public EvalMode(nn.Module module)
    {
        _before = [.. module.modules().Prepend(module).Select(m => (m, m.training))];
        module.eval();
    }

    public void Dispose()
    {
        // A module comes after those that hold it, so that its own mode is the last that it is given.
        foreach (var (module, training) in _before)
            module.train(training);
    }
}
