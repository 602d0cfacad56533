using LTHKit.Notebook.Jupyter;

namespace LTHKit.Notebook.Tests.Jupyter;

public sealed class KernelSpecTests : InFolder
{
    private static readonly string[] Start = ["/usr/bin/dotnet", "/kit/lthkit-cli.dll", "kernel", "run"];

    [Fact]
    public void ItHasTheNotebooksNameAndIsRemoved()
    {
        var spec = KernelSpecs.Install(Folder, Start, "/kit");
        Assert.Equal(Path.Combine(Folder, "kernels", "lthkit"), spec);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(spec, "kernel.json")))!;
        Assert.Equal([.. Start, "{connection_file}"], json["argv"]!.AsArray().Select(word => word!.GetValue<string>()));
        Assert.Equal("LTHKit (C#)", (string?)json["display_name"]);
        Assert.Equal(("C#", "message"), (json["language"]!.GetValue<string>(), json["interrupt_mode"]!.GetValue<string>()));
        Assert.True(File.Exists(Path.Combine(spec, "plotly.min.js")));
        Assert.Equal(spec, KernelSpecs.Install(Folder, Start, "/kit"));
        Assert.Equal(spec, KernelSpecs.Uninstall(Folder));
        Assert.False(Directory.Exists(spec));
        Assert.Null(KernelSpecs.Uninstall(Folder));
        Directory.CreateDirectory(spec);
        foreach (var theirs in (string[])["{}", "[]", "{"])
        {
            File.WriteAllText(Path.Combine(spec, "kernel.json"), theirs);
            Assert.Null(KernelSpecs.Uninstall(Folder));
        }
    }

    [Fact]
    public void TheKernelOfDotNetInteractiveIsLeftAlone()
    {
        var theirs = Path.Combine(Folder, "kernels", ".net-csharp");
        Directory.CreateDirectory(theirs);
        File.WriteAllText(Path.Combine(theirs, "kernel.json"), """{"argv":["dotnet","interactive"],"display_name":".NET (C#)","language":"C#"}""");
        var spec = KernelSpecs.Install(Folder, Start, "/kit");
        Assert.Equal(spec, KernelSpecs.Uninstall(Folder));
        Assert.True(File.Exists(Path.Combine(theirs, "kernel.json")));
    }
}
