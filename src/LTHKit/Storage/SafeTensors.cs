using System.Buffers.Binary;

namespace LTHKit.Storage;

/// <summary>
/// The safetensors format: eight bytes with the header's length (little-endian), a JSON header, the tensors' bytes one after the
/// other. Python reads these files with safetensors.torch.load_file.
/// </summary>
internal static class SafeTensors
{
    private const int LargestHeader = 100_000_000;     // the format's own limit
    private const string MetadataName = "__metadata__";

    private static readonly Dictionary<ScalarType, string> Names = new()
    {
        [ScalarType.Float32] = "F32",
        [ScalarType.Float64] = "F64",
        [ScalarType.Float16] = "F16",
        [ScalarType.BFloat16] = "BF16",
        [ScalarType.Int64] = "I64",
        [ScalarType.Int32] = "I32",
        [ScalarType.Int16] = "I16",
        [ScalarType.Int8] = "I8",
        [ScalarType.Byte] = "U8",
        [ScalarType.Bool] = "BOOL",
    };

    /// <summary>Writes the tensors, on whatever device they are, whole or not at all.</summary>
    public static void Save(string path, IEnumerable<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var scope = NewDisposeScope();
        var list = tensors.Select(t => (t.Name, Value: t.Value.detach().cpu().contiguous())).ToList();
        var header = new JsonObject { [MetadataName] = new JsonObject(metadata.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))) };
        long offset = 0;
        foreach (var (name, value) in list)
        {
            var end = offset + value.numel() * value.element_size();
            if (!Names.TryGetValue(value.dtype, out var type) || !header.TryAdd(name, new JsonObject
            {
                ["dtype"] = type,
                ["shape"] = new JsonArray([.. value.shape.Select(d => (JsonNode)d)]),
                ["data_offsets"] = new JsonArray(offset, end),
            }))
                throw new UserException($"{path} cannot hold '{name}': {(type is null ? $"the format has no {value.dtype}" : "the name is taken")}.");
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

    /// <summary>Reads the tensors onto the CPU, and the metadata. Where a run is named, that is what the metadata must call "run".</summary>
    public static (Dictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Load(string path, string? run = null)
    {
        if (!File.Exists(path))
            throw new UserException($"There is no file {path}.");
        try
        {
            using var stream = File.OpenRead(path);
            var header = ReadHeader(stream);
            var start = stream.Position;
            var metadata = header.Remove(MetadataName, out var pairs) ? pairs!.AsObject().ToDictionary(m => m.Key, m => m.Value!.GetValue<string>()) : [];
            if (run is not null && metadata.GetValueOrDefault("run") != run)
                throw new UserException($"{path} is damaged (it is of another run): delete it and it is made anew.");
            // All is checked before anything is allocated: the parts follow one another without holes or overlaps to the end of the file.
            var parts = header.Select(entry => Part.Of(entry.Key, entry.Value!.AsObject())).ToList();
            long end = 0;
            foreach (var part in parts.OrderBy(part => part.Begin).ThenBy(part => part.End))
                end = part.Begin == end ? part.End : throw new InvalidDataException($"the bytes of '{part.Name}' do not follow those before them");
            if (end != stream.Length - start)
                throw new InvalidDataException($"its tensors take {end:N0} bytes and it has {stream.Length - start:N0}");
            var tensors = new Dictionary<string, Tensor>();
            foreach (var part in parts)
            {
                tensors[part.Name] = empty(part.Shape, dtype: part.Type);
                stream.Position = start + part.Begin;
                if (part.End > part.Begin)
                    stream.ReadExactly(tensors[part.Name].bytes);
            }
            return (tensors, metadata);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or JsonException or InvalidOperationException
            or NullReferenceException or FormatException or OverflowException or ExternalException)
        {
            throw new UserException($"{path} is no whole safetensors file ({e.Message.TrimEnd('.')}): if it is of a run, delete it and it is made anew; "
                + "otherwise fetch it again.", e);
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
        return json[0] == '{' ? JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false })!.AsObject()
            : throw new InvalidDataException("its header does not begin with {");
    }

    /// <summary>One tensor of a header.</summary>
    private sealed record Part(string Name, ScalarType Type, long[] Shape, long Begin, long End)
    {
        public static Part Of(string name, JsonObject entry)
        {
            var type = Names.FirstOrDefault(n => n.Value == entry["dtype"]!.GetValue<string>());
            long[] shape = [.. entry["shape"]!.AsArray().Select(d => d!.GetValue<long>())];
            if (type.Value is null || entry.Count != 3 || entry["data_offsets"]!.AsArray() is not [var first, var last] || shape.Any(d => d < 0))
                throw new InvalidDataException($"'{name}' is not described as the format has it");
            var part = new Part(name, type.Key, shape, first!.GetValue<long>(), last!.GetValue<long>());
            var size = checked(shape.Aggregate(1L, (count, d) => checked(count * d)) * type.Key.ElementSize());
            return part.Begin >= 0 && part.End - part.Begin == size ? part : throw new InvalidDataException($"'{name}' has not the size of its shape");
        }
    }
}
