using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using LTHKit.Notebook.Jupyter;
using NetMQ;
using NetMQ.Sockets;

namespace LTHKit.Notebook.Tests.Jupyter;

/// <summary>Tests of a kernel in this process, with a front end's sockets of it, over which anything can be sent.</summary>
public class TestFrontEnd : IDisposable
{
    protected const string Key = "a key of the test";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-kernel-").FullName;
    private readonly JupyterKernel _kernel;

    protected TestFrontEnd()
    {
        Ports = FreePorts(5);
        var file = Path.Combine(_folder, "connection.json");
        File.WriteAllText(file, Connection(Ports));
        _kernel = new JupyterKernel(file, _folder, sentence =>
        {
            lock (Log)
                Log.Add(sentence);
        });
        Shell = Connected(new DealerSocket(), Ports[0]);
        Control = Connected(new DealerSocket(), Ports[1]);
        var iopub = new SubscriberSocket();
        Iopub = Connected(iopub, Ports[3]);
        iopub.SubscribeToAnyTopic();
        Heartbeat = Connected(new RequestSocket(), Ports[4]);
        Ended = _kernel.RunAsync();
        Assert.Equal("iopub_welcome", Next(Iopub, message => message.Type == "iopub_welcome").Type);
    }

    protected int[] Ports { get; }
    protected NetMQSocket Shell { get; }
    protected NetMQSocket Control { get; }
    protected NetMQSocket Iopub { get; }
    protected NetMQSocket Heartbeat { get; }

    /// <summary>What the kernel complained of.</summary>
    protected List<string> Log { get; } = [];

    /// <summary>Completes when the kernel has ended.</summary>
    protected Task Ended { get; }

    protected static List<byte[]> Frames(string type, JsonObject content, string? key = Key, string? id = null)
    {
        var header = new JsonObject { ["msg_id"] = id ?? Guid.NewGuid().ToString("N"), ["session"] = "test", ["username"] = "test", ["msg_type"] = type, ["version"] = "5.4" };
        return Frames(header.ToJsonString(), content.ToJsonString(), key);
    }

    protected static List<byte[]> Frames(string header, string content, string? key = Key)
    {
        byte[][] body = [.. new[] { header, "{}", "{}", content }.Select(Encoding.UTF8.GetBytes)];
        var signature = key is null ? [] : Encoding.ASCII.GetBytes(Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), body.SelectMany(part => part).ToArray())));
        return ["<IDS|MSG>"u8.ToArray(), signature, .. body];
    }

    protected static JsonObject Execute(string code) => new() { ["code"] = code };

    protected JsonObject Run(string code) => Ask("execute_request", Execute(code));

    /// <summary>Sends a request and gives its reply.</summary>
    protected JsonObject Ask(string type, JsonObject content, NetMQSocket? socket = null)
    {
        var id = Guid.NewGuid().ToString("N");
        Send(socket ?? Shell, Frames(type, content, id: id));
        return Next(socket ?? Shell, message => message.Parent == id).Content;
    }

    /// <summary>The next message that is wanted, its signature checked; others are passed over.</summary>
    protected static (string Type, JsonObject Content, string? Parent) Next(NetMQSocket socket, Func<(string Type, JsonObject Content, string? Parent), bool> wanted)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience;)
        {
            List<byte[]>? frames = null;
            while (socket.TryReceiveMultipartBytes(TimeSpan.FromMilliseconds(100), ref frames!))
            {
                var start = frames.FindIndex(frame => frame.AsSpan().SequenceEqual("<IDS|MSG>"u8));
                var signed = HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), frames.Skip(start + 2).SelectMany(part => part).ToArray());
                Assert.Equal(Convert.ToHexStringLower(signed), Encoding.ASCII.GetString(frames[start + 1]));
                var message = (JsonNode.Parse(frames[start + 2])!["msg_type"]!.GetValue<string>(), JsonNode.Parse(frames[start + 5])!.AsObject(),
                    (string?)JsonNode.Parse(frames[start + 3])!["msg_id"]);
                if (wanted(message))
                    return message;
            }
        }

        throw new TimeoutException("The kernel did not send what was waited for.");
    }

    protected static void Send(NetMQSocket socket, List<byte[]> frames) => socket.SendMultipartBytes(frames);

    public void Dispose()
    {
        _kernel.Dispose();
        foreach (var socket in new[] { Shell, Control, Iopub, Heartbeat })
            socket.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static NetMQSocket Connected(NetMQSocket socket, int port)
    {
        (socket.Options.Linger, socket.Options.SendHighWatermark, socket.Options.ReceiveHighWatermark) = (TimeSpan.Zero, 0, 0);
        socket.Connect($"tcp://127.0.0.1:{port}");
        return socket;
    }

    /// <summary>A connection file with these ports.</summary>
    public static string Connection(int[] ports) =>
        $$"""
        {"transport":"tcp","ip":"127.0.0.1","key":"{{Key}}","signature_scheme":"hmac-sha256",
         "shell_port":{{ports[0]}},"control_port":{{ports[1]}},"stdin_port":{{ports[2]}},"iopub_port":{{ports[3]}},"hb_port":{{ports[4]}}}
        """;

    public static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        listeners.ForEach(listener => listener.Stop());
        return ports;
    }
}
