using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace LTHKit.Experiments;

/// <summary>
/// What a function does, as a text that is the same whenever the same source is compiled again: its instructions, those of the user's own
/// functions that it calls, and the values that it captures. The user's own methods, fields and types go by the order in which the code
/// first meets them, since the compiler numbers lambdas by their place in a cell; everything else goes by its name.
/// </summary>
internal sealed class FunctionFingerprint
{
    private readonly StringBuilder _code = new(), _values = new();
    private readonly List<MemberInfo> _own = [];
    private readonly HashSet<object> _visited = new(ReferenceEqualityComparer.Instance);
    private readonly Assembly _home;

    private FunctionFingerprint(Delegate function) => _home = function.Method.Module.Assembly;

    /// <summary>The text.</summary>
    /// <exception cref="UserException">The function captures something whose value cannot be part of a run's name.</exception>
    public static string Describe(Delegate function)
    {
        var print = new FunctionFingerprint(function);
        int known;
        // A captured function may be the first to read a value that was passed by: again until nothing new is met.
        do
        {
            known = print._own.Count;
            print._visited.Clear();
            print._values.Clear();
            print.Function(function);
            for (var i = 0; i < print._own.Count; i++)
                if (print._own[i] is FieldInfo { IsStatic: true } field && !IsCache(field))
                    print.Value(i, field, null);
        }
        while (print._own.Count > known);
        return $"{print._code}{print._values}";
    }

    private void Function(Delegate function)
    {
        foreach (var part in function.GetInvocationList())
        {
            var target = part.Target;
            if (part.Method.DeclaringType is null || (target is not null && Plain(target) is null && !IsOwn(target.GetType(), part.Method.DeclaringType)))
                throw Refused("its object", target ?? part.Method);
            _values.Append("\nfunction ").Append(Reference(part.Method));
            if (target is not null)
                _values.Append(" of ").Append(Plain(target));
            if (target is not null && Plain(target) is null)
                Captured(target);
        }
    }

    private string Reference(MemberInfo member)
    {
        var type = member as Type ?? member.DeclaringType;
        // Constant arrays of the source are fields there, whose names are hashes of their content.
        if (type is null || !IsOwn(type.Assembly) || type.Name.StartsWith("<PrivateImplementationDetails>"))
            return Instruction.NameOf(member);
        var number = _own.IndexOf(member);
        if (number < 0)
        {
            number = _own.Count;
            _own.Add(member);
            if (member is MethodBase method)
                _code.Append('\n').Append(number).Append(':').AppendJoin(' ', Instruction.Of(method).Select(i => $"{i.Name} {(i.Operand is MemberInfo m ? Reference(m) : i.Operand)}").ToList());
        }
        return $"#{number}";
    }

    /// <summary>The fields of a captured object that the code reads.</summary>
    private void Captured(object target)
    {
        if (!_visited.Add(target))
            return;
        for (var i = 0; i < _own.Count; i++)
            if (_own[i] is FieldInfo { IsStatic: false } field && field.DeclaringType!.IsInstanceOfType(target))
                Value(i, field, target);
    }

    private void Value(int number, FieldInfo field, object? holder)
    {
        var value = field.GetValue(holder);
        _values.Append('\n').Append(number).Append('=').Append(Plain(value));
        if (Plain(value) is not null)
            return;
        if (value is Delegate function)
            Function(function);
        else if (IsOwn(value!.GetType(), field.FieldType))
            Captured(value);
        else
            throw Refused(field.Name.StartsWith('<') ? "something" : $"'{field.Name}'", value);
    }

    /// <summary>A notebook's cells are loaded from memory; elsewhere it is the assembly of the function itself, if it was written for the kit.</summary>
    private bool IsOwn(Assembly assembly) => assembly.IsDynamic || assembly.Location.Length == 0
        || (assembly == _home && assembly.GetReferencedAssemblies().Any(a => a.Name == typeof(FunctionFingerprint).Assembly.GetName().Name));

    /// <summary>Whether an object is the user's own and of exactly the type that the code sees, so that no override is missed.</summary>
    private bool IsOwn(Type actual, Type seen) => actual == seen && IsOwn(actual.Assembly);

    /// <summary>Whether the compiler keeps a lambda there, once it has made one.</summary>
    private static bool IsCache(FieldInfo field) => field.Name.StartsWith("<>") && field.DeclaringType!.IsDefined(typeof(CompilerGeneratedAttribute));

    /// <summary>A value in full, with its type; null where there is no such form.</summary>
    private static string? Plain(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        Enum or decimal => $"{value.GetType().Name} {value}",
        IConvertible when value.GetType().IsPrimitive => string.Create(CultureInfo.InvariantCulture, $"{value.GetType().Name} {value}"),
        Array array when array.Cast<object?>().Select(Plain).ToList() is var items && items.All(i => i is not null) => $"{array.GetType().Name} {string.Join(", ", items)}",
        Tensor tensor => Bytes(tensor),
        _ => null,
    };

    private static string Bytes(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return $"{tensor.dtype} [{string.Join(", ", tensor.shape)}] {Convert.ToHexString(SHA256.HashData(tensor.detach().cpu().contiguous().bytes.ToArray()))}";
    }

    private static UserException Refused(string name, object value) => new($"The function captures {name}, a {value.GetType().Name}, whose value cannot be "
        + "part of a run's name: capture numbers, texts, arrays of them, tensors, functions, or objects of your own that hold such.");
}
