using System.Text;
using LTHKit.Notebook.Jupyter;

namespace LTHKit.Notebook.Tests.Jupyter;

public class KernelTests
{
    [ZeroMqFact]
    public void ARequestIsAnsweredAndTheHeartbeatReturned()
    {
        using var frontEnd = new TestFrontEnd();
        frontEnd.Heartbeat.Send(["ping"u8.ToArray()]);
        Assert.Equal("5.4", frontEnd.Ask("kernel_info_request", [], frontEnd.Control)["protocol_version"]!.GetValue<string>());
        Assert.Equal("ok", frontEnd.Ask("execute_request", TestFrontEnd.Execute("6 * 7"))["status"]!.GetValue<string>());
        var result = TestFrontEnd.Next(frontEnd.Iopub, message => message.Type == "execute_result").Content;
        Assert.Equal("42", result["data"]!["text/plain"]!.GetValue<string>());
        ZmqSocket.WaitAny([frontEnd.Heartbeat], 10_000);
        Assert.Equal("ping", Encoding.UTF8.GetString(Assert.Single(frontEnd.Heartbeat.Receive()!)));
    }

    [ZeroMqFact]
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
            frontEnd.Shell.Send(frames);
        frontEnd.Shell.Send(good);
        frontEnd.Shell.Send(good);      // once more: replayed
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

    [ZeroMqFact]
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

    [ZeroMqFact]
    public async Task ShutdownIsAnsweredAndEndsTheKernelEvenWhileACellRuns()
    {
        using var frontEnd = new TestFrontEnd();
        frontEnd.Shell.Send(TestFrontEnd.Frames("execute_request", TestFrontEnd.Execute("Console.WriteLine(1); await Task.Delay(600000);")));
        TestFrontEnd.Next(frontEnd.Iopub, message => message.Type == "stream");
        var reply = frontEnd.Ask("shutdown_request", new() { ["restart"] = true }, frontEnd.Control);
        Assert.True(reply["restart"]!.GetValue<bool>());
        Assert.Equal("shutdown_reply", TestFrontEnd.Next(frontEnd.Iopub, message => message.Type == "shutdown_reply").Type);
        await frontEnd.Ended.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData("nothing", "is no connection file")]
    [InlineData("{}", "lacks one of")]
    [InlineData("""{"transport":"tcp","ip":"0.0.0.0","key":"k"}""", "listens on this machine only")]
    [InlineData("""{"transport":"tcp","ip":"192.168.0.1","key":"k"}""", "listens on this machine only")]
    [InlineData("""{"transport":"udp","ip":"127.0.0.1","key":"k"}""", "asks for the transport udp")]
    [InlineData("""{"transport":"tcp","ip":"127.0.0.1","key":""}""", "has no key")]
    [InlineData("""{"transport":"tcp","ip":"127.0.0.1","key":"k","signature_scheme":"hmac-md5"}""", "signatures by hmac-md5")]
    [InlineData("""{"transport":"tcp","ip":"127.0.0.1","key":"k","shell_port":"x"}""", "lacks one of")]
    public void AConnectionFileThatCannotBeServedIsRefusedInASentence(string text, string said)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, text);
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
