using System.Runtime.InteropServices;

namespace LTHKit.Data;

/// <summary>Decodes JPEG images with libturbojpeg. One object serves one thread.</summary>
internal sealed unsafe partial class TurboJpeg : IDisposable
{
    private const string Library = "libturbojpeg.so.0";
    private const int Rgb = 0;                  // TJPF_RGB
    private const int AccurateDct = 4096;       // TJFLAG_ACCURATEDCT
    private nint _handle;

    /// <exception cref="UserException">libturbojpeg is not installed.</exception>
    public TurboJpeg()
    {
        try
        {
            _handle = tjInitDecompress();
        }
        catch (DllNotFoundException e)
        {
            throw new UserException($"{Library} is needed to decode JPEG images; install it (Debian and Ubuntu: apt install libturbojpeg0).", e);
        }
    }

    /// <summary>Decodes an image of just this size to the planes of red, green and blue; a grey one gets three equal planes.</summary>
    /// <returns>Null, or what is wrong with the image.</returns>
    public string? Decode(ReadOnlySpan<byte> jpeg, Span<byte> planes, int width, int height)
    {
        var pixels = stackalloc byte[3 * width * height];
        fixed (byte* data = jpeg)
        {
            if (tjDecompressHeader3(_handle, data, (nuint)jpeg.Length, out var w, out var h, out _, out _) != 0)
                return Error();
            if (w != width || h != height)
                return $"it has {w}x{h} pixels instead of {width}x{height}";
            if (tjDecompress2(_handle, data, (nuint)jpeg.Length, pixels, width, 0, height, Rgb, AccurateDct) != 0)
                return Error();
        }
        var plane = width * height;
        for (var i = 0; i < plane; i++)
            for (var channel = 0; channel < 3; channel++)
                planes[channel * plane + i] = pixels[3 * i + channel];
        return null;
    }

    public void Dispose()
    {
        if (_handle != 0)
            _ = tjDestroy(_handle);
        _handle = 0;
    }

    private string Error() => Marshal.PtrToStringUTF8(tjGetErrorStr2(_handle)) ?? "no JPEG image";

    [LibraryImport(Library)]
    private static partial nint tjInitDecompress();

    [LibraryImport(Library)]
    private static partial int tjDecompressHeader3(nint handle, byte* data, nuint size, out int width, out int height, out int subsampling,
        out int colours);

    [LibraryImport(Library)]
    private static partial int tjDecompress2(nint handle, byte* data, nuint size, byte* pixels, int width, int pitch, int height, int format,
        int flags);

    [LibraryImport(Library)]
    private static partial nint tjGetErrorStr2(nint handle);

    [LibraryImport(Library)]
    private static partial int tjDestroy(nint handle);
}
