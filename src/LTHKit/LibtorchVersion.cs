using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using LTHKit.Training;

namespace LTHKit;

internal static unsafe partial class Libtorch
{
    /// <summary>Its version, for instance "2.10.0": what it says of itself, or else the one that TorchSharp was built for.</summary>
    public static string Version { get; } = Read();

    private static string Read()
    {
        var built = Regex.Replace(torch.__version__, @"^(\d+\.\d+\.\d+).*", "$1");
        if (!FusedSgd.Available)
            return built;
        var text = stackalloc IntPtr[4];        // a std::string: its characters, their number, and room for short ones
        try
        {
            show_config(text);
        }
        catch (EntryPointNotFoundException)
        {
            return built;
        }
        var said = Regex.Match(Marshal.PtrToStringUTF8(text[0], (int)text[1]), @"TORCH_VERSION=([\w.+]+)");
        return said.Success ? said.Groups[1].Value : built;
    }

    [DllImport("libtorch_cpu.so", EntryPoint = "_ZN2at11show_configB5cxx11Ev")]
    private static extern void show_config(IntPtr* text);
}
