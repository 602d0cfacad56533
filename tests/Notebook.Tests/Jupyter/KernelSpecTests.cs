using LTHKit.Notebook.Jupyter;

namespace LTHKit.Notebook.Tests.Jupyter;

public sealed class KernelSpecTests : InFolder
{
    private static readonly string[] Start = ["/usr/bin/dotnet", "/kit/lthkit-cli.dll", "kernel", "run"];

    [Fact]
    public void ItHasTheNotebooksNameAndIsFoundAgainAndRemoved()
    {
        var spec = KernelSpecs.Install(Folder, Start, "/kit");
        Assert.Equal(Path.Combine(Folder, "kernels", "lthkit"), spec.Folder);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(spec.Folder, "kernel.json")))!;
        Assert.Equal([.. Start, "{connection_file}"], json["argv"]!.AsArray().Select(word => word!.GetValue<string>()));
        Assert.Equal(("C#", "message"), (json["language"]!.GetValue<string>(), json["interrupt_mode"]!.GetValue<string>()));
        Assert.True(File.Exists(Path.Combine(spec.Folder, "plotly.min.js")));
        Assert.Contains(spec, KernelSpecs.Find(Folder));
        Assert.Equal(spec, KernelSpecs.Install(Folder, Start, "/kit"));
        Assert.Equal(spec, KernelSpecs.Uninstall(Folder));
        Assert.False(Directory.Exists(spec.Folder));
        Assert.Null(KernelSpecs.Uninstall(Folder));
    }

    [Fact]
    public void TheKernelOfDotNetInteractiveIsLeftAlone()
    {
        var theirs = Path.Combine(Folder, "kernels", ".net-csharp");
        Directory.CreateDirectory(theirs);
        File.WriteAllText(Path.Combine(theirs, "kernel.json"), """{"argv":["dotnet","interactive"],"display_name":".NET (C#)","language":"C#"}""");
        var spec = KernelSpecs.Install(Folder, Start, "/kit");
        Assert.Equal("LTHKit (C#)", spec.DisplayName);
        Assert.Equal(spec, KernelSpecs.Uninstall(Folder));
        Assert.True(File.Exists(Path.Combine(theirs, "kernel.json")));
    }
}
