using System.Net;

namespace LTHKit.Notebook.Jupyter;

/// <summary>Where a front end wants its kernel to listen, and the key that both sign with; as the file has it.</summary>
internal sealed record ConnectionFile(string Transport, string Ip, string Key, int ShellPort, int ControlPort, int StdinPort, int IopubPort, int HbPort,
    string SignatureScheme = ConnectionFile.Scheme)
{
    private const string Scheme = "hmac-sha256";

    private static readonly JsonSerializerOptions AsWritten =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true };

    public static ConnectionFile Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<ConnectionFile>(File.ReadAllText(path), AsWritten)!.Checked();
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path} is no connection file of Jupyter's that can be read, or lacks one of transport, ip, key, shell_port, control_port, "
                + "stdin_port, iopub_port and hb_port; a front end writes one when it starts a kernel.", e);
        }
    }

    public string Endpoint(int port) => $"tcp://{Ip}:{port}";

    private ConnectionFile Checked()
    {
        if (Transport != "tcp")
            throw new UserException($"The connection file asks for the transport {Transport}; this kernel has tcp.");
        var address = Ip == "localhost" ? IPAddress.Loopback.ToString() : Ip;
        if (!(IPAddress.TryParse(address, out var ip) && IPAddress.IsLoopback(ip)))
            throw new UserException($"The connection file asks to listen on {Ip}; this kernel listens on this machine only (127.0.0.1).");
        if (Key.Length == 0)
            throw new UserException("The connection file has no key; this kernel takes signed messages only.");
        if (SignatureScheme != Scheme)
            throw new UserException($"The connection file asks for signatures by {SignatureScheme}; this kernel has {Scheme}.");
        return this with { Ip = address };
    }
}
