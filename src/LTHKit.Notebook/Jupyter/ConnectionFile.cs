using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LTHKit.Notebook.Jupyter;

/// <summary>Where a front end wants its kernel to listen, and the key that both sign with.</summary>
internal sealed record ConnectionFile(string Address, string Key, IReadOnlyDictionary<string, int> Ports)
{
    private static readonly string[] Sockets = ["shell", "control", "stdin", "iopub", "hb"];

    public static ConnectionFile Read(string path)
    {
        JsonObject json;
        try
        {
            json = JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? throw new JsonException();
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path} is no connection file of Jupyter's that can be read; a front end writes one when it starts a kernel.", e);
        }
        try
        {
            return Checked(json);
        }
        catch (Exception e) when (e is InvalidOperationException or NullReferenceException or FormatException)
        {
            throw new UserException($"The connection file {path} lacks one of transport, ip, key, shell_port, control_port, stdin_port, iopub_port and hb_port.", e);
        }
    }

    /// <summary>The address of a socket: shell, control, stdin, iopub or hb.</summary>
    public string Endpoint(string socket) => $"tcp://{Address}:{Ports[socket]}";

    private static ConnectionFile Checked(JsonObject json)
    {
        var (transport, address, key) = (json["transport"]!.GetValue<string>(), json["ip"]!.GetValue<string>(), json["key"]!.GetValue<string>());
        if (transport != "tcp")
            throw new UserException($"The connection file asks for the transport {transport}; this kernel has tcp.");
        if (address == "localhost")
            address = IPAddress.Loopback.ToString();
        if (!(IPAddress.TryParse(address, out var ip) && IPAddress.IsLoopback(ip)))
            throw new UserException($"The connection file asks to listen on {address}; this kernel listens on this machine only (127.0.0.1).");
        if (key.Length == 0)
            throw new UserException("The connection file has no key; this kernel takes signed messages only.");
        if (json["signature_scheme"]?.GetValue<string>() is { } scheme && scheme != "hmac-sha256")
            throw new UserException($"The connection file asks for signatures by {scheme}; this kernel has hmac-sha256.");
        return new(address, key, Sockets.ToDictionary(socket => socket, socket => json[$"{socket}_port"]!.GetValue<int>()));
    }
}
