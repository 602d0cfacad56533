using System.Diagnostics;
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
                <PackageReference Include="LTHKit" Version="*" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), """
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
