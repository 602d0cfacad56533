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
