using LTHKit.Models;
using static TorchSharp.torch;

namespace LTHKit.Analysis;

/// <summary>Holds a network in eval mode; when disposed, every module has the mode it had before.</summary>
internal sealed class EvalMode : IDisposable
{
    private readonly List<(nn.Module Module, bool Training)> _before;

    public EvalMode(Network network)
    {
        _before = [.. network.modules().Prepend(network).Select(module => (module, module.training))];
        network.eval();
    }

    public void Dispose()
    {
        // A module comes after those that hold it, so that its own mode is the last that it is given.
        foreach (var (module, training) in _before)
            module.train(training);
    }
}
