using System.Runtime.InteropServices;
using Xunit;

namespace LTHKit.Tests.Data;

/// <summary>A test on real data, in the folder that LTHKIT_DATA names.</summary>
public sealed class NeedsDataFactAttribute : FactAttribute
{
    public static string Folder => Environment.GetEnvironmentVariable("LTHKIT_DATA") ?? "";

    public NeedsDataFactAttribute(string set)
    {
        if (!Directory.Exists(Path.Combine(Folder, set)))
            Skip = $"LTHKIT_DATA names no folder that holds {set}.";
    }
}

/// <summary>A test that decodes JPEG images.</summary>
public sealed class NeedsTurboJpegFactAttribute : FactAttribute
{
    public NeedsTurboJpegFactAttribute()
    {
        if (!NativeLibrary.TryLoad("libturbojpeg.so.0", out _))
            Skip = "libturbojpeg is not installed (apt install libturbojpeg0).";
    }
}
