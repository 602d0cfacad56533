using System.Xml.Linq;

namespace LTHKit.Cli.Doctor;

/// <summary>What setup wrote down about this machine.</summary>
internal sealed class LocalProps
{
    private readonly XDocument _document;

    private LocalProps(XDocument document) => _document = document;

    /// <summary>Reads LTHKit.local.props; everything is empty when setup has not run.</summary>
    public static LocalProps Read()
    {
        var file = Path.Combine(Checkout.Root, "LTHKit.local.props");
        return new(File.Exists(file) ? XDocument.Load(file) : new XDocument());
    }

    public string Packages => this["LTHKitPackages"];

    public string PackagesReason => this["LTHKitPackagesReason"];

    public string Libtorch => this["LTHKitLibtorch"];

    public string LibtorchSource => this["LTHKitLibtorchSource"];

    private string this[string property] => _document.Descendants(property).FirstOrDefault()?.Value ?? "";
}
