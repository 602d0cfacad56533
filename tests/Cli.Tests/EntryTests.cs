using System.Diagnostics;
using System.Runtime.CompilerServices;
using LTHKit.Cli.Doctor;
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
        var start = new ProcessStartInfo(file, arguments) { WorkingDirectory = folder ?? Root };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Tool.Run(start, Timeout.InfiniteTimeSpan);
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

    private string Libtorch(string name)
    {
        Write($"{name}/lib/libtorch.so");
        return Path.Combine(_folder, name);
    }

    // As NUGET_PACKAGES gives it: without a slash at its end, which NuGet's own default has.
    [Theory]
    [InlineData("/packages")]
    [InlineData("/packages/")]
    public void What_is_referenced_by_its_place_is_in_the_package_folder(string folder)
    {
        var (code, output, error) = Run("dotnet", ["msbuild", "src/LTHKit.Notebook/LTHKit.Notebook.csproj", "-getItem:Reference", $"-p:NuGetPackageRoot={folder}"]);
        Assert.True(code == 0, error);
        Assert.Contains("/packages/microsoft.dotnet-interactive/", output.Replace("//", "/"));
    }

    [Fact]
    public void Without_arguments_it_lists_the_verbs()
    {
        var (code, output, _) = Lthkit();
        Assert.Equal(0, code);
        foreach (var verb in (string[])["setup", "reproduce", "run", "student", "figures", "results", "claims", "test", "data", "kernel", "doctor", "bench"])
            Assert.Contains($"\n  {verb} ", output);
    }

    [Theory]
    [InlineData("there is no verb 'nope'", "nope")]
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

    // A fresh clone in which two verbs are started at once, the first of them killed in the midst of its build or not: it is built by one at a time, and
    // both end as if they had been alone.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_first_starts_at_once_build_one_after_the_other(bool killed)
    {
        foreach (var file in (string[])["lthkit", "build/common.sh", "build/setup.sh"])
            File.Copy(Path.Combine(Root, file), Write($"clone/{file}"), overwrite: true);
        var (clone, log) = (Path.Combine(_folder, "clone"), Write("log"));
        var dotnet = Write("bin/dotnet", $$"""
            #!/usr/bin/env bash
            case $1 in
                --list-sdks) echo '10.0.100 [/sdk]' ;;
                build)
                    echo begin >>'{{log}}'
                    [[ $(wc -l <'{{log}}') -gt 1 ]] || sleep {{(killed ? "60" : "1.5")}}
                    mkdir -p '{{clone}}/artifacts/bin/LTHKit.Cli/release'
                    printf '#!/bin/sh\necho ran "$@"\n' >'{{clone}}/artifacts/bin/LTHKit.Cli/release/lthkit-cli'
                    chmod +x '{{clone}}/artifacts/bin/LTHKit.Cli/release/lthkit-cli'
                    echo end >>'{{log}}' ;;
            esac
            """);
        Run("chmod", ["+x", dotnet, Path.Combine(clone, "lthkit")]);
        Process Begin()
        {
            var start = new ProcessStartInfo(Path.Combine(clone, "lthkit"), ["data", "list"]) { RedirectStandardOutput = true, RedirectStandardError = true };
            (start.Environment["PATH"], start.Environment["LIBTORCH"]) = ($"{Path.GetDirectoryName(dotnet)}:{start.Environment["PATH"]}", "");
            return Process.Start(start)!;
        }

        using var first = Begin();
        for (var clock = Stopwatch.StartNew(); killed && new FileInfo(log).Length == 0; Thread.Sleep(10))
            Assert.True(clock.Elapsed.TotalSeconds < 60, "no build began");
        using var second = Begin();
        if (killed)
            first.Kill(entireProcessTree: true);
        foreach (var process in killed ? [second] : (Process[])[first, second])
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            Assert.True((process.ExitCode, await output) == (0, "ran data list\n"), await output + await error);
        }
        Assert.Equal(killed ? ["begin", "begin", "end"] : ["begin", "end"], File.ReadAllLines(log));
    }

    // It looked before the other was done, and locked after it.
    [Fact]
    public void What_another_setup_has_done_is_not_done_again()
    {
        var setup = $"ARTIFACTS='{_folder}' LOGS='{_folder}'; read_choice() {{ CHOICE=cpu; }}; is_current() {{ true; }}; find_dotnet() {{ echo \"begun $CHOICE\"; exit; }}; CHOICE=''";
        Assert.Equal("", Setup($"{setup}; run_setup false false is_current").Output);
        Assert.Equal("begun \n", Setup($"{setup}; nvidia_driver() {{ true; }}; run_setup false false is_served").Output);
        Assert.Equal("begun \n", Setup($"{setup}; run_setup false true is_current").Output);
    }

    // setup's choice on a machine without a driver unless it is given one; what the feed has is asked with fetch.
    private string Choose(string script) => Setup(
        $"LOCAL_PROPS='{_folder}/local.props'; unset LIBTORCH; nvidia_driver() {{ false; }}; CHOICE='' REASON=''; {script}; choose_libtorch false; echo \"$CHOICE\"").Output.TrimEnd();

    // Another libtorch than the package's can be loaded first only where nothing has loaded that.
    [Fact]
    public void Libtorch_is_loaded_by_those_alone_who_compute()
    {
        var (code, _, loaded) = Run(Path.Combine(AppContext.BaseDirectory, "lthkit-cli"), ["data", "list"], environment: ("LD_DEBUG", "files"));
        Assert.Equal(0, code);
        Assert.Contains("libcoreclr.so", loaded);
        Assert.DoesNotContain("libtorch", loaded);
    }

    private static (int Code, string Output, string Error) Built(string arguments, params (string Name, string Value)[] environment)
        => Run("sh", ["-c", $"exec '{Path.Combine(AppContext.BaseDirectory, "lthkit-cli")}' {arguments}"], environment: environment);

    [Fact]
    public void Where_no_word_can_be_written_the_exit_code_tells()
        => Assert.Equal((2, "", ""), Built("run /nonexistent/x.ipynb 2>/dev/full", ("LTHKIT_DEBUG", "1")));

    [Fact]
    public void A_home_folder_that_is_not_there_yet_is_one_all_the_same()
    {
        var home = Path.Combine(_folder, "home");
        Assert.Contains($" in {home}/.local/share/jupyter/kernels/lthkit\n", Built("kernel install", ("HOME", home), ("JUPYTER_DATA_DIR", ""), ("XDG_DATA_HOME", "")).Output);
        Assert.True(File.Exists(Path.Combine(home, ".local/share/jupyter/kernels/lthkit/kernel.json")));
    }

    [Fact]
    public void A_folder_for_temporary_files_that_is_not_there_is_named()
    {
        var (code, _, error) = Built("claims --verify study", ("TMPDIR", "/nonexistent"));
        Assert.Equal(2, code);
        Assert.Matches(@"^lthkit: No folder can be made in /nonexistent/ \(.*\): let TMPDIR name one that is there and that you may write to\.\n$", error);
    }

    // Its other side is told to end by the bench itself; here it has the signal where it imports PyTorch, which need not be there.
    [Fact]
    public void Ctrl_C_is_no_error_of_the_benchs_Python()
    {
        if (Tool.Output("python3", "--version") is null)
            return;
        Write("torch/__init__.py", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(7)\n");
        Assert.Equal((7, "", ""), Run("python3", [Path.Combine(Root, "bench", "pytorch.py")], environment: ("PYTHONPATH", _folder)));
    }

    [Fact]
    public void LIBTORCH_comes_before_the_packages_and_CUDA_before_the_CPU()
    {
        var one = Libtorch("one");
        const string Driver = "nvidia_driver() { true; }";
        Assert.Equal(one, Choose($"{Driver}; LIBTORCH='{one}/'"));
        Assert.Equal("cpu", Choose("fetch() { echo asked; }"));
        Assert.Equal("cuda", Choose($"{Driver}; fetch() {{ [[ $4 == -p:LTHKitLibtorch=cuda ]]; }}"));
        Assert.Equal("cpu", Choose($"{Driver}; fetch() {{ FEED='cannot be reached'; false; }}"));
        Assert.Equal("cuda", Choose($"{Driver}; CHOICE=cuda; fetch() {{ echo asked; }}"));
    }

    // A checkout may be shared by machines with a driver and without one, with .NET here and there.
    [Fact]
    public void The_choice_and_the_build_are_not_another_machines_to_change()
    {
        Assert.Equal("cuda", Choose("CHOICE=cuda"));
        Assert.Equal("cuda", Setup($"ARTIFACTS='{_folder}' STAMP=/nothing; read_choice() {{ CHOICE=cuda; }}; run_setup() {{ echo \"$CHOICE\"; }}; nvidia_driver() {{ false; }}; "
            + "setup_command").Output.TrimEnd());
        var prints = Setup("nvidia_driver() { true; }; fingerprint; nvidia_driver() { false; }; PATH=/usr/bin:/bin fingerprint").Output.Split('\n');
        Assert.Equal(prints[0], prints[1]);
    }

    // A script of that name leads to .NET, which lies elsewhere than it; so may what DOTNET_ROOT names.
    [Fact]
    public void Dotnet_is_found_behind_a_script()
    {
        var dotnet = Write("bin/dotnet", "#!/bin/sh\necho 'Microsoft.NETCore.App 10.0.0 [/opt/net ten/shared/Microsoft.NETCore.App]'\n");
        Run("chmod", ["+x", dotnet]);
        string Found(string root) => Setup($"set -e; DOTNET_ROOT='{root}'; PATH=\"{Path.GetDirectoryName(dotnet)}:$PATH\"; use_dotnet; echo \"$DOTNET_ROOT\"").Output.TrimEnd();
        Assert.Equal("/opt/net ten", Found(""));
        Assert.Equal("/opt/net ten", Found("/nonexistent"));
        Directory.CreateDirectory(Path.Combine(_folder, "root/host/fxr"));
        Assert.Equal(Path.Combine(_folder, "root"), Found(Path.Combine(_folder, "root")));
    }

    // The feed's restore fails with that message, the one from the package folder too.
    [Theory]
    [InlineData("error NU1101: Unable to find package TorchSharp-cuda-linux.", "false", "the feed does not have TorchSharp-cuda-linux: name another feed in nuget.config")]
    [InlineData("error NU1301: Unable to load the service index for source https://x", "false", "the feed cannot be reached and the package folder does not have")]
    [InlineData("error NU1101: Unable to find package TorchSharp-cuda-linux.", "true", "the feed was not asked and the package folder does not have")]
    [InlineData("error : No space left on device", "false", "TorchSharp-cuda-linux did not restore")]
    public void A_libtorch_without_CUDA_has_its_reason_and_the_cures(string message, string offline, string said)
    {
        var (_, output, _) = Setup($"LOGS='{_folder}'; unset LIBTORCH; nvidia_driver() {{ true; }}; CHOICE=''; "
            + $"dotnet() {{ [[ $1 == nuget ]] && echo 'global-packages: /p/' || {{ echo '{message}'; false; }}; }}; choose_libtorch {offline}; summary");
        Assert.StartsWith($"for the CPU (there is an NVIDIA driver, but {said}", output);
        Assert.Contains(", or let LIBTORCH name a PyTorch with CUDA", output);
    }

    [Fact]
    public void A_remembered_libtorch_serves_until_it_is_gone_or_LIBTORCH_names_another()
    {
        var (one, two) = (Libtorch("one"), Libtorch("two"));
        var serves = $"CHOICE='{one}'; if choice_serves; then echo yes; else echo no; fi";
        Assert.Equal("yes\n", Setup($"unset LIBTORCH; {serves}").Output);
        Assert.Equal("yes\n", Setup($"LIBTORCH='{one}/'; {serves}").Output);
        Assert.Equal("no\n", Setup($"LIBTORCH='{two}'; {serves}").Output);
        Assert.Equal(one, Choose($"CHOICE='{one}'"));
        File.Delete(Path.Combine(one, "lib/libtorch.so"));
        Assert.Equal("no\n", Setup($"unset LIBTORCH; {serves}").Output);
    }

    // As a user meets it, whichever verb it is; nothing is built anew and nothing forgotten.
    [Theory]
    [InlineData("setup")]
    [InlineData("reproduce", "--profile", "smoke")]
    [InlineData("data", "list")]
    public void Every_verb_refuses_a_LIBTORCH_without_libtorch(params string[] arguments)
    {
        var answers = Path.Combine(Root, "LTHKit.local.props");
        var before = File.Exists(answers) ? File.ReadAllText(answers) : null;
        var (code, output, error) = Run(Path.Combine(Root, "lthkit"), arguments, null, ("LIBTORCH", _folder));
        Assert.Equal((2, ""), (code, output));
        Assert.Contains($"lthkit: LIBTORCH is {_folder}, but there is no lib/libtorch.so in it", error);
        Assert.Equal(before, File.Exists(answers) ? File.ReadAllText(answers) : null);
    }

    [Theory]
    [InlineData("error NU1301: Unable to load the service index for source https://x", "yes", 2)]
    [InlineData("error NU1101: Unable to find package X.", "no", 1)]
    public void A_feed_that_cannot_be_reached_gives_way_to_the_package_folder(string message, string restored, int asked)
    {
        // The feed's restore fails with that message; the one from the folder succeeds.
        var (_, output, _) = Setup(
            $"LOGS='{_folder}'; dotnet() {{ echo \"$*\" >>'{_folder}/calls'; case $* in nuget*) echo 'global-packages: /p/' ;; *RestoreSources=/p/) ;; *) echo '{message}'; false ;; esac; }}; " +
            "if fetch restore false a.sln; then echo yes; else echo no; fi");
        Assert.Equal(restored + "\n", output);
        Assert.Equal(asked, File.ReadLines(Path.Combine(_folder, "calls")).Count(line => line.StartsWith("restore a.sln")));
    }

    [Fact]
    public void Offline_asks_no_feed()
    {
        var (_, output, _) = Setup(
            $"LOGS='{_folder}'; dotnet() {{ case $* in nuget*) echo 'global-packages: /p q/' ;; *) echo \"$*\" ;; esac; }}; fetch restore true a.sln; cat '{_folder}/restore.log'");
        Assert.Equal("restore a.sln -p:NuGetAudit=false -p:RestoreSources=/p q/\n", output);
    }

    [Fact]
    public void The_choice_survives_being_written_and_read()
    {
        var (_, output, error) = Setup(
            $"LOCAL_PROPS='{_folder}/local.props'; CHOICE='/a & b' REASON='c < d > e'; write_choice; CHOICE='' REASON=''; read_choice; echo \"$CHOICE|$REASON\"");
        Assert.Equal(("/a & b|c < d > e\n", ""), (output, error));
    }

    [Theory]
    [InlineData("true", "not installed (see ")]
    [InlineData("false", "only root can install them")]
    public void What_cannot_be_installed_for_the_tests_is_skipped(string root, string said)
    {
        var (code, _, error) = Setup(
            $". \"$ROOT/build/test.sh\"; LOGS='{_folder}'; may_install() {{ {root}; }}; apt_install() {{ echo \"$@\"; false; }}; command() {{ false; }}; install_peers");
        Assert.Equal(0, code);
        Assert.Contains("jupyter-notebook chromium", error);
        Assert.Contains(said, error);
    }

    [Fact]
    public void Result_files_are_summed()
    {
        var file = Write("a.trx", "<x>\n<Counters total=\"7\" executed=\"5\" passed=\"4\" failed=\"1\" error=\"0\" notExecuted=\"0\" />");
        Assert.Equal("8 2 4\n", Setup($". \"$ROOT/build/test.sh\"; PASSED=0 FAILED=0 SKIPPED=0; count_results '{file}'; count_results '{file}'; echo $PASSED $FAILED $SKIPPED").Output);
    }
}
