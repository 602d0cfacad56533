using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace LTHKit.Cli.Tests;

/// <summary>A folder for assemblies compiled on the spot.</summary>
internal sealed class Sample : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("lthkit-cli-").FullName;

    /// <summary>Compiles source into FOLDER/place/NAME.dll and returns its path.</summary>
    public string Compile(string place, string name, string source, params string[] references)
    {
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(Folder, place)).FullName, $"{name}.dll");
        var runtime = Directory.EnumerateFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "System.*.dll");
        var compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Latest))],
            from path in runtime.Concat(references) where IsManaged(path) select MetadataReference.CreateFromFile(path),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        var result = compilation.Emit(file);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return file;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static bool IsManaged(string file)
    {
        using var image = new System.Reflection.PortableExecutable.PEReader(File.OpenRead(file));
        return image.HasMetadata;
    }
}
