using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace LTHKit.Notebook.Html;

/// <summary>Headless Chromium, without a way to any network.</summary>
internal static class Browser
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>The program, null where there is none.</summary>
    public static string? Program { get; } = new[] { "chromium", "chromium-browser", "google-chrome" }
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>The value of a JavaScript expression in a page that has been loaded; a promise is waited for.</summary>
    /// <param name="page">The page's file.</param>
    /// <param name="expression">Of a value that JSON can carry.</param>
    /// <exception cref="UserException">There is no browser, it did not come to an end, or the expression threw.</exception>
    public static JsonNode? Evaluate(string page, string expression)
    {
        var program = Program ?? throw new UserException("Pictures of figures are drawn by Chromium, which is not installed: install the package chromium.");
        var profile = Directory.CreateTempSubdirectory("lthkit-chromium-").FullName;
        string[] arguments =
        [
            "--headless", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            // Surfaces are drawn by WebGL, in software.
            "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
            // The superuser's Chromium has no sandbox.
            .. Environment.IsPrivilegedProcess ? ["--no-sandbox"] : Array.Empty<string>(),
            "--proxy-server=127.0.0.1:9", $"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank",
        ];
        using var limit = new CancellationTokenSource(Limit);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            process.BeginOutputReadLine();
            return Converse(profile, process, new Uri(page).AbsoluteUri, expression, limit.Token).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
        {
            throw new UserException($"{program} did not draw the page within {Limit.TotalMinutes} minutes ({e.Message}).", e);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            try
            {
                Directory.Delete(profile, recursive: true);
            }
            catch (IOException)
            {
                // Its helper processes may still be writing there.
            }
        }
    }

    /// <summary>The document of a page after its scripts have run and its figures are drawn.</summary>
    public static string Dom(string page) => (string)Evaluate(
        page, "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(document.documentElement.outerHTML), 500)))")!;

    // The DevTools protocol: the browser writes its port and address into the profile, and takes commands as JSON over a web socket.
    private static async Task<JsonNode?> Converse(string profile, Process process, string address, string expression, CancellationToken cancel)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(await Endpoint(profile, process, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
        var target = await Ask(1, "Target.createTarget", new() { ["url"] = "about:blank" }).ConfigureAwait(false);
        var attached = await Ask(2, "Target.attachToTarget", new() { ["targetId"] = (string)target["targetId"]!, ["flatten"] = true }).ConfigureAwait(false);
        var session = (string)attached["sessionId"]!;
        await Ask(3, "Page.enable", [], session).ConfigureAwait(false);
        await Ask(4, "Page.navigate", new() { ["url"] = address }, session).ConfigureAwait(false);
        while ((string?)(await Receive().ConfigureAwait(false))["method"] != "Page.loadEventFired")
        {
        }
        var answer = await Ask(5, "Runtime.evaluate", new() { ["expression"] = expression, ["awaitPromise"] = true, ["returnByValue"] = true }, session)
            .ConfigureAwait(false);
        if (answer["exceptionDetails"] is { } wrong)
            throw new UserException($"The page could not be drawn: {(string?)wrong["exception"]?["description"] ?? (string?)wrong["text"]}");
        return answer["result"]!["value"]?.DeepClone();

        async Task<JsonNode> Ask(int id, string method, JsonObject parameters, string? session = null)
        {
            var command = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
            if (session is not null)
                command["sessionId"] = session;
            await socket.SendAsync(Encoding.UTF8.GetBytes(command.ToJsonString()), WebSocketMessageType.Text, true, cancel).ConfigureAwait(false);
            JsonNode message;
            do
                message = await Receive().ConfigureAwait(false);
            while ((int?)message["id"] != id);
            return message["result"] ?? throw new UserException($"Chromium refused {method}: {message["error"]}");
        }

        async Task<JsonNode> Receive()
        {
            using var message = new MemoryStream();
            var buffer = new byte[1 << 16];
            ValueWebSocketReceiveResult part;
            do
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(), cancel).ConfigureAwait(false);
                message.Write(buffer, 0, part.Count);
            }
            while (!part.EndOfMessage);
            return JsonNode.Parse(message.ToArray())!;
        }
    }

    private static async Task<Uri> Endpoint(string profile, Process process, CancellationToken cancel)
    {
        var file = Path.Combine(profile, "DevToolsActivePort");
        while (true)
        {
            if (File.Exists(file) && File.ReadAllLines(file) is [var port, var path, ..])
                return new Uri($"ws://127.0.0.1:{port}{path}");
            if (process.HasExited)
                throw new UserException($"{process.StartInfo.FileName} ended at once (exit code {process.ExitCode}): try to start it by hand.");
            await Task.Delay(50, cancel).ConfigureAwait(false);
        }
    }
}
