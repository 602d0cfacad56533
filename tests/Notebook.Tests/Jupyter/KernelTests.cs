using System.Net;
using System.Net.Sockets;
using System.Text;
using LTHKit.Notebook.Jupyter;
using NetMQ;

namespace LTHKit.Notebook.Tests.Jupyter;

public class KernelTests
{
    [Fact]
    public void ARequestIsAnsweredAndTheHeartbeatReturned()
    {
        using var frontEnd = new TestFrontEnd();
        TestFrontEnd.Send(frontEnd.Heartbeat, ["ping"u8.ToArray()]);
        Assert.Equal("5.4", frontEnd.Ask("kernel_info_request", [], frontEnd.Control)["protocol_version"]!.GetValue<string>());
        Assert.Equal("ok", frontEnd.Ask("execute_request", TestFrontEnd.Execute("6 * 7"))["status"]!.GetValue<string>());
        var result = TestFrontEnd.Next(frontEnd.Iopub, message => message.Type == "execute_result").Content;
        Assert.Equal("42", result["data"]!["text/plain"]!.GetValue<string>());
        Assert.True(frontEnd.Heartbeat.TryReceiveFrameString(TimeSpan.FromMinutes(1), out var beat));
        Assert.Equal("ping", beat);
    }

    // Here while it reads its connection file, for which it waits.
    [Fact]
    public async Task AKernelWhoseFrontEndIsKilledWhileItStartsEnds()
    {
        var (folder, ports) = (Directory.CreateTempSubdirectory("lthkit-kernel-"), TestFrontEnd.FreePorts(5));
        var file = Path.Combine(folder.FullName, "connection.json");
        Kit.Run("mkfifo", [file]);
        using var frontEnd = Kit.Start("/bin/sh", ["-c", "dotnet \"$@\"; true", "sh", Kit.CommandLine, "kernel", "run", file], new() { ["JPY_PARENT_PID"] = "1" });
        using (var pipe = await Task.Run(() => new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)).WaitAsync(TimeSpan.FromMinutes(1)))
        {
            frontEnd.Kill();
            frontEnd.WaitForExit();
            pipe.Write(Encoding.UTF8.GetBytes($$"""
                {"transport":"tcp","ip":"127.0.0.1","key":"k","shell_port":{{ports[0]}},"control_port":{{ports[1]}},"stdin_port":{{ports[2]}},"iopub_port":{{ports[3]}},"hb_port":{{ports[4]}}}
                """));
        }
        // The kernel holds the pipe open for as long as it lives.
        Assert.Equal("", await frontEnd.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal("", await frontEnd.StandardError.ReadToEndAsync());
        folder.Delete(recursive: true);
    }

    [Fact]
    public void MessagesThatAreNotSignedOrMakeNoSenseAreDroppedAndToldAndTheKernelLives()
    {
        using var frontEnd = new TestFrontEnd();
        var code = TestFrontEnd.Execute("var stolen = 1;");
        var good = TestFrontEnd.Frames("execute_request", TestFrontEnd.Execute("var count = 1;"));
        var changed = TestFrontEnd.Frames("execute_request", code);
        changed[^1] = Encoding.UTF8.GetBytes("{\"code\":\"var stolen = 2;\"}");
        List<byte[]>[] bad =
        [
            TestFrontEnd.Frames("execute_request", code, key: null),
            TestFrontEnd.Frames("execute_request", code, key: "another key"),
            changed,
            TestFrontEnd.Frames("no json", "{}"),
            TestFrontEnd.Frames("{}", "{}"),
            TestFrontEnd.Frames("[]", "[]"),
            TestFrontEnd.Frames("{\"msg_id\": 1, \"msg_type\": null}", "{}"),
            ["<IDS|MSG>"u8.ToArray()],
            ["only"u8.ToArray(), [0xff, 0xfe]],
            [[]],
        ];
        foreach (var frames in bad)
            TestFrontEnd.Send(frontEnd.Shell, frames);
        TestFrontEnd.Send(frontEnd.Shell, good);
        TestFrontEnd.Send(frontEnd.Shell, good);      // once more: replayed
        Assert.Equal("ok", TestFrontEnd.Next(frontEnd.Shell, _ => true).Content["status"]!.GetValue<string>());
        var refused = frontEnd.Ask("execute_request", TestFrontEnd.Execute("stolen"));
        Assert.True(refused["ename"]?.GetValue<string>() == "CompilationError", refused.ToJsonString() + string.Join('\n', frontEnd.Log));
        Assert.Equal(3, frontEnd.Ask("execute_request", TestFrontEnd.Execute("count"))["execution_count"]!.GetValue<int>());
        lock (frontEnd.Log)
        {
            Assert.Equal(bad.Length + 1, frontEnd.Log.Count);
            Assert.All(frontEnd.Log, sentence => Assert.StartsWith("a message on shell was dropped: ", sentence));
            Assert.Equal(1, frontEnd.Log.Count(sentence => sentence.Contains("it is not signed")));
            Assert.Equal(2, frontEnd.Log.Count(sentence => sentence.Contains("its signature is wrong")));
            Assert.Equal(1, frontEnd.Log.Count(sentence => sentence.Contains("it was received before")));
        }
    }

    // Frames cut, doubled, swapped and changed at random places, signed anew or not; none may be carried out unsigned, or end the kernel.
    [Fact]
    public void TheKernelLivesThroughAThousandMalformedMessages()
    {
        using var frontEnd = new TestFrontEnd();
        var random = new Random(1);
        string[] types = ["execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request", "comm_info_request", "kernel_info_request", "comm_open", "input_reply", ""];
        string[] contents = ["{}", "[]", "null", "1", "\"x\"", "{\"code\":1}", "{\"code\":\"1\",\"cursor_pos\":-5}", "{\"code\":\"\\ud800\",\"cursor_pos\":1}", "{\"code\":\"x\",\"cursor_pos\":1e99}",
            "{\"hist_access_type\":\"search\",\"pattern\":\"***[\",\"n\":-1}", "{\"user_expressions\":[]}", new string('[', 5000), "{\"code\":\"\\u0000\"}", "\ufeff{}"];
        for (var i = 0; i < 1000; i++)
        {
            var header = $"{{\"msg_id\":\"{i}\",\"msg_type\":\"{types[random.Next(types.Length)]}\"}}";
            var frames = TestFrontEnd.Frames(random.Next(8) == 0 ? contents[random.Next(contents.Length)] : header, contents[random.Next(contents.Length)], random.Next(4) == 0 ? "another key" : TestFrontEnd.Key);
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
                TestFrontEnd.Send(random.Next(5) == 0 ? frontEnd.Control : frontEnd.Shell, frames);
        }

        Alive(frontEnd);
    }

    // What speaks no ZeroMQ at all: connections that send noise, half a greeting, or a frame of eight exabytes, and go.
    [Theory]
    [InlineData("noise")]
    [InlineData("half a greeting")]
    [InlineData("a greeting and noise")]
    [InlineData("a frame of eight exabytes")]
    public void TheKernelLivesThroughNoiseOnItsPorts(string kind)
    {
        using var frontEnd = new TestFrontEnd();
        var random = new Random(2);
        byte[] greeting = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, .. "NULL"u8, .. new byte[48]];
        for (var i = 0; i < 50; i++)
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, frontEnd.Ports[i % 5]);
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

        Alive(frontEnd);
    }

    [Fact]
    public void AMessageOfAHundredMegabytesIsCarriedOut()
    {
        using var frontEnd = new TestFrontEnd();
        var reply = frontEnd.Ask("execute_request", TestFrontEnd.Execute($"/*{new string('x', 100_000_000)}*/ var after = 1;"));
        Assert.Equal("ok", reply["status"]!.GetValue<string>());
        TestFrontEnd.Send(frontEnd.Shell, TestFrontEnd.Frames("execute_request", TestFrontEnd.Execute("Console.Write(new string('y', 100_000_000));")));
        var written = 0;
        TestFrontEnd.Next(frontEnd.Iopub, message =>
            message.Type == "stream" && (written += message.Content["text"]!.GetValue<string>().Length) == 100_000_000);
        Alive(frontEnd);
    }

    // The compiler would overflow the stack, and the kernel be gone.
    [Theory]
    [InlineData("(")]
    [InlineData("{")]
    [InlineData("a[")]
    public void BracketsWithoutEndEndNoKernel(string opening)
    {
        using var frontEnd = new TestFrontEnd();
        var code = TestFrontEnd.Execute(string.Concat(Enumerable.Repeat(opening, 20_000)));
        code["cursor_pos"] = 20_000;
        Assert.Contains("more than 500 deep", frontEnd.Ask("execute_request", code.DeepClone().AsObject())["evalue"]!.GetValue<string>());
        foreach (var type in (string[])["complete_request", "inspect_request", "is_complete_request"])
            Assert.Contains(frontEnd.Ask(type, code.DeepClone().AsObject())["status"]!.GetValue<string>(), (string[])["ok", "unknown"]);
        Alive(frontEnd);
    }

    private static void Alive(TestFrontEnd frontEnd)
    {
        // A cell behind one that failed would be left out.
        frontEnd.Ask("kernel_info_request", []);
        Assert.Equal("ok", frontEnd.Ask("execute_request", TestFrontEnd.Execute("1 + 1"))["status"]!.GetValue<string>());
    }

    [Fact]
    public void ARequestWithoutWhatItNeedsIsAnsweredToo()
    {
        using var frontEnd = new TestFrontEnd();
        foreach (var type in (string[])["execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request"])
        {
            var reply = frontEnd.Ask(type, []);
            Assert.True(reply["status"]!.GetValue<string>() is "ok" or "complete", $"{type}: {reply.ToJsonString()}");
        }

        Assert.Equal("ok", frontEnd.Ask("complete_request", new() { ["code"] = "x", ["cursor_pos"] = 99 })["status"]!.GetValue<string>());
        Assert.Equal("ok", frontEnd.Ask("inspect_request", new() { ["code"] = 5, ["cursor_pos"] = "no" })["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task ShutdownIsAnsweredAndEndsTheKernelEvenWhileACellRuns()
    {
        using var frontEnd = new TestFrontEnd();
        TestFrontEnd.Send(frontEnd.Shell, TestFrontEnd.Frames("execute_request", TestFrontEnd.Execute("Console.WriteLine(1); await Task.Delay(600000);")));
        TestFrontEnd.Next(frontEnd.Iopub, message => message.Type == "stream");
        var reply = frontEnd.Ask("shutdown_request", new() { ["restart"] = true }, frontEnd.Control);
        Assert.True(reply["restart"]!.GetValue<bool>());
        Assert.Equal("shutdown_reply", TestFrontEnd.Next(frontEnd.Iopub, message => message.Type == "shutdown_reply").Type);
        await frontEnd.Ended.WaitAsync(TimeSpan.FromMinutes(1));
    }

    [Theory]
    [InlineData("nothing", "is no connection file")]
    [InlineData("{}", "lacks one of")]
    [InlineData("""{"transport":"tcp","ip":"0.0.0.0","key":"k"}""", "listens on this machine only")]
    [InlineData("""{"transport":"tcp","ip":"192.168.0.1","key":"k"}""", "listens on this machine only")]
    [InlineData("""{"transport":"ipc","ip":"/tmp/socket","key":"k"}""", "asks for the transport ipc")]
    [InlineData("""{"transport":"udp","ip":"127.0.0.1","key":"k"}""", "asks for the transport udp")]
    [InlineData("""{"transport":"tcp","ip":"127.0.0.1","key":""}""", "has no key")]
    [InlineData("""{"transport":"tcp","ip":"127.0.0.1","key":"k","signature_scheme":"hmac-md5"}""", "signatures by hmac-md5")]
    [InlineData("""{"transport":"tcp","ip":"127.0.0.1","key":"k","shell_port":"x"}""", "lacks one of")]
    public void AConnectionFileThatCannotBeServedIsRefusedInASentence(string text, string said)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, text.Replace("\"key\"", "\"shell_port\":1,\"control_port\":2,\"stdin_port\":3,\"iopub_port\":4,\"hb_port\":5,\"key\""));
        try
        {
            Assert.Contains(said, Assert.Throws<UserException>(() => ConnectionFile.Read(file)).Message);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
