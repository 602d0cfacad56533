using System.Collections;
using System.Reflection;
using System.Reflection.Emit;

namespace LTHKit.Experiments;

/// <summary>
/// What a user's code is, as a text that is the same whenever the same source is compiled again, in whatever cell, kernel or culture: the
/// instructions of everything that it can reach and the values that it captures. The user's own methods, fields and types go by the order in which
/// they are met, since the compiler numbers cells and lambdas; everything else goes by its name. An object of a user's own class brings all of that
/// class, overrides included; of what the compiler makes for lambdas and cells, which hold unrelated things too, only what is used counts.
/// </summary>
internal sealed partial class CodeIdentity
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private const BindingFlags Declared = Any | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => o.Value);

    private static readonly string[] KitsOwn =
    [
        AppContext.BaseDirectory, Path.GetDirectoryName(typeof(Lab).Assembly.Location)! + "/",
        Path.GetFullPath(Path.Combine(typeof(object).Assembly.Location, "../../..")) + "/",
    ];

    private readonly List<MemberInfo> _own = [];
    private readonly StringBuilder _code = new();
    private readonly List<object> _objects = [];
    private readonly StringBuilder _values = new();

    /// <summary>Twelve hexadecimal digits that stand for a function, or for an object with its class.</summary>
    public static string Of(object value)
    {
        var identity = new CodeIdentity();
        // A value may be the first to lead to code that reads a value passed by: again until nothing new is met.
        for (var known = -1; known < identity._own.Count;)
        {
            known = identity._own.Count;
            identity._objects.Clear();
            identity._values.Clear();
            identity.Value("the function", value);
            for (var i = 0; i < identity._own.Count; i++)
                if (identity._own[i] is FieldInfo { IsStatic: true, IsLiteral: false, DeclaringType.ContainsGenericParameters: false } field)
                    identity.Value($"'{field.Name}'", Held(field, null));
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{identity._code}{identity._values}")))[..12];
    }

    private void Value(string name, object? value)
    {
        _values.Append('\n').Append(Plain(value));
        if (Plain(value) is not null)
            return;
        var type = value!.GetType();
        if (!type.IsValueType)
        {
            if (_objects.FindIndex(o => ReferenceEquals(o, value)) is >= 0 and var seen)
            {
                _values.Append('@').Append(seen);
                return;
            }
            _objects.Add(value);
        }
        _values.Append(NameOf(type));
        if (value is Delegate function)
            foreach (var part in function.GetInvocationList())
            {
                _values.Append(" calls ").Append(Reference(part.Method.DeclaringType is null ? throw Refused(name, part.Target ?? value) : part.Method));
                Value(name, part.Target);
            }
        else if (value is Array array)
        {
            _values.Append(' ').AppendJoin(' ', Enumerable.Range(0, array.Rank).Select(array.GetLength));
            foreach (var element in array)
                Value(name, element);
        }
        else if (value is nn.Module module)
            Module(name, module, type);
        else if (IsOwn(type) || (type.Assembly == typeof(Lab).Assembly && IsCompilers(type)))
            Fields(name, value, type);
        else if (type.Assembly == typeof(Lab).Assembly)
            _values.Append(' ').Append(value switch
            {
                Lab lab => SpecJson.OfAll(lab.Profile).ToJsonString(),
                RunResult run => run.Name,
                Sweep sweep => string.Join(' ', sweep.All.Select(run => run.Name)),
                RunSpec spec => spec.Id,
                ImageSet images => images.Fingerprint,
                Mask mask => string.Join(' ', mask.Layers.Select(l => $"{l.Name} {Bytes(mask[l.Name])}")),
                _ when SpecJson.IsRecord(type) => SpecJson.OfAll(value).ToJsonString(),
                _ => throw Refused(name, value),
            });
        else if (IsCollection(type))
            Elements(name, value);
        else if (type.IsValueType || value is ITuple)
            foreach (var field in type.GetFields(Any))
                Value(name, field.GetValue(value));
        else if (type != typeof(object))
            throw Refused(name, value);
    }

    /// <summary>A module by its settings, weights, buffers and parts, and what a class of the user's own adds.</summary>
    private void Module(string name, nn.Module module, Type type)
    {
        foreach (var property in type.GetProperties(BindingFlags.Instance | BindingFlags.Public).Where(p => p.CanRead && p.GetIndexParameters().Length == 0
            && !typeof(Tensor).IsAssignableFrom(p.PropertyType) && !IsOwn(p.DeclaringType!)).OrderBy(p => p.Name, StringComparer.Ordinal))
            if (property.GetValue(module) is var setting && (setting is Delegate || Plain(setting) is not null))
                Value($"{name}, {property.Name}", setting);
        foreach (var hooks in SparseTraining.HooksOf(module).OfType<IDictionary>())
            Elements($"{name}, a hook", hooks.Values);
        var tensors = module.named_parameters(recurse: false).Select(p => (p.name, (Tensor)p.parameter))
            .Concat(module.named_buffers(recurse: false)).Concat(Network.PassingOf(module));
        foreach (var (key, tensor) in tensors)
            _values.Append(' ').Append(key).Append(' ').Append(Bytes(tensor));
        foreach (var (key, child) in module.named_children())
            Value($"{name}, {key}", child);
        if (IsOwn(type))
            Fields(name, module, type);
    }

    private void Elements(string name, object collection)
    {
        var elements = ((IEnumerable)collection).Cast<object?>();
        if (HasNoOrder(collection.GetType()))
            elements = elements.OrderBy(element => element is null ? "" : Of(element), StringComparer.Ordinal);
        foreach (var element in elements)
            Value(name, element);
    }

    /// <summary>Whether a collection's order is that of hashes, another one in each process.</summary>
    private static bool HasNoOrder(Type type) => type.Namespace == "System.Collections.Frozen" || type == typeof(Hashtable)
        || type.Name.Split('`')[0] is "ConcurrentDictionary" or "ConcurrentBag" or "ImmutableDictionary" or "ImmutableHashSet";

    private static bool IsCollection(Type type) => typeof(IEnumerable).IsAssignableFrom(type) && type.Namespace?.StartsWith("System.Collections") == true;

    /// <summary>
    /// The fields of an object of the user's own that count: all of a class and of what it is derived from, a collection's being its elements; those that
    /// the code uses where the compiler made it.
    /// </summary>
    private void Fields(string name, object value, Type type)
    {
        for (var part = type; part is not null && (IsOwn(part) || value is not nn.Module); part = part.BaseType)
        {
            if (IsCollection(part))
            {
                Elements(name, value);
                return;
            }
            var whole = !IsOwn(part) || !IsCompilers(part);
            if (whole && IsOwn(part))
                Reference(part);
            foreach (var field in part.GetFields(Any | BindingFlags.DeclaredOnly).OrderBy(f => whole ? -1 : Known(f)).ThenBy(f => f.Name, StringComparer.Ordinal))
                if (whole ? !IsMemory(value, field) : Known(field) >= 0)
                {
                    _values.Append("\n.").Append(whole ? field.Name : Reference(field));
                    Value(field.Name.StartsWith('<') ? "something" : $"'{field.Name}'", Held(field, value));
                }
        }
    }

    /// <summary>Whether a tweak or a watch, whose settings are its properties and what its constructor is given, works with a field.</summary>
    private static bool IsMemory(object value, FieldInfo field)
        => value is Tweak or Watch && field.IsPrivate && !field.IsInitOnly && !field.IsDefined(typeof(CompilerGeneratedAttribute))
            && !field.DeclaringType!.GetConstructors(Declared).Any(made => made.GetParameters() is [var first, ..] && first.ParameterType != made.DeclaringType
                && Sets(made, field));

    /// <summary>Whether a constructor sets a field, other than to a constant beside its declaration, which comes before what the base class does.</summary>
    private static bool Sets(ConstructorInfo made, FieldInfo field)
    {
        var code = Instructions(made.GetMethodBody()!.GetILAsByteArray()!);
        var based = code.FindIndex(one => one.Op.Name == "call" && made.Module.ResolveMethod(one.Token, field.DeclaringType!.GetGenericArguments(), null) is ConstructorInfo);
        return Enumerable.Range(1, code.Count - 1).Any(i => code[i].Op.Name == "stfld" && (i > based || !code[i - 1].Op.Name!.StartsWith("ldc"))
            && made.Module.ResolveField(code[i].Token, field.DeclaringType!.GetGenericArguments(), null)!.MetadataToken == field.MetadataToken);
    }

    private string Reference(MemberInfo member)
    {
        var type = member as Type ?? member.DeclaringType;
        Type?[] seen = [type, (member as FieldInfo)?.FieldType, .. member is MethodInfo { IsGenericMethod: true } generic ? generic.GetGenericArguments() : []];
        foreach (var other in seen.OfType<Type>().SelectMany(t => t.GetGenericArguments().Prepend(t)).Where(t => t != type && IsOwn(t)).ToList())
            Reference(other);
        // Constant arrays of the source are fields whose names are hashes of their content.
        if (type is null || !IsOwn(type) || type.Name.StartsWith("<PrivateImplementationDetails>"))
            return $"{(type is null || IsOwn(type) ? "" : NameOf(type))}.{Numbered().Replace(member.ToString()!, "")}"
                + (type is not null && IsLibrary(type.Assembly) ? type.Module.ModuleVersionId : "");
        var number = Known(member);
        if (number >= 0)
            return $"#{number}";
        number = _own.Count;
        _own.Add(member);
        if (member is MethodBase method)
        {
            // What is made can be called by any of its methods.
            if (method.IsConstructor && !IsCompilers(type))
                Reference(type);
            var body = Body(method);        // the methods that it calls come first
            _code.Append('\n').Append(number).Append(':').Append(body);
        }
        else if (member is Type && !IsCompilers(type))
            foreach (var part in new[] { type.BaseType }.Concat(type.GetInterfaces()).OfType<Type>().Where(IsOwn).Concat(Members(type)))
                _code.Append('\n').Append(number).Append(' ').Append(Numbered().Replace(part.ToString()!, "")).Append(' ').Append(Reference(part));
        return $"#{number}";
    }

    /// <summary>What a class declares, without what the compiler numbers; that is met where it is used.</summary>
    private static IEnumerable<MemberInfo> Members(Type type) => type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared))
        .Where(m => !m.Name.StartsWith('<')).OrderBy(m => Numbered().Replace(m.ToString()!, ""), StringComparer.Ordinal);

    private string Body(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
            return "";
        var text = new StringBuilder().AppendJoin(' ', body.LocalVariables.Select(l => NameOf(l.LocalType)))
            .AppendJoin(' ', body.ExceptionHandlingClauses.Select(c => $"{c.Flags} {c.TryOffset} {c.HandlerOffset}"
                + (c.Flags == ExceptionHandlingClauseOptions.Clause ? NameOf(c.CatchType!) : "")));
        foreach (var (op, operand, token) in Instructions(body.GetILAsByteArray()!))
            text.Append(' ').Append(op.Name).Append(' ').Append(op.OperandType switch
            {
                OperandType.InlineString => $"\"{method.Module.ResolveString(token)}\"",
                OperandType.InlineSig => Convert.ToHexString(method.Module.ResolveSignature(token)),
                OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok => Reference(method.Module.ResolveMember(
                    token, method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null,
                    method.IsGenericMethod ? method.GetGenericArguments() : null)!),
                _ => Convert.ToHexString(operand),
            });
        return text.ToString();
    }

    /// <summary>What a method's bytes say: operations and operands, one of four bytes as a number too.</summary>
    private static List<(OpCode Op, byte[] Operand, int Token)> Instructions(byte[] code)
    {
        var all = new List<(OpCode, byte[], int)>();
        for (var i = 0; i < code.Length;)
        {
            var op = OpCodes[(short)(code[i] == 0xFE ? 0xFE00 | code[i + 1] : code[i])];
            i += op.Size;
            var size = op.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, i),
                _ => 4,
            };
            all.Add((op, code[i..(i + size)], size == 4 ? BitConverter.ToInt32(code, i) : 0));
            i += size;
        }
        return all;
    }

    /// <summary>The number of a member, also where it was met through a class derived from its own; -1 if it was not.</summary>
    private int Known(MemberInfo member) => _own.FindIndex(known => known == member || (known is FieldInfo or MethodBase { IsGenericMethod: false }
        && known.MetadataToken == member.MetadataToken && known.Module == member.Module && known.DeclaringType == member.DeclaringType));

    /// <summary>A cell is loaded from memory; elsewhere a user's assembly is one that was written for the kit.</summary>
    private static bool IsOwn(Type type) => type.Assembly is var home && home != typeof(Lab).Assembly
        && (home.IsDynamic || home.Location.Length == 0 || home.GetReferencedAssemblies().Any(a => a.Name == typeof(Lab).Assembly.GetName().Name));

    /// <summary>Whether it is a library that a user has brought along, known by its build: neither .NET's nor one that the kit comes with.</summary>
    private static bool IsLibrary(Assembly home) => home.Location.Length > 0 && home != typeof(Lab).Assembly
        && !KitsOwn.Any(folder => home.Location.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>Whether lambdas or the variables of a cell live there.</summary>
    private static bool IsCompilers(Type type) => type.Name.StartsWith("<>c") || type.Name.StartsWith("Submission#") || type.IsGenericParameter;

    /// <summary>What a field holds: nothing where the compiler keeps what a function's first call made, lest calling it change its name.</summary>
    private static object? Held(FieldInfo field, object? of)
        => field.Name.StartsWith("<>9__") || Caches().IsMatch(field.DeclaringType!.Name) ? null : field.GetValue(of);

    private static string NameOf(Type type) => IsCompilers(type) ? "lambda" : Numbered().Replace(IsOwn(type) ? type.Name : type.ToString(), "");

    /// <summary>A value in full, with its type; null where there is no such form.</summary>
    private static string? Plain(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        Enum => $"{NameOf(value.GetType())} {value:D}",
        bool or char => $"{value.GetType().Name} {value}",
        Type type => NameOf(type),
        Device or ScalarType => value.ToString(),
        IFormattable number when value.GetType().IsPrimitive || value is decimal
            => $"{value.GetType().Name} {number.ToString(null, CultureInfo.InvariantCulture)}",
        Tensor tensor => Bytes(tensor),
        Array { Rank: 1 } array when array.Cast<object?>().Select(Plain).ToList() is var items && items.All(i => i is not null)
            => $"{NameOf(array.GetType())} {string.Join(", ", items)}",
        _ => null,
    };

    private static string Bytes(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return $"{tensor.dtype} [{string.Join(", ", tensor.shape)}] {Convert.ToHexString(SHA256.HashData(tensor.detach().cpu().contiguous().bytes.ToArray()))}";
    }

    private static UserException Refused(string name, object value) => new($"The function captures {name}, a {value.GetType().Name}, whose value cannot be "
        + "part of a run's name: capture numbers, texts, lists of them, tensors, modules, functions, or objects of your own that hold such.");

    /// <summary>Types that others are nested in, as a cell's in a numbered submission, and the compiler's numbers of lambdas, iterators and lines.</summary>
    [GeneratedRegex(@"[\w.#]+\+|(?<=>[a-z]?)__\w+(#\d+)?|@\d+(-\d+)?")]
    private static partial Regex Numbered();

    /// <summary>Types that hold nothing but delegates of method groups and call sites of dynamic operations.</summary>
    [GeneratedRegex(@"^<\w*>[oO](__|$)")]
    private static partial Regex Caches();
}
