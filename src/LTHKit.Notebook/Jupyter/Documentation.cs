using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using LTHKit.Notebook.Execution;
using Microsoft.CodeAnalysis;

namespace LTHKit.Notebook.Jupyter;

/// <summary>
/// What is written about a symbol: in the cell above it, in the XML file beside its assembly, or in the .NET SDK's for .NET itself.
/// </summary>
internal static partial class Documentation
{
    /// <summary>The documentation as plain text, or null where there is none.</summary>
    public static string? Of(ISymbol symbol)
    {
        symbol = (symbol as IMethodSymbol)?.ReducedFrom ?? symbol;
        var xml = symbol.OriginalDefinition.DeclaringSyntaxReferences.FirstOrDefault() is { } declared
            ? Above(declared.GetSyntax())
            : FromFiles(symbol.OriginalDefinition);
        return xml is null ? null : Text(xml);
    }

    /// <summary>What the XML file beside an assembly says about a member.</summary>
    /// <param name="assembly">The assembly's name.</param>
    /// <param name="id">The member's name in such files, "M:System.String.Split(System.Char)".</param>
    public static string? OfMember(string assembly, string id) => FromFiles(assembly, id) is { } xml ? Text(xml) : null;

    /// <summary>What a comment of XML, or of words alone, says.</summary>
    public static string? OfComment(string comment) => Parse($"<member>{comment}</member>") is { } xml ? Text(xml) : null;

    // The lines "/// ..." right before a declaration in a cell.
    private static XElement? Above(SyntaxNode node)
    {
        var comment = node.AncestorsAndSelf().Select(n => n.GetLeadingTrivia().ToFullString())
            .FirstOrDefault(text => text.Contains("///", StringComparison.Ordinal));
        if (comment is null)
            return null;
        var lines = comment.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("///", StringComparison.Ordinal));
        return Parse($"<member>{string.Join('\n', lines.Select(line => line[3..]))}</member>");
    }

    private static XElement? FromFiles(ISymbol symbol) =>
        symbol.GetDocumentationCommentId() is { } id && symbol.ContainingAssembly is { } assembly ? FromFiles(assembly.Name, id) : null;

    private static XElement? FromFiles(string assembly, string id)
    {
        var file = HostAssemblies.PathOf(assembly);
        var files = file is not null && !HostAssemblies.IsFramework(file) ? [Path.ChangeExtension(file, ".xml")] : FrameworkFiles(assembly);
        return files.Where(File.Exists).Select(path => Member(path, id)).FirstOrDefault(member => member is not null);
    }

    // .NET's own stand in the SDK's reference pack; what is implemented in System.Private.CoreLib is described in System.Runtime.
    private static IEnumerable<string> FrameworkFiles(string assembly)
    {
        var runtime = new DirectoryInfo(Path.GetDirectoryName(typeof(object).Assembly.Location)!);
        var packs = Path.Combine(runtime.Parent!.Parent!.Parent!.FullName, "packs", "Microsoft.NETCore.App.Ref");
        if (!Directory.Exists(packs))
            return [];
        var version = Directory.GetDirectories(packs)
            .OrderBy(folder => Version.TryParse(Path.GetFileName(folder), out var number) ? number : new Version()).Last();
        var folder = Directory.GetDirectories(Path.Combine(version, "ref")).Last();
        string[] first = [assembly + ".xml", "System.Runtime.xml", "System.Collections.xml", "System.Linq.xml", "System.Console.xml"];
        return first.Select(name => Path.Combine(folder, name)).Concat(Directory.GetFiles(folder, "*.xml")).Distinct();
    }

    private static XElement? Member(string path, string id)
    {
        // Read through, not into memory: .NET's own file is tens of megabytes.
        using var reader = XmlReader.Create(path);
        while (reader.ReadToFollowing("member"))
        {
            if (reader.GetAttribute("name") == id)
                return (XElement)XNode.ReadFrom(reader);
        }

        return null;
    }

    private static XElement? Parse(string xml)
    {
        try
        {
            return XElement.Parse(xml);
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private static string? Text(XElement member)
    {
        var text = new StringBuilder();
        Add(member.Element("summary"), "");
        foreach (var parameter in member.Elements("param").Concat(member.Elements("typeparam")))
            Add(parameter, $"  {(string?)parameter.Attribute("name")}: ");
        Add(member.Element("returns"), "Returns: ");
        foreach (var exception in member.Elements("exception"))
            Add(exception, $"Throws {ShortName((string?)exception.Attribute("cref"))}: ");
        Add(member.Element("remarks"), "");
        return text.Length == 0 ? null : text.ToString().TrimEnd();

        void Add(XElement? element, string head)
        {
            if (element is not null && Words(element) is { Length: > 0 } words)
                text.Append(head).Append(words).Append('\n');
        }
    }

    private static string Words(XElement element)
    {
        var text = new StringBuilder();
        foreach (var node in element.Nodes())
        {
            text.Append(node switch
            {
                XText words => words.Value,
                XElement { Name.LocalName: "see" or "seealso" } see => see.Value.Length > 0
                    ? see.Value
                    : (string?)see.Attribute("langword") ?? ShortName((string?)see.Attribute("cref")),
                XElement { Name.LocalName: "paramref" or "typeparamref" } reference => (string?)reference.Attribute("name"),
                XElement inner => Words(inner),
                _ => "",
            });
        }

        return Spaces().Replace(text.ToString(), " ").Trim();
    }

    // "M:System.String.Split(System.Char)" as "Split".
    private static string ShortName(string? id) => id is null ? "" : id.Split('(')[0].Split(':', '.')[^1].Split('`')[0];

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
