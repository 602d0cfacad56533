using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace LTHKit.Experiments;

/// <summary>
/// A fingerprint of what a type does, so that a tweak edited in a notebook cell is a new run and an unedited one is not: the
/// instructions of its methods with every token replaced by what it names, the same whenever the same source is compiled again.
/// </summary>
internal static partial class CodeFingerprint
{
    private const BindingFlags Everything = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic
        | BindingFlags.DeclaredOnly;

    /// <summary>Twelve hexadecimal digits of what the type's methods do, and the user's own methods that they call.</summary>
    public static string Of(Type type)
    {
        var text = new StringBuilder();
        var methods = new List<MethodBase>();
        for (var part = type; part is not null && part.Assembly != typeof(CodeFingerprint).Assembly && part != typeof(object); part = part.BaseType)
            methods.AddRange(Methods(part));
        for (var i = 0; i < methods.Count; i++)
        {
            text.Append('\n').Append(methods[i]).Append(':');
            foreach (var (name, operand) in Instruction.Of(methods[i]))
            {
                text.Append(' ').Append(name).Append(' ').Append(operand is MemberInfo member ? Instruction.NameOf(member) : operand);
                if (operand is MethodBase called && IsOwn(called, type) && !methods.Contains(called))
                    methods.Add(called);
            }
        }
        return Hash(text.ToString());
    }

    /// <summary>Twelve hexadecimal digits of what a function does and captures; see <see cref="FunctionFingerprint"/>.</summary>
    /// <exception cref="UserException">It captures something that cannot be part of a run's name.</exception>
    public static string Of(Delegate function) => Hash(FunctionFingerprint.Describe(function));

    private static string Hash(string text)
    {
        // Without the types that others are nested in: a cell's types live in a submission whose number changes.
        var stable = EnclosingTypes().Replace(text, "");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(stable)))[..12];
    }

    [GeneratedRegex(@"[\w.#]+\+")]
    private static partial Regex EnclosingTypes();

    /// <summary>The methods of a type and of those nested in it, in an order that does not depend on the compiler.</summary>
    private static IEnumerable<MethodBase> Methods(Type type)
        => type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything)).Where(m => m.GetMethodBody() is not null)
            .OrderBy(m => m.ToString(), StringComparer.Ordinal)
            .Concat(type.GetNestedTypes(Everything).OrderBy(n => n.Name, StringComparer.Ordinal).SelectMany(Methods));

    /// <summary>Whether a method was written beside the type: in the same assembly, or in another cell, which is loaded from memory.</summary>
    private static bool IsOwn(MethodBase method, Type type)
        => method.GetMethodBody() is not null && method.Module.Assembly is var home && (home == type.Assembly || home.IsDynamic || home.Location.Length == 0);
}
