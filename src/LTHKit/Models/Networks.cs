using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LTHKit.Models;

/// <summary>Builds the networks by name, with PyTorch's default initialisation from a seed.</summary>
public static class Networks
{
    private static readonly Dictionary<string, Func<ModelSpec, InputSpec, Network>> Builders = new()
    {
        ["resnet18"] = (model, input) => new ResNet(model, input, [2, 2, 2, 2], 64),
        ["resnet34"] = (model, input) => new ResNet(model, input, [3, 4, 6, 3], 64),
        ["vgg16"] = (model, input) => new Vgg(model, input, [2, 2, 3, 3, 3], 64),
        ["mobilenet"] = (model, input) => new MobileNet(model, input, 32),
        ["vgg5"] = (model, input) => new Vgg(model, input, [2, 2], 64),
        ["conv4"] = (model, input) => new Vgg(model, input, [2, 2], 64, norm: false, hidden: [4, 4]),
        ["lenet"] = (model, input) => new LeNet(model, input, 300),
    };

    /// <summary>The names that <see cref="Build"/> knows.</summary>
    public static IReadOnlyList<string> Names => [.. Builders.Keys];

    /// <summary>
    /// The network <paramref name="model"/> for <paramref name="input"/>, its weights theta0 drawn from <paramref name="seed"/>:
    /// the same seed gives the same bits, whatever tweak is applied later.
    /// </summary>
    /// <exception cref="UserException">The name is unknown or the width negative.</exception>
    public static Network Build(ModelSpec model, InputSpec input, ulong seed)
    {
        Validate(model);
        using var scope = NewDisposeScope();
        var network = Builders[model.Name](model, input);
        InitialiseDefault(network, seed);
        return network;
    }

    /// <summary>
    /// A second network with the same architecture, weights, buffers and activation functions, in training mode and without gradients; owned by the
    /// caller.
    /// </summary>
    /// <exception cref="UserException">A tweak has injected modules, which only that tweak can build.</exception>
    public static Network Copy(Network network)
    {
        if (network.Units.FirstOrDefault(unit => unit.Skip is not null) is { } injected)
            throw new UserException($"{injected.Path} has an injected skip connection: build the network anew and apply the tweak to it.");
        using var scope = NewDisposeScope();
        var copy = Builders[network.Model.Name](network.Model, network.Input);
        var like = network.parameters().First();
        copy.to(like.device, like.dtype);
        CopyState(network, copy);
        foreach (var (from, to) in network.Activations.Zip(copy.Activations))
            to.Function = from.Function;
        return copy;
    }

    /// <summary>Sets the parameters and buffers of one network to those of another of the same architecture, in its own precision.</summary>
    internal static void CopyState(Network from, Network to)
    {
        using var noGrad = no_grad();
        var values = from.State.ToDictionary();
        foreach (var (name, value) in to.State)
            value.copy_(values[name]);
    }

    /// <summary>Refuses a model that <see cref="Build"/> cannot build.</summary>
    /// <exception cref="UserException">The name is unknown or the width negative.</exception>
    public static void Validate(ModelSpec model)
    {
        if (!Builders.ContainsKey(model.Name))
            throw new UserException($"There is no network '{model.Name}'; the known ones are {string.Join(", ", Builders.Keys)}.");
        if (model.Width < 0)
            throw new UserException($"The width of {model.Name} is {model.Width}; give a positive number of channels, or 0 for its own width.");
    }

    /// <summary>
    /// PyTorch's default distributions for convolutions and linear layers (its reset_parameters): weights and biases uniform in
    /// +-1/sqrt(fan_in). BatchNorm starts at scale 1 and shift 0.
    /// </summary>
    internal static void InitialiseDefault(nn.Module network, ulong seed)
    {
        using var noGrad = no_grad();
        using var generator = new Generator(seed);
        foreach (var module in network.modules())
        {
            var (weight, bias) = module switch
            {
                Conv2d conv => (conv.weight, conv.bias),
                Linear linear => (linear.weight, linear.bias),
                _ => (null, null),
            };
            if (weight is null)
                continue;
            var bound = 1 / Math.Sqrt(weight.numel() / (double)weight.shape[0]);
            weight.uniform_(-bound, bound, generator);
            bias?.uniform_(-bound, bound, generator);
        }
    }

    /// <summary>Number of parameters, all of them.</summary>
    public static long ParameterCount(Network network) => network.parameters().Sum(p => p.numel());
}
