namespace LTHKit.Cli;

/// <summary>Where the kit itself lies: the command line is built into artifacts/ of the repository it serves.</summary>
internal static class Checkout
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The folder of everything that is built or computed.</summary>
    public static string Artifacts => Path.Combine(Root, "artifacts");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LTHKit.sln")))
                return folder.FullName;
        }
        throw new UserException("this program lies outside its repository; run it as ./lthkit from there.");
    }
}
