using System.Text.RegularExpressions;
using LTHKit.Cli.Grid;

namespace LTHKit.Cli;

/// <summary>`grid`: the runs behind figures on a cluster, or side by side on this machine.</summary>
internal static class GridVerb
{
    private static readonly string[] Knobs = ["partition", "account", "qos", "gres", "time", "mem"];

    private const string WorkVerb = "work";         // what a job calls

    public static Command Create()
    {
        var (folder, task) = (new Argument<string>("FOLDER"), new Argument<int>("TASK"));
        var supervise = new Command("supervise", "Carry out the tasks that wait.") { Hidden = true, Arguments = { folder } };
        supervise.SetAction((parsed, cancel) => new ThisMachine(new(parsed.GetRequiredValue(folder))).Supervise(cancel));
        var work = new SignalledCommand(WorkVerb, "Carry out one task.") { folder, task };
        work.SetAction((parsed, _) => new GridWorker(new(parsed.GetRequiredValue(folder)), parsed.GetValue(task), PlanNotebooks).Run(Console.Error));
        return new("grid", "Train the runs behind figures as a job array of Slurm, or side by side on this machine; ./lthkit reproduce then draws them.")
        {
            Submit(), Status(), Logs(), Retry(), Cancel(), Reset(), supervise, work,
        };
    }

    private static Command Submit()
    {
        var command = new Command("submit", "Hand in the runs behind figures: one task a ladder of tickets, with all that is retrained from it.");
        var experiment = new Experiment(command, "cpu", "cuda");
        var name = new Option<string>("--name") { Description = "What the grid is called (default: its figures and its profile)." };
        var atOnce = Settings.Number("--at-once", "Most tasks that train at once (0: 16 on Slurm; here as many as there are cores, or one on CUDA).", 0);
        var perTask = Settings.Number("--per-task", "Runs of a task that train side by side, on one GPU or on as many cores.", 1, least: 1);
        var timeOuts = Settings.Number("--time-outs", "How often a task that ran out of time is queued again.", 20);
        var margin = Settings.Number("--margin", "Seconds before its end at which a job is told to save.", 120, least: 1);
        var noRequeue = new Option<bool>("--no-requeue") { Description = "A task that is stopped waits for `grid retry`." };
        var local = new Option<bool>("--local") { Description = "On this machine, though Slurm is here." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the script and what would be run." };
        var site = new Option<string>("--site") { Description = "A file with lines of #SBATCH and set-up lines for the job's script.", HelpName = "FILE" };
        var stage = new Option<string>("--stage") { Description = "The node's own disk, to which a job copies the images first: '$TMPDIR'.", HelpName = "DIR", DefaultValueFactory = _ => "" };
        var knobs = Knobs.Select(knob => new Option<string>("--" + knob) { Description = $"Slurm's own --{knob}." }).ToList();
        foreach (var option in (Option[])[name, atOnce, perTask, timeOuts, margin, noRequeue, local, dryRun, site, stage, .. knobs])
            command.Options.Add(option);
        command.SetAction(async (parsed, cancel) =>
        {
            var notebooks = experiment.Notebooks(parsed);
            var device = experiment.Device(parsed);
            var slurm = !parsed.GetValue(local) && Slurm.IsHere;
            if (!slurm && knobs.Concat((Option[])[site, timeOuts, margin, noRequeue]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } knob)
                throw new UserException(parsed.GetValue(local) ? $"{knob.Name} is for Slurm, which --local leaves aside; leave out one of them."
                    : $"There is no Slurm here that {knob.Name} could be for; leave it out, or run the command where sbatch is.");
            if (!slurm && device == "cuda" && !parsed.GetValue(dryRun))
                Libtorch.Cuda();
            var side = parsed.GetValue(perTask);
            GridSettings settings = new([.. notebooks.Select(notebook => notebook.Path)], experiment.Parameters(parsed, device == "cuda" ? side : 0), ResultsVerb.Store().Root,
                [Environment.ProcessPath!, "grid", WorkVerb], device,
                parsed.GetValue(atOnce) is > 0 and var most ? most : slurm ? 16 : device == "cuda" ? 1 : Math.Max(1, Environment.ProcessorCount / side), side,
                parsed.GetValue(timeOuts), !parsed.GetValue(noRequeue), parsed.GetValue(margin), parsed.GetValue(stage)!)
            {
                Options = [.. device == "cpu" ? [$"--cpus-per-task={side}"] : Array.Empty<string>(),
                    .. knobs.Where(knob => parsed.GetValue(knob) is not null).Select(knob => $"{knob.Name}={parsed.GetValue(knob)}")],
            };
            settings = settings with { Script = slurm ? Script(settings, parsed.GetValue(site) is { } file ? AtomicFile.Absolute(file) : null) : null };
            var called = notebooks.Count == 1 ? notebooks[0].Name : $"{notebooks[0].Name}-and-{notebooks.Count - 1}-more";
            var folder = Folder(parsed.GetValue(name) is not { } own ? $"{called}-{settings.Parameters["profile"]}"
                : Regex.IsMatch(own, @"^[A-Za-z0-9][A-Za-z0-9._-]*\z") ? own
                : throw new UserException($"A grid cannot be called '{own}': give a --name of letters, digits and '.', '-', '_', that begins with a letter or digit."));
            await Submit(folder, settings, parsed.GetValue(dryRun), PlanNotebooks, Console.Out, cancel);
        });
        return command;
    }

    /// <summary>Plans a grid and begins what the store lacks.</summary>
    public static async Task Submit(GridFolder folder, GridSettings settings, bool dryRun,
        Func<GridSettings, GridTask?, Plan, CancellationToken, Task> planner, TextWriter output, CancellationToken cancel)
    {
        Free();
        if (Directory.Exists(folder.Path) && !folder.Exists)
            throw new UserException($"{folder.Path} is there and is no grid: give another --name, or remove it.");
        var asked = new Plan(elsewhere: true);
        await planner(settings, null, asked, cancel);
        asked.Close();
        settings = settings with
        {
            Tasks = [.. from ladder in asked.Ladders
                        let dense = ladder.First(spec => spec.Id == ladder.Key)
                        select new GridTask(ladder.Key, dense.Label, dense.Data.Name,
                            [.. asked.Asked.Where(a => a.Specs.Any(spec => spec.Dense.Id == ladder.Key)).Select(a => a.Origin).Distinct()],
                            [.. ladder.Select(spec => new GridRun(spec.Id, spec.Label, spec.Recipe.Epochs - spec.Rewind.Epochs))])],
        };
        if (settings.Tasks.Count == 0)
            throw new UserException(asked.Problem ?? "These notebooks ask for no runs, so that there is nothing to hand in.");
        var missing = settings.Tasks.Select(task => task.Runs.Where(run => !File.Exists(GridFolder.Folder(settings, run).Done)).ToList()).ToList();
        output.WriteLine($"{folder.Name}: {Text.Count(settings.Tasks.Count, "task")}, {settings.AtOnce} at once; {Text.Count(settings.Tasks.Sum(task => task.Runs.Count), "run")}, "
            + $"of which {missing.Sum(runs => runs.Count)} with {missing.Sum(runs => runs.Sum(run => (long)run.Epochs)):N0} epochs are to be trained");
        if (dryRun)
        {
            foreach (var (i, task) in settings.Tasks.Index())
                output.WriteLine($"  {i:0000}  {task.Label}: {missing[i].Count} of {Text.Count(task.Runs.Count, "run")}, {missing[i].Sum(run => run.Epochs)} epochs");
            Estimate.Tell(asked, settings.Store, settings.AtOnce * settings.PerTask, output, here: settings is { Script: null, Device: "cpu" }, cancel);
            output.Write(settings.Script is null ? "" : $"sbatch {string.Join(' ', settings.Options)}\n{settings.Script}");
            return;
        }
        Free();         // the plan may have taken minutes
        if (folder.Exists)
            Directory.Delete(folder.Path, recursive: true);
        folder.Write(settings);
        var begun = missing.Index().Where(runs => runs.Item.Count > 0).Select(runs => runs.Index).ToList();
        if (begun.Count > 0)
            output.WriteLine($"submitted: {ICluster.Of(folder).Submit(begun)}");
        output.WriteLine(folder.Path);

        void Free()
        {
            if (folder.Exists && ICluster.Of(folder).Active() is null or { Count: > 0 })
                throw new UserException($"The grid {folder.Name} is at work, or Slurm does not answer: see ./lthkit grid status {folder.Name}, cancel it, or give another --name.");
        }
    }

    private static Command Status() => OnGrid("status", "How the tasks stand, by what the store holds.", (grid, _) =>
    {
        var (tasks, active) = (grid.Settings.Tasks, ICluster.Of(grid).Active());
        var stands = tasks.Select((_, i) => grid.Stands(i, active)).ToList();
        var missing = tasks.Select((_, i) => grid.Missing(i).Count).ToList();
        Console.WriteLine($"{grid.Name}: {tasks.Sum(task => task.Runs.Count) - missing.Sum()} of {Text.Count(tasks.Sum(task => task.Runs.Count), "run")} finished; "
            + string.Join(", ", stands.GroupBy(s => s.Standing).OrderBy(g => g.Key).Select(g => $"{Text.Count(g.Count(), "task")} {Word(g.Key)}")));
        if (active is null)
            Console.WriteLine("  Slurm does not answer now; what is finished is right all the same.");
        foreach (var (i, (standing, why)) in stands.Index().Where(s => s.Item.Standing != Standing.Done))
            Console.WriteLine($"  {i:0000}  {Word(standing)}: {tasks[i].Label}, {missing[i]} of {Text.Count(tasks[i].Runs.Count, "run")} to go{(why is null ? "" : $"; {why}")}");
        if (stands.Any(s => s.Standing is Standing.Failed or Standing.Stopped))
            Console.WriteLine($"./lthkit grid logs {grid.Name} shows what failed, ./lthkit grid retry {grid.Name} submits it again.");
    });

    private static Command Logs()
    {
        var which = new Option<string>("--run") { Description = "A run's name or a task's number (default: the tasks that failed).", HelpName = "NAME" };
        var lines = Settings.Number("--lines", "Lines from the end of each log.", 20, least: 1);
        return OnGrid("logs", "The end of tasks' logs.", (grid, parsed) =>
        {
            var tasks = grid.Settings.Tasks;
            var active = new Dictionary<int, (Standing, string?)>();
            var asked = parsed.GetValue(which);
            var found = Enumerable.Range(0, tasks.Count).Where(i => asked is null ? grid.Stands(i, active).Standing == Standing.Failed
                : int.TryParse(asked, out var number) && asked.Length < 8 ? number == i : tasks[i].Runs.Any(run => run.Id.StartsWith(asked))).ToList();
            if (asked is not null && found.Count == 0)
                throw new UserException($"The grid {grid.Name} has no task and no run '{asked}'; see ./lthkit grid status {grid.Name}.");
            if (found.Count == 0)
                Console.WriteLine($"{grid.Name}: nothing failed; --run shows the log of one task.");
            foreach (var path in found.Select(grid.Log))
                Console.WriteLine($"{path}\n{(File.Exists(path) ? string.Join('\n', File.ReadLines(path).TakeLast(parsed.GetValue(lines)).Select(line => "  " + line)) : "  nothing yet")}");
        }, which, lines);
    }

    private static Command Retry() => OnGrid("retry", "Submit again what failed or was stopped, and nothing else.", (grid, _) =>
    {
        var cluster = ICluster.Of(grid);
        var active = cluster.Active() ?? throw new UserException("Slurm does not answer now; ask again later.");
        var again = Enumerable.Range(0, grid.Settings.Tasks.Count).Where(i => grid.Stands(i, active).Standing is Standing.Failed or Standing.Stopped).ToList();
        if (again.Count == 0)
        {
            File.Delete(grid.Cancelled);
            Console.WriteLine($"{grid.Name}: nothing failed.");
            return;
        }
        var (states, cancelled) = (again.Select(grid.State).ToList(), File.Exists(grid.Cancelled));
        again.ForEach(grid.Forget);
        File.Delete(grid.Cancelled);
        try
        {
            Console.WriteLine($"{grid.Name}: {Text.Count(again.Count, "task")} submitted again: {cluster.Submit(again)}");
        }
        catch (UserException)       // why they failed is still to be told
        {
            foreach (var (task, state) in again.Zip(states))
                grid.Write(task, state);
            if (cancelled)
                File.WriteAllText(grid.Cancelled, "");
            throw;
        }
    });

    private static Command Cancel() => OnGrid("cancel", "End all tasks; what is finished is kept.", (grid, _) =>
    {
        var cluster = ICluster.Of(grid);
        if (grid.Settings.Tasks.Index().All(task => grid.Missing(task.Index).Count == 0) && cluster.Active() is { Count: 0 })
        {
            Console.WriteLine($"{grid.Name} is finished: there is nothing to cancel.");
            return;
        }
        File.WriteAllText(grid.Cancelled, "");
        // A task may be queueing itself again at this moment: until none is left.
        var clock = Stopwatch.StartNew();
        while (cluster.Active() is not { Count: 0 })
        {
            if (clock.Elapsed > TimeSpan.FromMinutes(3))
                throw new UserException($"Tasks of {grid.Name} do not end; see squeue, and run the command again.");
            cluster.Stop();
            Thread.Sleep(500);
        }
        Console.WriteLine($"{grid.Name} is cancelled; ./lthkit grid retry {grid.Name} goes on with it.");
    });

    private static Command Reset() => OnGrid("reset", "Throw away what failed or stopped tasks have reached of unfinished runs, so that retry begins these anew.", (grid, _) =>
    {
        if (ICluster.Of(grid).Active() is null or { Count: > 0 })
            throw new UserException($"Tasks of {grid.Name} are at work, or Slurm does not answer; cancel them first.");
        var (tasks, thrown, kept) = (Enumerable.Range(0, grid.Settings.Tasks.Count).ToList(), 0, 0);
        var unfinished = tasks.SelectMany(grid.Missing).Select(run => GridFolder.Folder(grid.Settings, run));
        foreach (var folder in unfinished.Where(folder => Directory.Exists(folder.Path)))
        {
            using var held = RunStore.TryAcquire(folder);
            if (held is null)
                kept++;
            else if (!File.Exists(folder.Done) && folder.Clear())
                thrown++;
        }
        tasks.ForEach(grid.Forget);
        Console.WriteLine($"{grid.Name}: {Text.Count(thrown, "unfinished run")} thrown away{(kept > 0 ? $"; {kept} that others train are kept" : "")}.");
    });

    private static Command OnGrid(string name, string description, Action<GridFolder, ParseResult> act, params Option[] options)
    {
        var grid = new Argument<string>("NAME") { Description = "The grid (default: the newest).", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command(name, description) { grid };
        Array.ForEach(options, command.Options.Add);
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(grid) is { Length: > 0 } named ? Folder(named)
                : Directory.Exists(Root) && new DirectoryInfo(Root).GetDirectories().MaxBy(d => d.CreationTimeUtc) is { } newest ? new(newest.FullName)
                : throw new UserException("There is no grid yet; see ./lthkit grid submit.");
            if (!folder.Exists)
                throw new UserException($"There is no grid '{folder.Name}'; the grids are in {Root}.");
            act(folder, parsed);
        });
        return command;
    }

    private static async Task PlanNotebooks(GridSettings settings, GridTask? task, Plan plan, CancellationToken cancel)
    {
        foreach (var (i, notebook) in settings.Notebooks.Index().Where(n => task is null || task.Notebooks.Contains(n.Index)))
        {
            plan.Origin = i;
            await NotebookRunner.PlanAsync(notebook, settings.Parameters, plan, cancel);
        }
    }

    /// <summary>The batch script, with the lines of a site's file.</summary>
    public static string Script(GridSettings settings, string? site)
    {
        if (site is not null && !File.Exists(site))
            throw new UserException($"There is no file {site} for --site.");
        string[] lines = site is null ? [] : File.ReadAllLines(site);
        return string.Join('\n', ["#!/bin/bash", .. lines.Where(line => line.StartsWith("#SBATCH")),
            .. lines.Where(line => !line.StartsWith('#')), .. settings.Device == "cpu" ? [$"export DOTNET_PROCESSOR_COUNT={settings.PerTask}"] : Array.Empty<string>(),
            $"exec {string.Join(' ', settings.Command.Select(word => $"'{word.Replace("'", "'\\''")}'"))} \"$1\" \"$SLURM_ARRAY_TASK_ID\"", ""]);
    }

    private static string Root => Path.Combine(Checkout.Artifacts, "grid");

    private static GridFolder Folder(string name) => new(Path.Combine(Root, name));

    private static string Word(Standing standing) => standing.ToString().ToLowerInvariant();
}
