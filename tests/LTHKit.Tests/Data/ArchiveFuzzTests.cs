using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using CsCheck;
using LTHKit.Data;
using Xunit;

namespace LTHKit.Tests.Data;

/// <summary>Whatever an archive holds, it is unpacked below its folder or refused in one sentence, and takes no more of the disk than a data set would.</summary>
public sealed class ArchiveFuzzTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Tar(TarEntryFormat format, params (string Name, byte[]? Content)[] entries)
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, format, leaveOpen: true))
            foreach (var (name, content) in entries)
            {
                var type = content is null ? TarEntryType.Directory : TarEntryType.RegularFile;
                TarEntry entry = format == TarEntryFormat.Pax ? new PaxTarEntry(type, name) : format == TarEntryFormat.Gnu ? new GnuTarEntry(type, name) : new UstarTarEntry(type, name);
                if (content is not null)
                    entry.DataStream = new MemoryStream(content);
                tar.WriteEntry(entry);
            }
        return bytes.ToArray();
    }

    private static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, content) in entries)
                using (var stream = zip.CreateEntry(name).Open())
                    stream.Write(content);
        return bytes.ToArray();
    }

    private static byte[] GZip(byte[] plain)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(plain);
        return bytes.ToArray();
    }

    /// <summary>What is unpacked of an archive, or the sentence.</summary>
    private string Unpacked(string name, byte[] content)
    {
        var (archive, target) = (_folder.At("in", name), _folder.At("in", "out", "pictures"));
        Directory.CreateDirectory(Path.GetDirectoryName(archive)!);
        File.WriteAllBytes(archive, content);
        try
        {
            ArchiveUnpack.Unpack(archive, "pictures", target, null, default);
            Assert.All(Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories), f => Assert.True(f == archive || f.StartsWith(target + "/"), f));
            return "";
        }
        catch (UserException e)
        {
            Assert.Matches(@"^[^\n]{30,}[.]$", e.Message);
            return e.Message;
        }
        finally
        {
            Directory.Delete(_folder.At("in"), recursive: true);
        }
    }

    [Fact]
    public void ADamagedArchiveIsUnpackedOrRefused()
    {
        byte[] noise = [.. Enumerable.Range(0, 900).Select(i => (byte)(i * i))];
        byte[][] tars = [.. new[] { TarEntryFormat.Ustar, TarEntryFormat.Pax, TarEntryFormat.Gnu }.Select(format => Tar(format, ("pictures/", null), ("pictures/a/b.txt", noise), ("pictures/c", "c"u8.ToArray())))];
        var zip = Zip(("pictures/a/b.txt", noise), ("pictures/c", "c"u8.ToArray()));
        var piece = Gen.OneOf(Gen.Byte.Array[0, 8], Gen.OneOf("../", "/", "\0", "77777777777", "99", "\u00ff", "-1 ", "30 path=../../x\n").Select(Encoding.UTF8.GetBytes));
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 100_000], Gen.Int[0, 12], piece).Sample((which, at, cut, put) =>
        {
            var whole = which == 3 ? zip : tars[which];
            at %= whole.Length;
            byte[] changed = [.. whole[..at], .. put, .. whole[Math.Min(whole.Length, at + (put.Length == 0 ? cut : put.Length))..]];
            Unpacked(which == 3 ? "x.zip" : "x.tar.gz", which == 3 ? changed : GZip(changed));
        }, iter: 800, threads: 1);
    }

    // A file over another, a file where a folder is and the other way round, a name that no disk takes: it is the archive that is wrong, not the disk.
    [Theory]
    [InlineData("pictures/a", "pictures/a")]
    [InlineData("pictures/a", "pictures/a/b")]
    [InlineData("pictures/a/b", "pictures/a")]
    [InlineData("pictures", "pictures/b")]
    [InlineData("pictures/b", "pictures/")]
    public void NamesThatContradictOneAnotherAreRefused(string first, string second)
    {
        Assert.Matches(first == "pictures/b" ? "^$" : "^The archive holds", Unpacked("x.tar.gz", GZip(Tar(TarEntryFormat.Pax, (first, [1]), (second, second.EndsWith('/') ? null : [2])))));
        if (!second.EndsWith('/'))
            Assert.StartsWith("The archive holds", Unpacked("x.zip", Zip((first, [1]), (second, [2]))));
    }

    [Fact]
    public void ANameThatIsTooLongIsRefused()
    {
        var name = "pictures/" + new string('n', 300);
        Assert.StartsWith("The archive holds", Unpacked("x.tar.gz", GZip(Tar(TarEntryFormat.Pax, (name, [1])))));
        Assert.StartsWith("The archive holds", Unpacked("x.zip", Zip((name, [1]))));
    }

    // A few kilobytes that unpack to many times what images do.
    [Fact]
    public void ABombIsRefusedBeforeItFillsTheDisk()
    {
        var zeros = new byte[150 << 20];
        Assert.Contains("holds more than", Unpacked("x.tar.gz", GZip(Tar(TarEntryFormat.Ustar, ("pictures/a", zeros)))));
        Assert.Contains("holds more than", Unpacked("x.zip", Zip(("pictures/a", zeros))));
    }
}
