using System.Security.Cryptography;
using NetMQ;

namespace LTHKit.Notebook.Jupyter;

internal sealed record Request(IReadOnlyList<byte[]> Identities, byte[] Header, string Id, string Type, JsonObject Content)
{
    public T Value<T>(string name, T fallback) => Content[name] is JsonValue value && value.TryGetValue<T>(out var found) ? found : fallback;
}

/// <summary>Messages of the Jupyter wire protocol to and from frames, signed.</summary>
internal sealed class MessageCodec(string key)
{
    public const string Version = "5.4";

    private static readonly byte[] Delimiter = "<IDS|MSG>"u8.ToArray();
    private static readonly byte[] Empty = "{}"u8.ToArray();

    private readonly byte[] _key = Encoding.UTF8.GetBytes(key);
    private readonly string _session = Guid.NewGuid().ToString("N");

    /// <summary>Reads a message; one that is not signed as it must be or makes no sense is refused.</summary>
    public Request? Read(List<byte[]> frames, out string? problem)
    {
        var start = frames.FindIndex(frame => frame.AsSpan().SequenceEqual(Delimiter));
        problem = start < 0 || frames.Count < start + 6 ? "it has not the parts of a message"
            : CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(frames.Skip(start + 2).Take(4))), frames[start + 1]) ? null
            : frames[start + 1].Length == 0 ? "it is not signed" : "its signature is wrong";
        if (problem is not null)
            return null;
        try
        {
            var header = JsonNode.Parse(frames[start + 2])!.AsObject();
            return new([.. frames.Take(start)], frames[start + 2], header["msg_id"]!.GetValue<string>(), header["msg_type"]!.GetValue<string>(),
                JsonNode.Parse(frames[start + 5])!.AsObject());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            problem = $"it is no JSON message ({e.Message})";
            return null;
        }
    }

    public NetMQMessage Write(IEnumerable<byte[]> to, string type, JsonObject content, Request? parent)
    {
        var header = new JsonObject
        {
            ["msg_id"] = Guid.NewGuid().ToString("N"),
            ["session"] = _session,
            ["username"] = "kernel",
            ["date"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture),
            ["msg_type"] = type,
            ["version"] = Version,
        };
        byte[][] body = [Bytes(header), parent?.Header ?? Empty, Empty, Bytes(content)];
        return new([.. to, Delimiter, Encoding.ASCII.GetBytes(Sign(body)), .. body]);
    }

    private static byte[] Bytes(JsonObject json) => JsonSerializer.SerializeToUtf8Bytes(json);

    private string Sign(IEnumerable<byte[]> parts)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        foreach (var part in parts)
            hash.AppendData(part);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
