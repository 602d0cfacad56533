using System.CommandLine;
using LTHKit.Cli.Compat;

namespace LTHKit.Cli;

/// <summary>`compat`: keeps the projects under compat/ honest.</summary>
internal static class CompatVerb
{
    public static Command Create() => new("compat", "Compare the projects under compat/ with the real packages, and with their use.")
    {
        Check(),
        Used(),
    };

    private static Command Check()
    {
        var names = new Argument<string[]>("ASSEMBLY")
        {
            Description = "The assemblies to compare (default: every project under compat/).",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var against = new Option<string>("--against")
        {
            Description = "The folder with the real assemblies.",
            HelpName = "DIR",
            Required = true,
        };
        var built = BuiltFolder();
        var command = new Command("check", "List every difference between the compat assemblies and the real ones (exit 0: none, 1: some).")
        {
            names, against, built,
        };
        command.SetAction(parsed =>
        {
            var assemblies = CompatAssemblies.Find(parsed.GetRequiredValue(built), parsed.GetValue(names) ?? []);
            var lines = ApiDiff.Run(assemblies, Path.GetFullPath(parsed.GetRequiredValue(against)));
            foreach (var line in lines)
                Console.WriteLine(line);
            Console.WriteLine($"{Text.Count(lines.Count, "difference")} in {Text.And(assemblies.Select(file => Path.GetFileName(file)))}");
            return lines.Count == 0 ? 0 : 1;
        });
        return command;
    }

    private static Command Used()
    {
        var built = BuiltFolder();
        var command = new Command("used", "List every public member under compat/ that nothing in src/ and notebooks/ uses (exit 0: none, 1: some).") { built };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetRequiredValue(built);
            var (sources, tests) = CompatAssemblies.FindUse(folder);
            var unused = 0;
            var testsOnly = 0;
            foreach (var file in CompatAssemblies.Find(folder, []))
            {
                foreach (var (member, byTests) in UnusedApi.List(file, sources, tests))
                {
                    Console.WriteLine($"{Path.GetFileNameWithoutExtension(file)}: {member}{(byTests ? " (tests only)" : "")}");
                    unused++;
                    testsOnly += byTests ? 1 : 0;
                }
            }
            Console.WriteLine($"{Text.Count(unused, "unused member")}, {testsOnly} of them used by the tests only");
            return unused == 0 ? 0 : 1;
        });
        return command;
    }

    private static Option<string> BuiltFolder() =>
        Settings.Folder("--built", "Where the assemblies were built.", Path.Combine(Checkout.Artifacts, "bin"));
}
