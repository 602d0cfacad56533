using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NetMQ;

namespace LTHKit.Notebook.Jupyter;

/// <summary>A message of a front end.</summary>
internal sealed record Request(IReadOnlyList<byte[]> Identities, byte[] Header, string Id, string Type, JsonObject Content)
{
    public string Text(string name, string fallback = "") =>
        Content[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : fallback;

    public bool Flag(string name, bool fallback) =>
        Content[name] is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : fallback;

    public int Number(string name, int fallback) =>
        Content[name] is JsonValue value && value.TryGetValue<int>(out var number) ? number : fallback;
}

/// <summary>Messages of the Jupyter wire protocol to and from frames, signed.</summary>
internal sealed class MessageCodec(string key)
{
    public const string Version = "5.4";

    private const int Remembered = 1 << 16;
    private static readonly byte[] Delimiter = "<IDS|MSG>"u8.ToArray();
    private static readonly byte[] Empty = "{}"u8.ToArray();

    private readonly byte[] _key = Encoding.UTF8.GetBytes(key);
    private readonly string _session = Guid.NewGuid().ToString("N");
    private readonly HashSet<string> _seen = [];
    private readonly Queue<string> _oldest = [];

    /// <summary>Reads a message; one that is not signed as it must be, was seen before or makes no sense is refused.</summary>
    public bool TryRead(IReadOnlyList<byte[]> frames, [NotNullWhen(true)] out Request? request, [NotNullWhen(false)] out string? problem)
    {
        request = null;
        problem = null;
        var start = frames.Index().FirstOrDefault(frame => frame.Item.AsSpan().SequenceEqual(Delimiter), (-1, [])).Index;
        if (start < 0 || frames.Count < start + 6)
            problem = "it has not the parts of a message";
        else if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(frames.Skip(start + 2).Take(4))), frames[start + 1]))
            problem = frames[start + 1].Length == 0 ? "it is not signed" : "its signature is wrong";
        else if (!IsNew(Encoding.ASCII.GetString(frames[start + 1])))
            problem = "it was received before";
        if (problem is not null)
            return false;

        try
        {
            var header = JsonNode.Parse(frames[start + 2])!.AsObject();
            request = new Request(
                [.. frames.Take(start)],
                frames[start + 2],
                header["msg_id"]!.GetValue<string>(),
                header["msg_type"]!.GetValue<string>(),
                JsonNode.Parse(frames[start + 5])!.AsObject());
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            problem = $"it is no JSON message ({e.Message})";
            return false;
        }
    }

    /// <summary>The frames of a message.</summary>
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

    // As in Jupyter itself, the last 65,536 signatures are known.
    private bool IsNew(string signature)
    {
        if (!_seen.Add(signature))
            return false;
        _oldest.Enqueue(signature);
        if (_oldest.Count > Remembered)
            _seen.Remove(_oldest.Dequeue());
        return true;
    }
}
