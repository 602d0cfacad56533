using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace LTHKit.Notebook.Packages;

/// <summary>
/// Gets packages for <c>#r "nuget: NAME, VERSION"</c> through <c>dotnet restore</c>, and so from the feeds that NuGet is set up
/// for on this machine. A small project per package is kept, so that the second time costs nothing.
/// </summary>
internal sealed partial class PackageRestorer(string cacheFolder)
{
    // The kit's packages, by the assembly that stands for each.
    private static readonly Dictionary<string, string> Own = new(StringComparer.OrdinalIgnoreCase)
    {
        ["TorchSharp"] = "TorchSharp",
        ["TorchSharp-cpu"] = "TorchSharp",
        ["TorchSharp-cuda-linux"] = "TorchSharp",
        ["Plotly.NET"] = "Plotly.NET",
        ["Plotly.NET.CSharp"] = "Plotly.NET.CSharp",
        ["Plotly.NET.Interactive"] = "Plotly.NET.Interactive",
        ["Deedle"] = "Deedle",
        ["Microsoft.DotNet.Interactive"] = "Microsoft.DotNet.Interactive",
        ["Microsoft.DotNet.Interactive.Formatting"] = "Microsoft.DotNet.Interactive.Formatting",
    };

    private readonly List<string> _sources = [];

    /// <summary>The folder that serves all notebooks of this user.</summary>
    public static string DefaultCache => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "lthkit", "packages");

    /// <summary>Another feed, as <c>#i "nuget: ADDRESS"</c> names it.</summary>
    public void AddSource(string source)
    {
        if (!_sources.Contains(source))
            _sources.Add(source);
    }

    /// <summary>The assemblies of a package and of all that it depends on.</summary>
    /// <exception cref="UserException">The feed's own words on why not.</exception>
    public IReadOnlyList<string> Restore(string name, string? version)
    {
        if (Own.TryGetValue(name, out var assembly) && Execution.HostAssemblies.PathOf(assembly) is { } loaded)
            return [loaded];
        if (!PackageName().IsMatch(name))
            throw new UserException($"\"{name}\" is no package name: write #r \"nuget: NAME, VERSION\".");

        version = string.IsNullOrWhiteSpace(version) ? "*-*" : version;
        var project = ProjectText(name, version);
        var folder = Path.Combine(cacheFolder, $"{name.ToLowerInvariant()}-{Hash(project)}");
        var assets = Path.Combine(folder, "obj", "project.assets.json");
        if (!File.Exists(assets))
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "package.csproj"), project);
            RunRestore(folder, name, version);
        }

        return Assemblies(assets);
    }

    private string ProjectText(string name, string version) => new XElement(
        "Project",
        new XAttribute("Sdk", "Microsoft.NET.Sdk"),
        new XElement(
            "PropertyGroup",
            new XElement("TargetFramework", "net10.0"),
            new XElement("ManagePackageVersionsCentrally", "false"),
            _sources.Count == 0 ? null : new XElement("RestoreAdditionalProjectSources", string.Join(';', _sources))),
        new XElement("ItemGroup", new XElement("PackageReference", new XAttribute("Include", name), new XAttribute("Version", version)))).ToString();

    private static void RunRestore(string folder, string name, string version)
    {
        var start = new ProcessStartInfo("dotnet", ["restore", "package.csproj", "--nologo", "-tl:off"])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using var process = Process.Start(start)
            ?? throw new UserException("The .NET SDK's dotnet command could not be started, and packages are restored with it.");
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 0)
            return;

        var words = (output + "\n" + errors.Result).Split('\n')
            .Select(line => FeedWords().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups["words"].Value.Trim())
            .Distinct();
        var said = string.Join(' ', words);
        throw new UserException(
            $"The package {name}{(version == "*-*" ? "" : $" {version}")} could not be restored. "
            + (said == "" ? $"dotnet restore ended with {process.ExitCode}." : $"The feed says: {said}"));
    }

    private static List<string> Assemblies(string assetsFile)
    {
        using var assets = JsonDocument.Parse(File.ReadAllText(assetsFile));
        var roots = assets.RootElement.GetProperty("packageFolders").EnumerateObject().Select(folder => folder.Name).ToList();
        var libraries = assets.RootElement.GetProperty("libraries");
        var found = new List<string>();
        foreach (var package in assets.RootElement.GetProperty("targets").EnumerateObject().First().Value.EnumerateObject())
        {
            if (!package.Value.TryGetProperty("runtime", out var runtime) || !libraries.GetProperty(package.Name).TryGetProperty("path", out var path))
                continue;

            foreach (var file in runtime.EnumerateObject().Where(file => file.Name.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)))
            {
                var name = Path.GetFileNameWithoutExtension(file.Name);
                found.Add(Execution.HostAssemblies.PathOf(name)
                    ?? roots.Select(root => Path.Combine(root, path.GetString()!, file.Name)).First(File.Exists));
            }
        }

        return found;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..12];

    [GeneratedRegex(@"^[A-Za-z0-9_.-]+$")]
    private static partial Regex PackageName();

    [GeneratedRegex(@"error (?:NU|MSB|NETSDK)\d+: (?<words>.*?)(?:\s\[[^\]]*\])?\s*$")]
    private static partial Regex FeedWords();
}
