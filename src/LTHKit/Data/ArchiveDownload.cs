using System.Net;
using System.Net.Http.Headers;

namespace LTHKit.Data;

/// <summary>Fetches an archive into FILE.part, from where an interrupted download goes on, and checks it.</summary>
internal sealed class ArchiveDownload(DataArchive archive, Action<string>? progress, CancellationToken cancel)
{
    private const int Attempts = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);      // without one byte

    /// <summary>The path of the whole, checked archive in <paramref name="folder"/>.</summary>
    public async Task<string> Fetch(string folder, Uri? mirror)
    {
        var path = Path.Combine(folder, archive.File);
        if (File.Exists(path))
        {
            Check(path);
            return path;
        }

        var part = path + ".part";
        var address = archive.At(mirror);
        using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        for (var attempt = 1; ; attempt++)
            try
            {
                await Transfer(client, address, part);
                break;
            }
            catch (Exception e) when (e is HttpRequestException or TimeoutException && !cancel.IsCancellationRequested)
            {
                if (attempt == Attempts)
                    throw new UserException($"{address} cannot be fetched ({(e.InnerException ?? e).Message.TrimEnd('.')}); run the same command "
                        + "again and it goes on where it stopped.", e);
                await Task.Delay(TimeSpan.FromSeconds(0.25 * (1 << attempt)), cancel);
            }
        Check(part);
        File.Move(part, path);
        return path;
    }

    private async Task Transfer(HttpClient client, Uri address, string part)
    {
        await using var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        if (file.Length > archive.Bytes)
            file.SetLength(0);
        if (file.Length == archive.Bytes)
            return;

        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (file.Length > 0)
            request.Headers.Range = new RangeHeaderValue(file.Length, null);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).WaitAsync(Patience, cancel);
        if ((int)response.StatusCode >= 500)
            response.EnsureSuccessStatusCode();
        if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.PartialContent))
            throw new UserException($"{address} answers {(int)response.StatusCode} {response.ReasonPhrase}; check the address, or give a " +
                $"mirror that has {archive.File}.");

        if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != file.Length)
            file.SetLength(0);
        var offered = response.Content.Headers.ContentLength is { } length ? file.Length + length : archive.Bytes;
        if (offered != archive.Bytes)
            throw new UserException($"{address} offers {offered:N0} bytes where {archive.File} has {archive.Bytes:N0}; it is another file, " +
                "so nothing was fetched.");

        file.Seek(0, SeekOrigin.End);
        await using var body = await response.Content.ReadAsStreamAsync(cancel);
        var buffer = new byte[1 << 16];
        while (file.Position < archive.Bytes)
        {
            var count = (int)Math.Min(await Receive(body, buffer), archive.Bytes - file.Position);
            await file.WriteAsync(buffer.AsMemory(0, count), cancel);
            progress?.Invoke(FormattableString.Invariant($"downloading {archive.File}: {file.Position / 1e6:F1} of {archive.Bytes / 1e6:F1} MB"));
        }
    }

    /// <summary>Reads at least a byte; what goes wrong is told apart from trouble with the disk.</summary>
    private async Task<int> Receive(Stream body, byte[] buffer)
    {
        try
        {
            var count = await body.ReadAsync(buffer, cancel).AsTask().WaitAsync(Patience, cancel);
            return count > 0 ? count : throw new EndOfStreamException("the connection ended early");
        }
        catch (IOException e)
        {
            throw new HttpRequestException(e.Message, e);
        }
    }

    private void Check(string path)
    {
        progress?.Invoke($"checking {archive.File}");
        string found;
        using (var file = File.OpenRead(path))
            found = Convert.ToHexStringLower(MD5.HashData(file));
        if (found == archive.Md5)
            return;
        var aside = Path.Combine(Path.GetDirectoryName(path)!, archive.File + ".bad");
        File.Move(path, aside, overwrite: true);
        throw new UserException($"{archive.File} has the checksum {found} instead of {archive.Md5}, so it was not unpacked but put aside as " +
            $"{aside}; fetch it again, or from another mirror.");
    }
}
