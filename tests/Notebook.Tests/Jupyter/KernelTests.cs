using System.Net;
using System.Net.Sockets;
using System.Text;
using NetMQ;

namespace LTHKit.Notebook.Tests.Jupyter;

public sealed class KernelTests : TestFrontEnd
{
    [Fact]
    public void ARequestIsAnsweredAndTheHeartbeatReturned()
    {
        Send(Heartbeat, ["ping"u8.ToArray()]);
        Assert.Equal("5.4", Ask("kernel_info_request", [], Control)["protocol_version"]!.GetValue<string>());
        Assert.Equal("ok", Run("6 * 7")["status"]!.GetValue<string>());
        var result = Next(Iopub, message => message.Type == "execute_result").Content;
        Assert.Equal("42", result["data"]!["text/plain"]!.GetValue<string>());
        Assert.True(Heartbeat.TryReceiveFrameString(TimeSpan.FromMinutes(1), out var beat));
        Assert.Equal("ping", beat);
    }

    [Fact]
    public void MessagesThatAreNotSignedOrMakeNoSenseAreDroppedAndToldAndTheKernelLives()
    {
        var code = Execute("var stolen = 1;");
        var changed = Frames("execute_request", code);
        changed[^1] = Encoding.UTF8.GetBytes("{\"code\":\"var stolen = 2;\"}");
        List<byte[]>[] bad =
        [
            Frames("execute_request", code, key: null),
            Frames("execute_request", code, key: "another key"),
            changed,
            Frames("no json", "{}"),
            Frames("{}", "{}"),
            Frames("[]", "[]"),
            Frames("{\"msg_id\": 1, \"msg_type\": null}", "{}"),
            ["<IDS|MSG>"u8.ToArray()],
            ["only"u8.ToArray(), [0xff, 0xfe]],
            [[]],
        ];
        foreach (var frames in bad)
            Send(Shell, frames);
        Send(Shell, Frames("execute_request", Execute("var count = 1;")));
        Assert.Equal("ok", Next(Shell, _ => true).Content["status"]!.GetValue<string>());
        var refused = Run("stolen");
        Assert.True(refused["ename"]?.GetValue<string>() == "CompilationError", refused.ToJsonString() + string.Join('\n', Log));
        Assert.Equal(3, Run("count")["execution_count"]!.GetValue<int>());
        lock (Log)
        {
            Assert.Equal(bad.Length, Log.Count);
            Assert.All(Log, sentence => Assert.StartsWith("a message on shell was dropped: ", sentence));
            Assert.Equal(1, Log.Count(sentence => sentence.Contains("it is not signed")));
            Assert.Equal(2, Log.Count(sentence => sentence.Contains("its signature is wrong")));
        }
    }

    // Frames cut, doubled, swapped and changed at random places, signed anew or not; none may be carried out unsigned, or end the kernel.
    [Fact]
    public void TheKernelLivesThroughAThousandMalformedMessages()
    {
        var random = new Random(1);
        string[] types = ["execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request", "comm_info_request", "kernel_info_request", "comm_open", "input_reply", ""];
        string[] contents = ["{}", "[]", "null", "1", "\"x\"", "{\"code\":1}", "{\"code\":\"1\",\"cursor_pos\":-5}", "{\"code\":\"\\ud800\",\"cursor_pos\":1}", "{\"code\":\"x\",\"cursor_pos\":1e99}",
            "{\"hist_access_type\":\"search\",\"pattern\":\"***[\",\"n\":-1}", new string('[', 5000), "{\"code\":\"\\u0000\"}", "\ufeff{}"];
        for (var i = 0; i < 1000; i++)
        {
            var header = $"{{\"msg_id\":\"{i}\",\"msg_type\":\"{types[random.Next(types.Length)]}\"}}";
            var frames = Frames(random.Next(8) == 0 ? contents[random.Next(contents.Length)] : header, contents[random.Next(contents.Length)], random.Next(4) == 0 ? "another key" : Key);
            for (var changes = random.Next(3); changes > 0 && frames.Count > 0; changes--)
            {
                var at = random.Next(frames.Count);
                switch (random.Next(5))
                {
                    case 0: frames.RemoveAt(at); break;
                    case 1: frames.Insert(at, frames[random.Next(frames.Count)]); break;
                    case 2: frames[at] = frames[at][..random.Next(frames[at].Length + 1)]; break;
                    case 3: random.NextBytes(frames[at] = new byte[random.Next(40)]); break;
                    default: (frames[at], frames[0]) = (frames[0], frames[at]); break;
                }
            }

            if (frames.Count > 0)
                Send(random.Next(5) == 0 ? Control : Shell, frames);
        }

        Alive();
    }

    // What speaks no ZeroMQ at all: connections that send noise, half a greeting, or a frame of eight exabytes, and go.
    [Theory]
    [InlineData("noise")]
    [InlineData("half a greeting")]
    [InlineData("a greeting and noise")]
    [InlineData("a frame of eight exabytes")]
    public void TheKernelLivesThroughNoiseOnItsPorts(string kind)
    {
        var random = new Random(2);
        byte[] greeting = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, .. "NULL"u8, .. new byte[48]];
        for (var i = 0; i < 50; i++)
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, Ports[i % 5]);
            var noise = new byte[random.Next(3000)];
            random.NextBytes(noise);
            client.GetStream().Write(kind switch
            {
                "noise" => noise,
                "half a greeting" => greeting[..random.Next(greeting.Length)],
                "a greeting and noise" => [.. greeting, .. noise],
                _ => [.. greeting, 2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, .. noise],
            });
        }

        Alive();
    }

    [Fact]
    public void AMessageOfAHundredMegabytesIsCarriedOut()
    {
        Assert.Equal("ok", Run($"/*{new string('x', 100_000_000)}*/ var after = 1;")["status"]!.GetValue<string>());
        Send(Shell, Frames("execute_request", Execute("Console.Write(new string('y', 100_000_000));")));
        var written = 0;
        Next(Iopub, message => message.Type == "stream" && (written += message.Content["text"]!.GetValue<string>().Length) == 100_000_000);
        Alive();
    }

    private void Alive()
    {
        // A cell behind one that failed would be left out.
        Ask("kernel_info_request", []);
        Assert.Equal("ok", Run("1 + 1")["status"]!.GetValue<string>());
    }

    [Fact]
    public void ARequestWithoutWhatItNeedsIsAnsweredToo()
    {
        foreach (var type in (string[])["execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request"])
        {
            var reply = Ask(type, []);
            Assert.True(reply["status"]!.GetValue<string>() is "ok" or "complete", $"{type}: {reply.ToJsonString()}");
        }

        Assert.Equal("ok", Ask("complete_request", new() { ["code"] = "x", ["cursor_pos"] = 99 })["status"]!.GetValue<string>());
        Assert.Equal("ok", Ask("inspect_request", new() { ["code"] = 5, ["cursor_pos"] = "no" })["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task ShutdownIsAnsweredAndEndsTheKernelEvenWhileACellRuns()
    {
        Send(Shell, Frames("execute_request", Execute("Console.WriteLine(1); await Task.Delay(600000);")));
        Next(Iopub, message => message.Type == "stream");
        var reply = Ask("shutdown_request", new() { ["restart"] = true }, Control);
        Assert.True(reply["restart"]!.GetValue<bool>());
        Assert.Equal("shutdown_reply", Next(Iopub, message => message.Type == "shutdown_reply").Type);
        await Ended.WaitAsync(TimeSpan.FromMinutes(1));
    }
}
