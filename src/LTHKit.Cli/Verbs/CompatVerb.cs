using System.CommandLine;
using LTHKit.Cli.Compat;

namespace LTHKit.Cli;

/// <summary>`compat`: keeps the projects under compat/ honest.</summary>
internal static class CompatVerb
{
    public static Command Create() => new("compat", "Compare the projects under compat/ with the real packages, and with their use.")
    {
        Check(),
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
        var built = Settings.Folder("--built", "Where the compat assemblies were built.", Path.Combine(Checkout.Artifacts, "bin"));
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
            var differences = lines.Count switch { 0 => "no difference", 1 => "1 difference", var count => $"{count} differences" };
            Console.WriteLine($"{differences} in {Text.And(assemblies.Select(Path.GetFileNameWithoutExtension)!)}");
            return lines.Count == 0 ? 0 : 1;
        });
        return command;
    }
}
