using System.CommandLine;
using LTHKit.Cli.Doctor;

namespace LTHKit.Cli;

/// <summary>`doctor`: looks at the machine and names each problem with its cure.</summary>
internal static class DoctorVerb
{
    public static Command Create()
    {
        var command = new Command("doctor", "Look at this machine and name each problem with its cure (exit 0: all that is needed is there, 1: not).");
        command.SetAction(_ =>
        {
            var local = LocalProps.Read();
            var sound = true;
            foreach (var finding in (IEnumerable<Finding>)[.. MachineChecks.Run(), .. KitChecks.Run(local), .. TorchChecks.Run(local)])
            {
                Console.WriteLine($"{(finding.Problem is null ? "  " : finding.Needed ? "!!" : " !")} {finding.Topic,-10} {finding.State}");
                if (finding.Problem is not null)
                    Console.WriteLine($"   {"",-10} {finding.Problem}: {finding.Cure}");
                sound &= finding.Problem is null || !finding.Needed;
            }
            Console.WriteLine(sound ? "All that is needed is there." : "Something that is needed is missing (!!).");
            return sound ? 0 : 1;
        });
        return command;
    }
}
