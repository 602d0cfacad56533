namespace LTHKit.Cli;

/// <summary>Where the kit itself lies: the command line is built into artifacts/ of the repository it serves.</summary>
internal static class Checkout
{
    public static string Root { get; } = RunStore.CheckoutOf(AppContext.BaseDirectory)
        ?? throw new UserException("this program lies outside its repository; run it as ./lthkit from there.");

    /// <summary>The folder of everything that is built or computed.</summary>
    public static string Artifacts => Path.Combine(Root, "artifacts");
}
