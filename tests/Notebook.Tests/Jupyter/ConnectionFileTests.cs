using System.Text;
using LTHKit.Notebook.Jupyter;

namespace LTHKit.Notebook.Tests.Jupyter;

public sealed class ConnectionFileTests : InFolder
{
    private string Connection => Path.Combine(Folder, "connection.json");

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
    public void OneThatCannotBeServedIsRefusedInASentence(string text, string said)
    {
        File.WriteAllText(Connection, text.Replace("\"key\"", "\"shell_port\":1,\"control_port\":2,\"stdin_port\":3,\"iopub_port\":4,\"hb_port\":5,\"key\""));
        Assert.Contains(said, Assert.Throws<UserException>(() => ConnectionFile.Read(Connection)).Message);
    }

    // Here while it reads its connection file, for which it waits.
    [Fact]
    public async Task AKernelWhoseFrontEndIsKilledWhileItStartsEnds()
    {
        Kit.Run("mkfifo", [Connection]);
        using var frontEnd = Kit.Start("/bin/sh", ["-c", "dotnet \"$@\"; true", "sh", Kit.CommandLine, "kernel", "run", Connection], new() { ["JPY_PARENT_PID"] = "1" });
        using (var pipe = await Task.Run(() => new FileStream(Connection, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)).WaitAsync(TimeSpan.FromMinutes(1)))
        {
            frontEnd.Kill();
            frontEnd.WaitForExit();
            pipe.Write(Encoding.UTF8.GetBytes(TestFrontEnd.Connection(TestFrontEnd.FreePorts(5))));
        }
        // The kernel holds the pipe open for as long as it lives.
        Assert.Equal("", await frontEnd.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal("", await frontEnd.StandardError.ReadToEndAsync());
    }
}
