using LTHKit.Tests.Experiments;

namespace LTHKit.Tests.Tweaks;

/// <summary>Networks with tweaks, small enough for tests.</summary>
internal static class TweakSamples
{
    /// <summary>The network, its weights of seed 0, rewritten by the tweaks.</summary>
    public static Network Rewritten(ModelSpec model, InputSpec input, params Tweak[] tweaks)
    {
        var network = Networks.Build(model, input, 0);
        foreach (var tweak in tweaks)
            tweak.Rewrite(network, Context(null!));
        return network;
    }

    /// <summary>A context of the tiny experiment.</summary>
    public static TweakContext Context(ImageSet data, Mask? mask = null) => new(data, mask, Tiny.Profile.Recipe, 7,
        () => throw new InvalidOperationException("No dense network here."));
}
