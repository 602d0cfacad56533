using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace LTHKit.Cli.Tests;

/// <summary>./lthkit itself: what it answers without setting anything up.</summary>
public sealed class EntryTests : IDisposable
{
    private static readonly string Root = FindRoot();

    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-entry-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // Where the tests are built does not matter, where they are written does.
    private static string FindRoot([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));

    private static (int Code, string Output, string Error) Run(
        string file, string[] arguments, string? folder = null, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Root,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private static (int Code, string Output, string Error) Lthkit(params string[] arguments) =>
        Run(Path.Combine(Root, "lthkit"), arguments);

    // Calls one of setup's functions by itself.
    private static (int Code, string Output, string Error) Setup(string script) =>
        Run("bash", ["-euo", "pipefail", "-c", $"ROOT='{Root}'; . \"$ROOT/build/common.sh\"; . \"$ROOT/build/setup.sh\"; {script}"]);

    private string Write(string path, string text = "")
    {
        var file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return file;
    }

    private string Libtorch(string name, string header = "include/torch/csrc/api/include/torch/version.h")
    {
        Write($"{name}/lib/libtorch.so");
        Write($"{name}/{header}", "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 10\n#define TORCH_VERSION_PATCH 1\n");
        return Path.Combine(_folder, name);
    }

    [Fact]
    public void Without_arguments_it_lists_the_verbs()
    {
        var (code, output, _) = Lthkit();
        Assert.Equal(0, code);
        foreach (var verb in (string[])["setup", "reproduce", "run", "figures", "test", "data", "kernel", "doctor", "bench", "compat"])
            Assert.Contains($"\n  {verb} ", output);
    }

    [Theory]
    [InlineData("there is no verb 'nope'", "nope")]
    [InlineData("--packages must be nuget, compat or auto, not 'maybe'", "setup", "--packages", "maybe")]
    [InlineData("--packages must be nuget, compat or auto, not ''", "setup", "--packages")]
    [InlineData("setup does not know '--fast'", "setup", "--fast")]
    [InlineData("test does not know 'Mask'", "test", "Mask")]
    [InlineData("--filter needs an expression", "test", "--filter")]
    public void Wrong_arguments_get_one_sentence_and_exit_2(string sentence, params string[] arguments)
    {
        var (code, output, error) = Lthkit(arguments);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"lthkit: {sentence}", error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("setup")]
    [InlineData("test")]
    public void Help_tells_the_usage(string verb) =>
        Assert.StartsWith($"usage: ./lthkit {verb}", Lthkit(verb, "--help").Output);

    [Fact]
    public void It_works_through_a_link_and_from_anywhere()
    {
        var link = Path.Combine(_folder, "kit");
        File.CreateSymbolicLink(link, Path.Combine(Root, "lthkit"));
        Assert.StartsWith("usage: ./lthkit test", Run(link, ["test", "--help"], _folder).Output);
    }

    [Theory]
    [InlineData("include/torch/csrc/api/include/torch/version.h")]
    [InlineData("include/torch/headeronly/version.h")]
    public void The_version_of_libtorch_is_read_from_its_header(string header) =>
        Assert.Equal("2.10.1\n", Setup($"torch_version '{Libtorch("torch", header)}'").Output);

    [Fact]
    public void LIBTORCH_comes_before_a_python_with_torch_and_that_before_the_system()
    {
        var (one, two) = (Libtorch("one"), Libtorch("two"));
        Write("bin/python3", $"#!/bin/sh\necho '{two}'\n");
        var find = $"chmod +x '{_folder}/bin/python3'; PATH='{_folder}/bin':$PATH; PACKAGES=compat TORCH_ROOT=''; find_libtorch; echo \"$TORCH_ROOT\"";
        Assert.Equal(one + "\n", Setup($"LIBTORCH='{one}'; {find}").Output);
        Assert.Equal(two + "\n", Setup($"unset LIBTORCH; {find}").Output);
        // A Python without torch.
        Assert.Equal("/usr\n", Setup($"unset LIBTORCH; ln -sf /bin/true '{_folder}/bin/python3'; {find}").Output);
    }

    [Fact]
    public void A_remembered_libtorch_serves_until_it_is_gone_or_LIBTORCH_names_another()
    {
        var (one, two) = (Libtorch("one"), Libtorch("two"));
        var still = $"PACKAGES=compat TORCH_ROOT='{one}'; if libtorch_still_there; then echo yes; else echo no; fi";
        Assert.Equal("yes\n", Setup($"unset LIBTORCH; {still}").Output);
        Assert.Equal("yes\n", Setup($"LIBTORCH='{one}/'; {still}").Output);
        Assert.Equal("no\n", Setup($"LIBTORCH='{two}'; {still}").Output);
        File.Delete(Path.Combine(one, "lib/libtorch.so"));
        Assert.Equal("no\n", Setup($"unset LIBTORCH; {still}").Output);
    }

    [Fact]
    public void A_LIBTORCH_without_libtorch_is_refused()
    {
        var (code, _, error) = Setup($"LIBTORCH='{_folder}'; PACKAGES=compat TORCH_ROOT=''; find_libtorch");
        Assert.Equal(2, code);
        Assert.StartsWith($"lthkit: LIBTORCH is {_folder}, but no libtorch", error);
    }

    // As a user meets it, whichever verb it is; nothing is built anew and nothing forgotten.
    [Theory]
    [InlineData("setup")]
    [InlineData("reproduce", "--profile", "smoke")]
    [InlineData("data", "list")]
    public void Every_verb_refuses_a_LIBTORCH_without_libtorch(params string[] arguments)
    {
        var answers = Path.Combine(Root, "LTHKit.local.props");
        if (!File.Exists(answers) || !File.ReadAllText(answers).Contains("<LTHKitPackages>compat<"))
            return;     // TorchSharp's own package brings its libtorch along
        var before = File.ReadAllText(answers);
        var (code, output, error) = Run(Path.Combine(Root, "lthkit"), arguments, null, ("LIBTORCH", _folder));
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"lthkit: LIBTORCH is {_folder}, but no libtorch", error);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Equal(before, File.ReadAllText(answers));
    }

    // A machine with neither LIBTORCH nor a Python with torch nor a system's libtorch, and no right to install one.
    [Fact]
    public void No_libtorch_anywhere_is_one_sentence_with_both_cures()
    {
        Write("bin/python3", "#!/bin/sh\n");
        var (code, output, error) = Setup(
            $"chmod +x '{_folder}/bin/python3'; PATH='{_folder}/bin':$PATH; unset LIBTORCH; PACKAGES=compat TORCH_ROOT=''; " +
            "torch_library() { :; }; may_install() { false; }; find_libtorch; install_packages false");
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("lthkit: no libtorch is there", error);
        Assert.Contains("set LIBTORCH", error);
        Assert.Contains("apt-get install libtorch-dev", error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Missing_packages_are_named_to_those_who_cannot_install_them()
    {
        var (code, _, error) = Setup("CXX=no-such-compiler; PACKAGES=nuget TORCH_ROOT=''; may_install() { false; }; install_packages false");
        Assert.Equal(2, code);
        Assert.Contains("apt-get install g++", error);
    }

    [Fact]
    public void Pins_tell_an_outdated_node_modules()
    {
        var old = Write("old.json", "{\n  \"packages\": {\n    \"node_modules/plotly.js-dist-min\": {\n      \"version\": \"1.0.0\",\n");
        Assert.Equal("node_modules/plotly.js-dist-min 1.0.0\n", Setup($"npm_pins '{old}'").Output);
        Assert.Matches(@"(?m)^node_modules/plotly\.js-dist-min \d+\.\d+\.\d+$", Setup("npm_pins \"$ROOT/package-lock.json\"").Output);
    }

    [Fact]
    public void The_answers_survive_being_written_and_read()
    {
        var (_, output, error) = Setup(
            $"LOCAL_PROPS='{_folder}/local.props'; PACKAGES=compat REASON='a & b < c > d' TORCH_ROOT=/x TORCH_SOURCE='from LIBTORCH'; " +
            "write_answers; PACKAGES='' REASON='' TORCH_ROOT='' TORCH_SOURCE=''; read_answers; echo \"$PACKAGES|$REASON|$TORCH_ROOT|$TORCH_SOURCE\"");
        Assert.Equal(("compat|a & b < c > d|/x|from LIBTORCH\n", ""), (output, error));
    }

    [Fact]
    public void The_browser_is_for_the_whole_suite_and_what_cannot_be_installed_is_skipped()
    {
        const string Install = ". \"$ROOT/build/test.sh\"; may_install() { true; }; apt_install() { echo \"$@\"; false; }; PATH=/nonexistent; install_test_packages";
        var (code, output, error) = Setup($"{Install} all");
        Assert.Equal(0, code);
        Assert.Contains("test-browser jupyter-notebook chromium\n", output);
        Assert.Contains("not installed (see ", error);
        Assert.DoesNotContain("chromium", Setup($"{Install} ''").Output);
    }

    [Fact]
    public void Result_files_are_summed()
    {
        var file = Write("a.trx", "<x>\n<Counters total=\"7\" executed=\"5\" passed=\"4\" failed=\"1\" error=\"0\" notExecuted=\"0\" />");
        Assert.Equal("8 2 4\n", Setup($". \"$ROOT/build/test.sh\"; PASSED=0 FAILED=0 SKIPPED=0; count_results '{file}'; count_results '{file}'; echo $PASSED $FAILED $SKIPPED").Output);
    }
}
