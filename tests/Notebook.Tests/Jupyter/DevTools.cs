using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using LTHKit.Notebook.Html;

namespace LTHKit.Notebook.Tests.Jupyter;

/// <summary>A page in headless Chromium, with no way to another machine, and what its scripts say.</summary>
internal sealed class DevTools : IAsyncDisposable
{
    private readonly string _profile = Directory.CreateTempSubdirectory("lthkit-chromium-").FullName;
    private readonly ClientWebSocket _socket = new();
    private readonly Process _browser;
    private int _last;

    private DevTools()
    {
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=127.0.0.1", "--window-size=1200,1600",
            "--remote-debugging-port=0", $"--user-data-dir={_profile}", "about:blank",
        ];
        _browser = Process.Start(new ProcessStartInfo(Browser.Program!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _browser.OutputDataReceived += (_, _) => { };
        _browser.ErrorDataReceived += (_, _) => { };
        _browser.BeginOutputReadLine();
        _browser.BeginErrorReadLine();
    }

    public static async Task<DevTools> Open(string address)
    {
        var page = new DevTools();
        var announced = Path.Combine(page._profile, "DevToolsActivePort");
        await Until(() => Task.FromResult(File.Exists(announced) && File.ReadAllLines(announced).Length > 1), "Chromium does not start", 60);
        using var http = new HttpClient();
        var pages = JsonNode.Parse(await http.GetStringAsync($"http://127.0.0.1:{File.ReadAllLines(announced)[0]}/json/list"))!.AsArray();
        var target = pages.First(entry => entry!["type"]!.GetValue<string>() == "page")!["webSocketDebuggerUrl"]!.GetValue<string>();
        await page._socket.ConnectAsync(new Uri(target), CancellationToken.None);
        await page.Command("Page.navigate", new() { ["url"] = address });
        return page;
    }

    /// <summary>The value of a JavaScript expression; null too where it throws.</summary>
    public async Task<JsonNode?> Evaluate(string expression)
    {
        var result = await Command("Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        return result["exceptionDetails"] is null ? result["result"]!["value"] : null;
    }

    /// <summary>Waits until a JavaScript expression is true.</summary>
    public Task WaitFor(string expression, int seconds = 120) =>
        Until(async () => await Evaluate(expression) is JsonValue value && value.TryGetValue<bool>(out var truth) && truth, expression, seconds);

    public async Task Screenshot(string path) =>
        await File.WriteAllBytesAsync(path, Convert.FromBase64String((await Command("Page.captureScreenshot", []))["data"]!.GetValue<string>()));

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _browser.Kill(entireProcessTree: true);
        await _browser.WaitForExitAsync();
        _browser.Dispose();
        try
        {
            Directory.Delete(_profile, recursive: true);
        }
        catch (IOException)
        {
            // Its helper processes may still be writing there.
        }
    }

    private static async Task Until(Func<Task<bool>> condition, string what, int seconds)
    {
        for (var clock = Stopwatch.StartNew(); !await condition(); await Task.Delay(200))
            Assert.True(clock.Elapsed.TotalSeconds < seconds, $"not so after {seconds} s: {what}");
    }

    private async Task<JsonObject> Command(string method, JsonObject parameters)
    {
        var id = ++_last;
        var text = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters }.ToJsonString();
        await _socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None);
        var buffer = new byte[1 << 16];
        while (true)
        {
            using var message = new MemoryStream();
            WebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(2));
                message.Write(buffer, 0, part.Count);
            }
            while (!part.EndOfMessage);
            var answer = JsonNode.Parse(message.ToArray())!;
            if (answer["id"]?.GetValue<int>() == id)
                return answer["result"]!.AsObject();
        }
    }
}
