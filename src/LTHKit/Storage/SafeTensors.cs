using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Storage;

/// <summary>
/// The safetensors format: eight bytes with the header's length (little-endian), a JSON header, the tensors' bytes one after the
/// other. Python reads these files with safetensors.torch.load_file.
/// </summary>
public static class SafeTensors
{
    private const int LargestHeader = 100_000_000;     // the format's own limit

    private static readonly Dictionary<ScalarType, string> Names = new()
    {
        [ScalarType.Float32] = "F32",
        [ScalarType.Float64] = "F64",
        [ScalarType.Int64] = "I64",
        [ScalarType.Int32] = "I32",
        [ScalarType.Byte] = "U8",
        [ScalarType.Bool] = "BOOL",
    };

    /// <summary>Writes the tensors, on whatever device they are, whole or not at all.</summary>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Save(string path, IEnumerable<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var scope = NewDisposeScope();
        var list = tensors.Select(t => (t.Name, Value: t.Value.detach().cpu().contiguous())).ToList();
        var header = new JsonObject();
        if (metadata is { Count: > 0 })
            header["__metadata__"] = new JsonObject(metadata.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value)));
        long offset = 0;
        foreach (var (name, value) in list)
        {
            var end = offset + value.numel() * value.element_size();
            header[name] = new JsonObject
            {
                ["dtype"] = Names[value.dtype],
                ["shape"] = new JsonArray([.. value.shape.Select(d => (JsonNode)d)]),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        var padding = (8 - json.Length % 8) % 8;       // the data begins at a multiple of eight
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, json.Length + padding);
            stream.Write(length);
            stream.Write(json);
            stream.Write("       "u8[..padding]);
            foreach (var (_, value) in list)
                stream.Write(value.bytes);
        });
    }

    /// <summary>Reads the tensors onto the CPU, and the metadata.</summary>
    /// <exception cref="UserException">The file is missing, truncated or no safetensors file.</exception>
    public static (Dictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Load(string path)
    {
        if (!File.Exists(path))
            throw new UserException($"There is no file {path}.");
        try
        {
            using var stream = File.OpenRead(path);
            var header = ReadHeader(stream);
            var start = stream.Position;
            var metadata = new Dictionary<string, string>();
            var tensors = new Dictionary<string, Tensor>();
            foreach (var (name, node) in header)
            {
                if (name == "__metadata__")
                {
                    foreach (var (key, value) in node!.AsObject())
                        metadata[key] = value!.GetValue<string>();
                    continue;
                }
                var dtype = Names.First(n => n.Value == node!["dtype"]!.GetValue<string>()).Key;
                var shape = node!["shape"]!.AsArray().Select(d => d!.GetValue<long>()).ToArray();
                var offsets = node["data_offsets"]!.AsArray().Select(d => d!.GetValue<long>()).ToArray();
                if (offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > stream.Length - start || shape.Any(d => d < 0 || d > stream.Length))
                    throw new InvalidDataException($"{name} lies outside the file");
                var tensor = empty(shape, dtype: dtype);
                if (offsets[1] - offsets[0] != tensor.numel() * tensor.element_size())
                    throw new InvalidDataException($"{name} has a wrong size");
                stream.Position = start + offsets[0];
                stream.ReadExactly(tensor.bytes);
                tensors[name] = tensor;
            }
            return (tensors, metadata);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or JsonException or InvalidOperationException
            or NullReferenceException or ArgumentException or FormatException or OverflowException or IndexOutOfRangeException)
        {
            throw new UserException($"{path} is damaged or no safetensors file ({e.Message}): delete it, and what it held is made anew.", e);
        }
    }

    private static JsonObject ReadHeader(Stream stream)
    {
        Span<byte> length = stackalloc byte[8];
        stream.ReadExactly(length);
        var size = BinaryPrimitives.ReadInt64LittleEndian(length);
        if (size is <= 0 or > LargestHeader || size > stream.Length - 8)
            throw new InvalidDataException("its header has an impossible length");
        var json = new byte[size];
        stream.ReadExactly(json);
        return JsonNode.Parse(json)!.AsObject();
    }
}
