using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace LTHKit.Notebook.Html;

/// <summary>A page in headless Chromium, with no way to another machine, spoken to by the DevTools protocol: JSON over a web socket.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _profile = Directory.CreateTempSubdirectory("lthkit-chromium-").FullName;
    private readonly ClientWebSocket _socket = new();
    private readonly Process _process;
    private int _last;

    private Browser(string program)
    {
        string[] arguments =
        [
            // In containers, shared memory is often too small for a page.
            "--headless", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            // Surfaces are drawn by WebGL, in software.
            "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
            // The superuser's Chromium has no sandbox.
            .. Environment.IsPrivilegedProcess ? ["--no-sandbox"] : Array.Empty<string>(),
            "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=127.0.0.1", "--window-size=1200,1600", $"--user-data-dir={_profile}",
            "--remote-debugging-port=0", "about:blank",
        ];
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The program, null where there is none.</summary>
    public static string? Program { get; } = new[] { "chromium", "chromium-browser", "google-chrome" }
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>Opens a page and waits until it is loaded.</summary>
    /// <exception cref="UserException">There is no browser, or it does not start or load.</exception>
    public static async Task<Browser> Open(string address)
    {
        var program = Program ?? throw new UserException("Pictures of figures are drawn by Chromium, which is not installed: install the package chromium.");
        var page = new Browser(program);
        try
        {
            // The browser writes its port there when it is ready.
            var announced = Path.Combine(page._profile, "DevToolsActivePort");
            await page.Until(() => Task.FromResult(File.Exists(announced) && File.ReadAllLines(announced).Length > 1)).ConfigureAwait(false);
            using var http = new HttpClient();
            var targets = JsonNode.Parse(await http.GetStringAsync($"http://127.0.0.1:{File.ReadAllLines(announced)[0]}/json/list").ConfigureAwait(false))!;
            var target = targets.AsArray().First(entry => (string?)entry!["type"] == "page")!;
            await page._socket.ConnectAsync(new Uri((string)target["webSocketDebuggerUrl"]!), CancellationToken.None).ConfigureAwait(false);
            await page.Command("Page.navigate", new() { ["url"] = address }).ConfigureAwait(false);
            await page.Until(async () => (bool)(await page.Evaluate("location.href != 'about:blank' && document.readyState == 'complete'").ConfigureAwait(false))!)
                .ConfigureAwait(false);
            return page;
        }
        catch
        {
            await page.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The value of a JavaScript expression, of a kind that JSON can carry; a promise is waited for.</summary>
    /// <exception cref="UserException">It throws.</exception>
    public async Task<JsonNode?> Evaluate(string expression)
    {
        var answer = await Command("Runtime.evaluate", new() { ["expression"] = expression, ["awaitPromise"] = true, ["returnByValue"] = true }).ConfigureAwait(false);
        return answer["exceptionDetails"] is not { } wrong
            ? answer["result"]!["value"]
            : throw new UserException($"The page could not be drawn: {(string?)wrong["exception"]?["description"] ?? (string?)wrong["text"]}");
    }

    /// <summary>The value of an expression in the page of a file.</summary>
    /// <exception cref="UserException">There is no browser, it does not come to an end, or the expression throws.</exception>
    public static JsonNode? Evaluate(string file, string expression) => Task.Run(async () =>
    {
        await using var page = await Open(new Uri(file).AbsoluteUri).ConfigureAwait(false);
        return await page.Evaluate(expression).ConfigureAwait(false);
    }).GetAwaiter().GetResult();

    /// <summary>One command of the protocol and its result.</summary>
    /// <exception cref="UserException">The browser refuses it or does not answer.</exception>
    public async Task<JsonNode> Command(string method, JsonObject parameters)
    {
        var id = ++_last;
        var text = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters }.ToJsonString();
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await _socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, limit.Token).ConfigureAwait(false);
            JsonNode answer;
            do
                answer = await Receive(limit.Token).ConfigureAwait(false);
            while ((int?)answer["id"] != id);
            return answer["result"] ?? throw new UserException($"{Program} refused {method}: {answer["error"]}");
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            throw new UserException($"{Program} did not answer to {method} ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>Ends the browser.</summary>
    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
        try
        {
            Directory.Delete(_profile, recursive: true);
        }
        catch (IOException)
        {
            // Its helper processes may still be writing there.
        }
    }

    private async Task<JsonNode> Receive(CancellationToken cancel)
    {
        using var message = new MemoryStream();
        var buffer = new byte[1 << 16];
        ValueWebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(buffer.AsMemory(), cancel).ConfigureAwait(false);
            message.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        return JsonNode.Parse(message.ToArray())!;
    }

    private async Task Until(Func<Task<bool>> ready)
    {
        for (var clock = Stopwatch.StartNew(); !await ready().ConfigureAwait(false); await Task.Delay(50).ConfigureAwait(false))
            if (_process.HasExited || clock.Elapsed > Limit)
                throw new UserException($"{Program} does not open the page: try to start it by hand.");
    }
}
