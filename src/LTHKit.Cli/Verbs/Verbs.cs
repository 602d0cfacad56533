using System.CommandLine;
using System.CommandLine.Help;

namespace LTHKit.Cli;

/// <summary>The verbs, one file each in this folder.</summary>
internal static class Verbs
{
    // A plain command as the root: RootCommand takes the name of the built file, and people type this one.
    public static Command Root() => new("./lthkit", "Draw a winning ticket, and spend it better.")
    {
        new HelpOption(),
        ReproduceVerb.Create(),
        RunVerb.Create(),
        FiguresVerb.Create(),
        DataVerb.Create(),
        KernelVerb.Create(),
        BenchVerb.Create(),
        DoctorVerb.Create(),
    };
}
