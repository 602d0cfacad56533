using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Compat.Tests.Torch;

/// <summary>
/// Values recorded from Debian's python3-torch 1.13.0a0 by tests/Compat.Tests/reference.py
/// (`python3 reference.py > TorchSharp/reference.json`).
/// </summary>
internal static class Reference
{
    internal static JsonNode Section(string name)
    {
        using var stream = typeof(Reference).Assembly.GetManifestResourceStream("reference.json")!;
        return JsonNode.Parse(stream)![name]!;
    }

    internal static double[] Numbers(this JsonNode? node) => node.Deserialize<double[]>()!;

    internal static double Number(this JsonNode? node) => node!.GetValue<double>();

    /// <summary>A recorded list of numbers as a one-dimensional tensor.</summary>
    internal static Tensor Vector(this JsonNode? node, ScalarType type) => tensor(node.Numbers(), dtype: type);

    /// <summary>A recorded {shape, data}.</summary>
    internal static Tensor Tensor(this JsonNode? node, ScalarType type) =>
        node!["data"].Vector(type).reshape(node["shape"].Deserialize<long[]>()!);

    internal static Dictionary<string, Tensor> Tensors(this JsonNode? node, ScalarType type) =>
        node!.AsObject().ToDictionary(entry => entry.Key, entry => entry.Value.Tensor(type));

    /// <summary>Checks the elements in row-major order, to an absolute and relative tolerance.</summary>
    internal static void AssertClose(JsonNode? expected, Tensor actual, double tolerance) =>
        AssertClose((expected is JsonObject ? expected["data"] : expected).Numbers(), actual, tolerance);

    internal static void AssertClose(double[] expected, Tensor actual, double tolerance)
    {
        var values = actual.detach().to(float64).data<double>().ToArray();
        Assert.Equal(expected.Length, values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            var allowed = tolerance * (1 + Math.Abs(expected[i]));
            Assert.True(Math.Abs(expected[i] - values[i]) <= allowed, $"element {i} is {values[i]:G17}, expected {expected[i]:G17}");
        }
    }
}
