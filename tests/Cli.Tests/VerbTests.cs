using System.Text.Json.Nodes;
using LTHKit.Cli.Doctor;
using Xunit;
using static TorchSharp.torch;

namespace LTHKit.Cli.Tests;

/// <summary>The verbs themselves, called as the command line calls them.</summary>
[Collection("processes and variables")]       // the console and the current folder are the process's
public sealed partial class VerbTests : IDisposable
{
    private const string DiskFull = "No space left on device";

    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-verbs-").FullName;

    public VerbTests() => Environment.SetEnvironmentVariable("LTHKIT_RUNS", Path.Combine(_folder, "runs"));

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("LTHKIT_RUNS", null);
        Directory.Delete(_folder, recursive: true);
    }

    internal static async Task<(int Code, string Error)> Run(params string[] arguments)
    {
        var error = new StringWriter();
        var code = await CommandLine.Run(CommandLine.Verbs, arguments, error);
        return (code, error.ToString());
    }

    private string Notebook(params string[] cells)
    {
        var path = Path.Combine(_folder, "small.ipynb");
        File.WriteAllText(path, new JsonObject
        {
            ["cells"] = new JsonArray([.. cells.Select((source, i) => (JsonNode)new JsonObject
            {
                ["cell_type"] = "code", ["id"] = $"cell-{i}", ["metadata"] = new JsonObject(), ["execution_count"] = null,
                ["outputs"] = new JsonArray(), ["source"] = source,
            })]),
            ["metadata"] = new JsonObject { ["kernelspec"] = new JsonObject { ["name"] = "lthkit", ["display_name"] = "LTHKit (C#)", ["language"] = "C#" } },
            ["nbformat"] = 4,
            ["nbformat_minor"] = 5,
        }.ToJsonString());
        return path;
    }

    [Fact]
    public void TheDoctorSeesASmallNetworkLearn()
    {
        var (code, output, _) = Tool.Run(new(Path.Combine(AppContext.BaseDirectory, "lthkit-cli"), ["doctor"]), TimeSpan.FromMinutes(2));
        Assert.Contains("; a small network learns", output);
        Assert.EndsWith("All that is needed is there.\n", output);
        Assert.Equal(0, code);
        // What is only slower here, oneDNN left out, does not stop a setup.
        Assert.Equal((0, "", ""), Tool.Run(new(Path.Combine(AppContext.BaseDirectory, "lthkit-cli"), ["doctor", "--libtorch"]), TimeSpan.FromMinutes(2)));
    }

    [Fact]
    public void OfALibraryThatDoesNotFitTheDoctorSaysSoInASentence()
    {
        var place = Directory.CreateDirectory(Path.Combine(Checkout.Root, "artifacts", Path.GetFileName(_folder))).FullName;
        using var gone = new Ending(() => Directory.Delete(place, recursive: true));
        // Of links the program would use what they lead to.
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory).Select(path => Path.GetFileName(path)!))
            if (file.StartsWith("lthkit-cli", StringComparison.Ordinal))
                File.Copy(Path.Combine(AppContext.BaseDirectory, file), Path.Combine(place, file));
            else if (file == "libLibTorchSharp.so")
                File.WriteAllText(Path.Combine(place, file), "no library");
            else
                File.CreateSymbolicLink(Path.Combine(place, file), Path.Combine(AppContext.BaseDirectory, file));
        var (code, _, error) = Tool.Run(new(Path.Combine(place, "lthkit-cli"), ["doctor", "--libtorch"]), TimeSpan.FromMinutes(2));
        Assert.Matches(@"^lthkit: the libtorch of the package for the CPU: it does not fit TorchSharp, which was made for 2\.10\.0 \(.*\): run \./lthkit setup --force\.\n$", error);
        Assert.Equal(2, code);
    }

    [Theory]
    [InlineData("reproduce 9z", "There is no figure '9z'")]
    [InlineData("reproduce all 9z", "There is no figure '9z'")]
    [InlineData("reproduce --profile huge", "'smoke' 'quick' 'study' 'short' 'paper'")]
    [InlineData("reproduce --model resnet19", "Must be one of: 'resnet18'")]
    [InlineData("reproduce --dataset mnist", "Must be one of: 'synthetic'")]
    [InlineData("reproduce --dataset cifar-100 --data /nonexistent", "cifar-100")]
    [InlineData("reproduce --seeds -1", "--seeds must be a whole number")]
    [InlineData("reproduce --jobs many", "--jobs must be a whole number")]
    [InlineData("reproduce --profile smoke --out /proc/lthkit", "/proc/lthkit")]
    [InlineData("reproduce --out ", "--out needs the name of a folder")]
    [InlineData("student /nonexistent/x.ipynb --out --bogus", "--out needs the name of a folder, not '--bogus'")]
    [InlineData("run ", "The name of a notebook is empty")]
    [InlineData("run /usr", "/usr is a folder: give a notebook")]
    [InlineData("figures ", "The name of a notebook is empty")]
    [InlineData("student /usr", "/usr is a folder: give a notebook")]
    [InlineData("run /nonexistent/x.ipynb /x.ipynb", "x.ipynb is given twice")]
    [InlineData("run /nonexistent/x.ipynb -p seeds=1 -p seeds=2", "seeds is given twice")]
    [InlineData("results export /usr", "/usr is there and holds something else than runs")]
    [InlineData("claims --store /nonexistent", "There are no finished runs in /nonexistent")]
    [InlineData("claims --store /etc/passwd", "The run store /etc/passwd is a file")]
    [InlineData("results export quick --store /nonexistent", "There are no finished runs in /nonexistent")]
    [InlineData("results import nothing", "has no runs.jsonl")]
    [InlineData("results import ", "The name of a folder is missing")]
    [InlineData("claims --verify /nonexistent", "There is no table of claims in /nonexistent")]
    [InlineData("claims --profile huge", "'smoke' 'quick' 'study' 'short' 'paper'")]
    [InlineData("bench --sparse --json", "--json means nothing with --sparse")]
    [InlineData("bench --sparse --device cuda", "--device means nothing with --sparse")]
    [InlineData("bench --model vgg16", "--model means nothing without --sparse")]
    [InlineData("bench --images 100 --batch 128", "make no batch of 128")]
    [InlineData("claims --verify quick --seeds 3", "leave --seeds out")]
    [InlineData("bench --python /nonexistent/python", "no Python that has torch")]
    [InlineData("run /nonexistent/x.ipynb", "x.ipynb")]
    [InlineData("run /nonexistent/x.ipynb -p profile", "-p takes NAME=VALUE")]
    [InlineData("data get mnist", "There is no archive for 'mnist'")]
    [InlineData("data get cifar-10 --mirror ftp://x", "http")]
    [InlineData("kernel", "Required command was not provided")]
    [InlineData("kernel install --prefix ", "give --prefix with the name of a folder")]
    [InlineData("kernel install --prefix /proc/lthkit", "/proc/lthkit")]
    [InlineData("kernel run /nonexistent/kernel.json", "is no connection file of Jupyter's")]
    public async Task Bad_input_is_one_sentence_and_exit_2(string line, string said) => await Refused(said, line.Split(' '));

    [Fact]
    public async Task Cuda_without_cuda_is_refused()
    {
        if (cuda.is_available())
            return;
        await Refused("There is no CUDA device", "reproduce", "--device", "cuda");
        await Refused("There is no CUDA device", "grid", "submit", "--local", "--profile", "smoke", "--name", Guid.NewGuid().ToString(), "--device", "cuda");
    }

    [Fact]
    public async Task An_unknown_parameter_names_the_known_ones()
        => await Refused("seeds", "run", Path.Combine(Checkout.Root, "notebooks", "00-quickstart.ipynb"), "-p", "seed=1", "--out", _folder);

    [Fact]
    public async Task A_cell_that_throws_is_named_and_what_was_reached_is_kept()
    {
        var output = Path.Combine(_folder, "out");
        await Refused("too cold by far. What", "run", Notebook("1 + 1", "var x = 0;\nthrow new InvalidOperationException(\"too cold\\nby far\");", "3"), "--out", output);
        var cells = JsonNode.Parse(File.ReadAllText(Path.Combine(output, "small.ipynb")))!["cells"]!.AsArray();
        Assert.Equal("2", cells[0]!["outputs"]![0]!["data"]!["text/plain"]![0]!.ToString());
        Assert.Equal("error", cells[1]!["outputs"]![0]!["output_type"]!.ToString());
        Assert.Empty(cells[2]!["outputs"]!.AsArray());
    }

    [Fact]
    public async Task A_notebook_that_is_edited_while_it_runs_stays_as_it_is_edited()
    {
        var notebook = Notebook($"System.IO.File.AppendAllText(@\"{_folder}/small.ipynb\", \" \");");
        var before = File.ReadAllText(notebook);
        await Refused("was edited while it ran", "run", notebook, "--in-place", "--out", Path.Combine(_folder, "out"));
        Assert.Equal(before + " ", File.ReadAllText(notebook));
    }

    [Theory]
    [InlineData("lthkit", "C#", true)]
    [InlineData(".net-csharp", "C#", true)]
    [InlineData(".net-fsharp", "F#", true)]
    [InlineData("somebodys", "C#", true)]
    [InlineData(null, null, true)]
    [InlineData("python3", "python", false)]
    [InlineData("ir", null, false)]
    public async Task A_notebook_of_another_language_is_refused(string? kernel, string? language, bool ours)
    {
        var notebook = Notebook("1 + 1");
        var json = JsonNode.Parse(File.ReadAllText(notebook))!;
        json["metadata"] = kernel is null ? new JsonObject() : new JsonObject { ["kernelspec"] = new JsonObject { ["name"] = kernel, ["language"] = language } };
        File.WriteAllText(notebook, json.ToJsonString());
        if (ours)
            Assert.Equal((0, ""), await Run("run", notebook, "--out", Path.Combine(_folder, "out")));
        else
            await Refused($"small.ipynb is a notebook for the kernel {kernel}, and only C# runs here", "run", notebook, "--out", Path.Combine(_folder, "out"));
    }

    // By its name, through a link to its folder, and where the copy there is a link to it.
    [Fact]
    public async Task A_notebooks_own_folder_is_refused()
    {
        var (notebook, link, other) = (Notebook("1 + 1"), Path.Combine(_folder, "link"), Directory.CreateDirectory(Path.Combine(_folder, "other")).FullName);
        Directory.CreateSymbolicLink(link, _folder);
        File.CreateSymbolicLink(Path.Combine(other, "small.ipynb"), "../link/small.ipynb");
        var before = File.ReadAllText(notebook);
        foreach (var folder in (string[])[_folder, link, other])
            await Refused("small.ipynb is the notebook itself", "run", notebook, "--out", folder);
        await Refused("small.ipynb is the notebook itself", "run", Path.Combine(link, "small.ipynb"), "--in-place", "--out", _folder);
        await Refused("is the notebook itself", "reproduce", "--profile", "smoke", "--out", Path.Combine(Checkout.Root, "notebooks"));
        Assert.Equal(before, File.ReadAllText(notebook));
        Assert.Equal(["link", "other", "small.ipynb"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order());
    }

    // No shell has put in the home folder of --out=~/x.
    [Fact]
    public async Task A_home_folder_is_meant_by_its_sign()
    {
        var folder = $"lthkit-{Guid.NewGuid():N}";
        var there = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), folder);
        using var gone = new Ending(() => Directory.Delete(there, recursive: true));
        Assert.Equal((0, ""), await Run("student", Notebook("1 + 1"), $"--out=~/{folder}"));
        Assert.True(File.Exists(Path.Combine(there, "small.ipynb")));
    }

    [Fact]
    public async Task A_students_copy_has_no_solutions_and_is_never_written_over()
    {
        var notebook = Notebook("var answer = 0;\n\nanswer == 1 ? \"right\" : \"not yet\"", "1");
        var json = JsonNode.Parse(File.ReadAllText(notebook))!;
        foreach (var (i, tag) in new[] { "exercise", "solution" }.Index())
            json["cells"]![i]!["metadata"]!["tags"] = new JsonArray(tag);
        File.WriteAllText(notebook, json.ToJsonString());
        var output = Path.Combine(_folder, "student");
        Assert.Equal((0, ""), await Run("student", notebook, "--out", output));
        Assert.Equal("cell-0", (string?)Assert.Single(JsonNode.Parse(File.ReadAllText(Path.Combine(output, "small.ipynb")))!["cells"]!.AsArray())!["id"]);
        await Refused("is there already", "student", notebook, "--out", output);
    }

    // Neither is anything made of the first notebook where the second is not there, nor where what they train could not be kept.
    [Fact]
    public async Task What_can_be_refused_is_refused_before_the_first_notebook()
    {
        var (notebook, output) = (Notebook("1 + 1"), Path.Combine(_folder, "out"));
        foreach (var verb in (string[])["run", "student"])
        {
            var (code, error) = await Run(verb, notebook, "/nonexistent/second.ipynb", "--out", output);
            Assert.Equal((2, "lthkit: There is no notebook /nonexistent/second.ipynb: check the path.\n"), (code, error));
        }
        Environment.SetEnvironmentVariable("LTHKIT_RUNS", notebook);
        foreach (var verb in (string[][])[["run", notebook, "--out", output], ["reproduce", "--out", output], ["grid", "submit", "--local"], ["results", "import", "quick"]])
            Assert.Equal((2, $"lthkit: The run store {notebook} is a file: name a folder with LTHKIT_RUNS.\n"), await Run(verb));
        Assert.False(Directory.Exists(output));
    }

    [Fact]
    public void All_figures_are_all_whatever_else_is_named()
        => Assert.Equal(Notebooks.All(), ReproduceVerb.Choose(["1b", "all"]), (one, other) => one.Path == other.Path);

    [Fact]
    public async Task Run_in_place_leaves_the_outputs_and_what_they_are_of()
    {
        var notebook = Notebook("1 + 1");
        Assert.Equal((0, ""), await Run("run", notebook, "--in-place", "--out", Path.Combine(_folder, "out")));
        var executed = JsonNode.Parse(File.ReadAllText(notebook))!;
        Assert.Equal("2", executed["cells"]![0]!["outputs"]![0]!["data"]!["text/plain"]![0]!.ToString());
        Assert.Equal(16, ((string)executed["metadata"]!["lthkit"]!["executed"]!).Length);
        await Refused("leave -p out", "run", notebook, "--in-place", "-p", "x=1");
    }

    [SmallDiskFact]
    public async Task A_full_output_disk_is_one_sentence_and_leaves_the_old_files_whole()
    {
        using var disk = new SmallDisk(8192);
        Assert.Equal((0, ""), await Run("run", Notebook("1 + 1"), "--out", disk.Folder));
        disk.Fill();
        var before = disk.Files();
        Assert.Contains("small.ipynb", before.Keys);
        Assert.Contains("small.html", before.Keys);
        await Refused(DiskFull, "run", Notebook("2 + 2"), "--out", disk.Folder);
        await Refused(DiskFull, "reproduce", "1b", "--profile", "smoke", "--out", disk.Folder);
        Assert.Equal(before, disk.Files());
    }

    // The runs that fit are kept; what did not fit leaves no half-written file.
    [SmallDiskFact]
    [Trait("Category", "Slow")]
    public async Task A_full_disk_under_the_run_store_stops_the_training_in_one_sentence()
    {
        using var disk = new SmallDisk(256);
        Environment.SetEnvironmentVariable("LTHKIT_RUNS", disk.Folder);
        await Refused(DiskFull, "reproduce", "1b", "--profile", "smoke", "--out", Path.Combine(_folder, "out"));
        Assert.DoesNotContain(disk.Files().Keys, path => path.EndsWith(".tmp"));
    }

    private static async Task Refused(string said, params string[] arguments)
    {
        var (code, error) = await Run(arguments);
        Assert.Equal(2, code);
        Assert.Contains(said, error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
