using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace LTHKit.Tests.Data;

/// <summary>A web server on this machine that serves files, whole or from an offset, and can break off.</summary>
internal sealed class ArchiveServer : IDisposable
{
    private readonly HttpListener _listener = new();

    public ArchiveServer()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/mirror/");
        }
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _ = Serve();
    }

    public Uri Address { get; }

    public ConcurrentDictionary<string, byte[]> Files { get; } = [];

    /// <summary>The Range header of each request.</summary>
    public List<string> Ranges { get; } = [];

    /// <summary>Bytes after which each connection is broken.</summary>
    public int? CutAfter { get; set; }

    public bool IgnoreRanges { get; set; }

    public void Dispose() => _listener.Close();

    private async Task Serve()
    {
        try
        {
            while (true)
                await Answer(await _listener.GetContextAsync());
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
        }
    }

    private async Task Answer(HttpListenerContext context)
    {
        var range = context.Request.Headers["Range"] ?? "";
        Ranges.Add(range);
        if (!Files.TryGetValue(Path.GetFileName(context.Request.Url!.AbsolutePath), out var content))
        {
            context.Response.StatusCode = 404;
            context.Response.Close();
            return;
        }
        var start = 0;
        if (range != "" && !IgnoreRanges)
        {
            start = int.Parse(range["bytes=".Length..^1]);
            context.Response.StatusCode = 206;
            context.Response.Headers["Content-Range"] = $"bytes {start}-{content.Length - 1}/{content.Length}";
        }
        context.Response.ContentLength64 = content.Length - start;
        var end = Math.Min(content.Length, start + (CutAfter ?? content.Length));
        await context.Response.OutputStream.WriteAsync(content.AsMemory(start..end));
        if (end < content.Length)
        {
            await context.Response.OutputStream.FlushAsync();
            context.Response.Abort();
        }
        else
            context.Response.Close();
    }
}
