using System.Reflection;

namespace LTHKit.Cli.Compat;

/// <summary>
/// Compares the assemblies under compat/ with the real ones of the same names. Code written against the former must mean the same
/// against the latter: every visible type and member of a compat assembly exists in the real one, and is the same there to the eyes of
/// a caller. What the real one has beyond that is no difference, but for abstract members of classes, which a deriving class would
/// have to implement. Nullable annotations are ignored.
/// </summary>
internal sealed class ApiDiff
{
    private readonly List<string> _lines = [];

    private ApiDiff() { }

    /// <summary>Compares assembly files with those of the same name in a folder.</summary>
    /// <returns>One line a difference.</returns>
    /// <exception cref="UserException">A file is missing or no assembly, or refers to an assembly that is nowhere.</exception>
    public static IReadOnlyList<string> Run(IReadOnlyList<string> compatFiles, string realFolder)
    {
        if (!Directory.Exists(realFolder))
            throw new UserException($"there is no folder {realFolder}; --against names the one with the real assemblies.");
        foreach (var file in compatFiles)
        {
            var name = Path.GetFileName(file);
            if (!File.Exists(file))
                throw new UserException($"{name} is not built ({file}); run ./lthkit setup --packages compat.");
            if (!File.Exists(Path.Combine(realFolder, name)))
                throw new UserException($"{realFolder} has no {name}; put the real assembly there, or name the assemblies to compare.");
        }

        // What both kinds need besides, FSharp.Core for one, this program has; but a real assembly takes nothing from a compat one.
        var names = compatFiles.Select(file => Path.GetFileName(file)).ToHashSet();
        var ours = compatFiles.SelectMany(file => Assemblies(Path.GetDirectoryName(Path.GetFullPath(file))!)).ToList();
        var common = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        using var compat = Load(ours.Concat(common));
        using var real = Load(Assemblies(realFolder).Concat(common.Where(file => !names.Contains(Path.GetFileName(file)))));
        var diff = new ApiDiff();
        foreach (var file in compatFiles)
        {
            try
            {
                diff.Compare(compat.LoadFromAssemblyPath(file), real.LoadFromAssemblyPath(Path.Combine(realFolder, Path.GetFileName(file))));
            }
            catch (FileNotFoundException exception)
            {
                throw new UserException($"{Path.GetFileName(file)} refers to an assembly that is not in {realFolder}: {exception.Message}", exception);
            }
            catch (BadImageFormatException exception)
            {
                throw new UserException($"a file named {Path.GetFileName(file)} is no .NET assembly: {exception.Message}", exception);
            }
        }
        return diff._lines;
    }

    private static IEnumerable<string> Assemblies(string folder) => Directory.EnumerateFiles(folder, "*.dll");

    // Of several files of one name the first serves.
    private static MetadataLoadContext Load(IEnumerable<string> files) => new(new PathAssemblyResolver(files.DistinctBy(Path.GetFileName)));

    private void Compare(Assembly compat, Assembly real)
    {
        var assembly = compat.GetName().Name!;
        foreach (var type in compat.GetTypes().Where(IsVisible).OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            var where = $"{assembly}: {TypeNames.Show(type)}";
            if (real.GetType(type.FullName!) is not { } realType)
                _lines.Add($"{where}: the real assembly has no such type in {type.Namespace}");
            else if (!IsVisible(realType))
                _lines.Add($"{where}: not visible in the real assembly");
            else
                CompareType(where, type, realType);
        }
    }

    private void CompareType(string where, Type compat, Type real)
    {
        void Report(string what) => _lines.Add($"{where}: {what}");

        // C# demands a static class for extension methods, F# does not; who calls them sees no difference.
        var extensions = compat.IsAbstract && compat.IsSealed && real.IsClass && Has(real.GetCustomAttributesData(), "ExtensionAttribute");
        if (!extensions)
        {
            Differ(Report, "kind", Kind(compat), Kind(real));
            Differ(Report, "sealed", compat.IsSealed, real.IsSealed);
            Differ(Report, "abstract", compat.IsAbstract, real.IsAbstract);
        }
        Differ(Report, "visibility", compat.IsNestedFamily || compat.IsNestedFamORAssem, real.IsNestedFamily || real.IsNestedFamORAssem);
        Differ(Report, "obsolete", IsObsolete(compat), IsObsolete(real));
        CompareGenerics(Report, compat.GetGenericArguments(), real.GetGenericArguments());
        if (compat.BaseType is { } baseType)
            DifferTypes(Report, "base type", baseType, real.BaseType!);
        if (compat.IsEnum)
            DifferTypes(Report, "underlying type", compat.GetEnumUnderlyingType(), real.GetEnumUnderlyingType());

        var realInterfaces = real.GetInterfaces().Select(TypeNames.Key).ToHashSet();
        foreach (var extra in compat.GetInterfaces().Where(type => IsVisible(type) && !realInterfaces.Contains(TypeNames.Key(type))))
            Report($"implements {TypeNames.Show(extra)}, which the real one does not");

        var members = new MemberDiff(where, _lines);
        members.Compare(compat, real);
        if (compat.IsClass && compat.IsAbstract && !compat.IsSealed)
            members.CompareAbstract(compat, real);
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum"
        : type.IsInterface ? "interface"
        : type.IsValueType ? type.IsByRefLike ? "ref struct" : "struct"
        : type.BaseType?.FullName == "System.MulticastDelegate" ? "delegate"
        : type.IsAbstract && type.IsSealed ? "static class"
        : "class";

    /// <summary>Whether code outside the assembly can name the type.</summary>
    public static bool IsVisible(Type type)
    {
        if (type.HasElementType)
            return IsVisible(type.GetElementType()!);
        if (type.IsGenericParameter)
            return true;
        if (!type.IsNested)
            return type.IsPublic;
        return (type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamORAssem) && IsVisible(type.DeclaringType!);
    }

    public static bool IsObsolete(MemberInfo member) => Has(member.GetCustomAttributesData(), "ObsoleteAttribute");

    public static bool Has(IEnumerable<CustomAttributeData> attributes, string name) =>
        attributes.Any(attribute => attribute.AttributeType.Name == name);

    /// <summary>Constraints of generic parameters, which are matched by position.</summary>
    public static void CompareGenerics(Action<string> report, Type[] compat, Type[] real)
    {
        for (var i = 0; i < Math.Min(compat.Length, real.Length); i++)
            Differ(report, $"constraints of {compat[i].Name}", Constraints(compat[i]), Constraints(real[i]));
    }

    private static string Constraints(Type parameter)
    {
        var words = parameter.GetGenericParameterConstraints().Select(TypeNames.Key).Order(StringComparer.Ordinal)
            .Prepend(parameter.GenericParameterAttributes.ToString());
        return string.Join(", ", words);
    }

    public static void Differ(Action<string> report, string what, object? compat, object? real)
    {
        if (!Equals(compat, real))
            report($"{what} is {Value(compat)}, in the real one {Value(real)}");
    }

    public static void DifferTypes(Action<string> report, string what, Type compat, Type real)
    {
        var (ours, theirs) = (TypeNames.Key(compat), TypeNames.Key(real));
        if (ours == theirs)
            return;
        var (shortOurs, shortTheirs) = (TypeNames.Show(compat), TypeNames.Show(real));
        Differ(report, what, shortOurs == shortTheirs ? ours : shortOurs, shortOurs == shortTheirs ? theirs : shortTheirs);
    }

    private static string Value(object? value) => value switch
    {
        null => "null",
        true => "true",
        false => "false",
        "" => "none",
        IFormattable number => number.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
