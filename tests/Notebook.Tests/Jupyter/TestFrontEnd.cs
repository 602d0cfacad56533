using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using LTHKit.Notebook.Jupyter;

namespace LTHKit.Notebook.Tests.Jupyter;

/// <summary>A kernel in this process, and a front end's sockets of it, over which anything can be sent.</summary>
internal sealed class TestFrontEnd : IDisposable
{
    private const string Key = "a key of the test";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-kernel-").FullName;
    private readonly IntPtr _context = ZeroMq.NewContext();
    private readonly List<ZmqSocket> _sockets = [];
    private readonly JupyterKernel _kernel;

    public TestFrontEnd()
    {
        var ports = FreePorts(5);
        string[] names = ["shell_port", "control_port", "stdin_port", "iopub_port", "hb_port"];
        var connection = new JsonObject { ["transport"] = "tcp", ["ip"] = "127.0.0.1", ["key"] = Key, ["signature_scheme"] = "hmac-sha256" };
        foreach (var (i, name) in names.Index())
            connection[name] = ports[i];
        var file = Path.Combine(_folder, "connection.json");
        File.WriteAllText(file, connection.ToJsonString());

        _kernel = new JupyterKernel(file, _folder, sentence =>
        {
            lock (Log)
                Log.Add(sentence);
        });
        Shell = Connect(ZeroMq.Dealer, ports[0]);
        Control = Connect(ZeroMq.Dealer, ports[1]);
        Iopub = Connect(ZeroMq.Sub, ports[3]);
        Iopub.SubscribeToAll();
        Heartbeat = Connect(ZeroMq.Req, ports[4]);
        Ended = _kernel.RunAsync();
        Assert.Equal("iopub_welcome", Next(Iopub, message => message.Type == "iopub_welcome").Type);
    }

    public ZmqSocket Shell { get; }

    public ZmqSocket Control { get; }

    public ZmqSocket Iopub { get; }

    public ZmqSocket Heartbeat { get; }

    /// <summary>What the kernel complained of.</summary>
    public List<string> Log { get; } = [];

    /// <summary>Completes when the kernel has ended.</summary>
    public Task Ended { get; }

    public static List<byte[]> Frames(string type, JsonObject content, string? key = Key)
    {
        var header = new JsonObject { ["msg_id"] = Guid.NewGuid().ToString("N"), ["session"] = "test", ["username"] = "test", ["msg_type"] = type, ["version"] = "5.4" };
        return Frames(header.ToJsonString(), content.ToJsonString(), key);
    }

    public static List<byte[]> Frames(string header, string content, string? key = Key)
    {
        byte[][] body = [.. new[] { header, "{}", "{}", content }.Select(Encoding.UTF8.GetBytes)];
        var signature = key is null ? [] : Encoding.ASCII.GetBytes(Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), body.SelectMany(part => part).ToArray())));
        return ["<IDS|MSG>"u8.ToArray(), signature, .. body];
    }

    public static JsonObject Execute(string code, bool stopOnError = true) => new() { ["code"] = code, ["stop_on_error"] = stopOnError };

    /// <summary>Sends a request and gives its reply.</summary>
    public JsonObject Ask(string type, JsonObject content, ZmqSocket? socket = null)
    {
        (socket ?? Shell).Send(Frames(type, content));
        return Next(socket ?? Shell, _ => true).Content;
    }

    /// <summary>The next message that is wanted, its signature checked; others are passed over.</summary>
    public static (string Type, JsonObject Content) Next(ZmqSocket socket, Func<(string Type, JsonObject Content), bool> wanted)
    {
        var limit = DateTime.UtcNow + Patience;
        while (DateTime.UtcNow < limit)
        {
            ZmqSocket.WaitAny([socket], 100);
            while (socket.Receive() is { } frames)
            {
                var start = frames.FindIndex(frame => frame.AsSpan().SequenceEqual("<IDS|MSG>"u8));
                var signed = HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), frames.Skip(start + 2).SelectMany(part => part).ToArray());
                Assert.Equal(Convert.ToHexStringLower(signed), Encoding.ASCII.GetString(frames[start + 1]));
                var message = (JsonNode.Parse(frames[start + 2])!["msg_type"]!.GetValue<string>(), JsonNode.Parse(frames[start + 5])!.AsObject());
                if (wanted(message))
                    return message;
            }
        }

        throw new TimeoutException("The kernel did not send what was waited for.");
    }

    public void Dispose()
    {
        _kernel.Dispose();
        foreach (var socket in _sockets)
            socket.Dispose();
        _ = ZeroMq.ContextTerminate(_context);
        Directory.Delete(_folder, recursive: true);
    }

    private ZmqSocket Connect(int type, int port)
    {
        var socket = new ZmqSocket(_context, type);
        socket.Set(ZeroMq.Linger, 0);
        socket.Connect($"tcp://127.0.0.1:{port}");
        _sockets.Add(socket);
        return socket;
    }

    public static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        listeners.ForEach(listener => listener.Stop());
        return ports;
    }
}

/// <summary>A test that needs libzmq; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ZeroMqFactAttribute : FactAttribute
{
    public ZeroMqFactAttribute()
    {
        if (!System.Runtime.InteropServices.NativeLibrary.TryLoad("libzmq.so.5", out _))
            Skip = "libzmq is not installed.";
    }
}
