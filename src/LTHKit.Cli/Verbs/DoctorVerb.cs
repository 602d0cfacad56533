using LTHKit.Cli.Doctor;

namespace LTHKit.Cli;

/// <summary>`doctor`: looks at the machine and names each problem with its cure.</summary>
internal static class DoctorVerb
{
    public static Command Create()
    {
        var libtorch = new Option<bool>("--libtorch") { Description = "Only whether the libtorch fits, in one sentence where it does not." };
        var train = new Option<bool>("--train") { Hidden = true };
        var command = new Command("doctor", "Look at this machine and name each problem with its cure (exit 0: all that is needed is there, 1: not).") { libtorch, train };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(train))
            {
                Examination.Train();
                return 0;
            }
            if (parsed.GetValue(libtorch))
                return Examination.Torch().First() is { Problem: { } problem, Needed: true } found
                    ? throw new UserException($"the libtorch {found.State}: {problem}.")
                    : 0;
            var sound = true;
            foreach (var finding in Examination.Machine().Concat(Examination.Torch()))
            {
                Console.WriteLine($"{(finding.Problem is null ? "  " : finding.Needed ? "!!" : " !")} {finding.Topic,-10} {finding.State}");
                if (finding.Problem is { } problem)
                    Console.WriteLine($"   {"",-10} {problem}");
                sound &= finding.Problem is null || !finding.Needed;
            }
            Console.WriteLine(sound ? "All that is needed is there." : "Something that is needed is missing (!!).");
            return sound ? 0 : 1;
        });
        return command;
    }
}
