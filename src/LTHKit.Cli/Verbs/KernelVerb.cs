using LTHKit.Cli.Doctor;
using LTHKit.Notebook.Jupyter;

namespace LTHKit.Cli;

/// <summary>`kernel`: C# cells in Jupyter and VS Code.</summary>
internal static class KernelVerb
{
    private static readonly TimeSpan ParentCheck = TimeSpan.FromSeconds(2);

    public static Command Create() => new("kernel", "Register the C# kernel with Jupyter, for notebooks in a browser or in VS Code.")
    {
        Install(), Uninstall(), Run(),
    };

    private static Command Install() => InFolder("install", "Register the kernel of this checkout.", folder =>
    {
        // dotnet and the built program by their full names: front ends start kernels in the notebook's folder.
        string[] start = [DotNet(), Path.ChangeExtension(Environment.ProcessPath!, null) + ".dll", "kernel", "run"];
        Console.WriteLine($"{KernelSpecs.DisplayName} is registered as {KernelSpecs.Name} in {KernelSpecs.Install(folder, start, Checkout.Root)}");
    });

    private static Command Uninstall() => InFolder("uninstall", "Remove the kernel.", folder =>
        Console.WriteLine(KernelSpecs.Uninstall(folder) is { } removed ? $"{removed} is removed" : $"no kernel of LTHKit is registered in {folder}"));

    /// <summary>A command on the folder in which Jupyter looks for kernels.</summary>
    private static Command InFolder(string name, string description, Action<string> act)
    {
        var prefix = new Option<string?>("--prefix") { Description = "DIR/share/jupyter instead of the user's data folder.", HelpName = "DIR" };
        var active = new Option<bool>("--sys-prefix") { Description = "The active Python environment instead." };
        var command = new Command(name, description) { prefix, active };
        command.SetAction(parsed => act((parsed.GetValue(prefix), parsed.GetValue(active)) switch
        {
            (null, false) => KernelSpecs.UserFolder,
            (null, true) => ActivePython() ?? throw new UserException("--sys-prefix needs the Python that Jupyter runs in; no python3 is on the PATH."),
            ({ Length: > 0 } folder, false) => KernelSpecs.FolderOf(folder),
            _ => throw new UserException("give --prefix with the name of a folder, or --sys-prefix, not both."),
        }));
        return command;
    }

    /// <summary>The data folder of the Python on the PATH, if there is one.</summary>
    private static string? ActivePython()
        => Tool.Output("python3", "-c", "import sys; print(sys.prefix)") is { } environment ? KernelSpecs.FolderOf(environment.Trim()) : null;

    private static string DotNet() => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    /// <summary>What a front end starts.</summary>
    private static Command Run()
    {
        var file = new Argument<string>("CONNECTION_FILE") { Description = "Written by the front end." };
        var command = new SignalledCommand("run", "Serve a front end (what Jupyter calls).") { file };
        command.SetAction((parsed, stop) => Serve(parsed.GetRequiredValue(file), stop));
        return command;
    }

    private static async Task Serve(string connectionFile, CancellationToken stop)
    {
        var parent = Parent();          // while it is the front end
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var kernel = new JupyterKernel(connectionFile, Environment.CurrentDirectory, Log);
        // SIGINT stops the cell, not the kernel.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = true;
            kernel.Interrupt();
        });
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            end.Cancel();
        });
        _ = EndWithParent(parent, end);
        await kernel.RunAsync(end.Token);
        // A cell may have left threads behind; they must not keep the process.
        Environment.Exit(0);
    }

    // A front end that was killed cannot say goodbye: its child gets another parent.
    private static async Task EndWithParent(string parent, CancellationTokenSource end)
    {
        if (Environment.GetEnvironmentVariable("JPY_PARENT_PID") is not { } frontEnd)
            return;
        // Process 1 is what orphans get, or else the front end of a container.
        while (Parent() == parent && (parent != "1" || frontEnd == "1"))
            await Task.Delay(ParentCheck);
        await end.CancelAsync();
    }

    // "PID (name) state PARENT ..."
    private static string Parent() => File.ReadAllText("/proc/self/stat").Split(") ")[^1].Split(' ')[1];

    private static void Log(string sentence) => Console.Error.WriteLine($"lthkit kernel: {sentence}");
}
