using System.Diagnostics;
using System.Reflection;
using LTHKit.Cli.Doctor;
using Xunit;

namespace LTHKit.Cli.Tests;

/// <summary>The library as a NuGet package, for projects outside this repository.</summary>
public sealed class PackageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lthkit-package-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The packages that it depends on are those that this machine has: no feed is asked.
    [Fact]
    [Trait("Category", "Slow")]
    public void AFreshProjectRestoresThePackageFromAFolderAndTrainsWithIt()
    {
        Dotnet(Checkout.Root, "pack", "src/LTHKit", "-c", "Release", "--no-build", "-p:LTHKitLibtorch=cpu", "-o", Path.Combine(_folder, "feed"));
        var project = Project("LTHKit", "*", """
            using LTHKit.Experiments;
            using LTHKit.Tweaks;

            using var lab = Lab.Open(Profile.Get("smoke", seeds: 1), device: "cpu", store: new RunStore("runs"));
            var sweep = lab.Sweep([0.5], [new SmoothActivation("swish")], dense: false);
            Console.WriteLine($"{sweep}; {lab.MaskOf(sweep.Sparsest)}");
            """);
        Assert.Contains("swish: 1 sparse runs, 0 dense; 50.0 % sparse", Dotnet(project, "run"));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(project, "runs"), "done.json", SearchOption.AllDirectories).Length);
        Assert.True(Directory.Exists(Path.Combine(_folder, "packages", "lthkit")));
    }

    /// <summary>Which knows nothing of the kit: no package of it, nor TorchSharp, Plotly.NET or a path to libtorch.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void AnotherHostOfDotNetInteractiveTakesTheLibraryByOneLine()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "feed"));
        var version = typeof(Microsoft.DotNet.Interactive.Kernel).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        var project = Project("Microsoft.DotNet.Interactive.CSharp", version, $$""""
            using Microsoft.DotNet.Interactive;
            using Microsoft.DotNet.Interactive.CSharp;
            using Microsoft.DotNet.Interactive.Events;

            string[] cells =
            [
                """#r "{{Checkout.Root}}/artifacts/bin/LTHKit/release/LTHKit.dll" """,
                """
                using LTHKit.Experiments;
                var lab = Lab.Open(Profile.Get("smoke", seeds: 1), device: "cpu", store: new RunStore("runs"));
                var sweep = lab.Sweep([0.5], dense: false);
                sweep
                """,
                "LTHKit.Figures.AccuracyVsSparsity(sweep)",
                "TorchSharp.torch.ones(2, 2)",
            ];
            using var kernel = new CSharpKernel();
            foreach (var cell in cells)
                foreach (var happened in (await kernel.SubmitCodeAsync(cell)).Events)
                    Console.WriteLine(happened switch
                    {
                        ReturnValueProduced shown => string.Join(' ', shown.FormattedValues.Select(value => $"{value.MimeType} {value.Value[..Math.Min(60, value.Value.Length)]}")),
                        CommandFailed failed => $"failed: {failed.Message}",
                        _ => "",
                    });
            """");
        var said = Dotnet(project, "run");
        Assert.DoesNotContain("failed", said);
        Assert.All(["text/html <style>\ntable.lthkit", "application/vnd.plotly.v1+json {\"", "text/plain tensor Float32 [2, 2] on cpu"], shown => Assert.Contains(shown, said));
    }

    /// <summary>A project of its own that references a package and runs a program.</summary>
    private string Project(string package, string version, string program)
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } named ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var project = Directory.CreateDirectory(Path.Combine(_folder, "mine")).FullName;
        File.WriteAllText(Path.Combine(project, "mine.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <RuntimeIdentifier>linux-x64</RuntimeIdentifier>
                <SelfContained>false</SelfContained>
                <InvariantGlobalization>true</InvariantGlobalization>
                <RestoreSources>{Path.Combine(_folder, "feed")}</RestoreSources>
                <RestorePackagesPath>{Path.Combine(_folder, "packages")}</RestorePackagesPath>
                <RestoreFallbackFolders>{packages}</RestoreFallbackFolders>
                <NuGetAudit>false</NuGetAudit>
                <CreateHardLinksForCopyLocalIfPossible>true</CreateHardLinksForCopyLocalIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package}" Version="{version}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), program);
        return project;
    }

    private static string Dotnet(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", arguments)
        {
            WorkingDirectory = folder,
        };
        foreach (var name in Environment.GetEnvironmentVariables().Keys.Cast<string>().Where(name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase) || name.StartsWith("VSTEST")))
            start.Environment.Remove(name);
        (start.Environment["MSBUILDDISABLENODEREUSE"], start.Environment["DOTNET_NOLOGO"]) = ("1", "1");
        var (code, output, error) = Tool.Run(start, Timeout.InfiniteTimeSpan);
        Assert.True(code == 0, output + error);
        return output;
    }
}
