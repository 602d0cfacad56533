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

    /// <summary>Twelve hexadecimal digits.</summary>
    public static string Of(Type type)
    {
        var text = new StringBuilder();
        for (var part = type; part is not null && part.Assembly != typeof(CodeFingerprint).Assembly && part != typeof(object); part = part.BaseType)
            Describe(part, text);
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

    private static void Describe(Type type, StringBuilder text)
    {
        foreach (var method in type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything)).OrderBy(m => m.ToString(), StringComparer.Ordinal))
            if (method.GetMethodBody() is not null)
            {
                text.Append('\n').Append(method).Append(':');
                foreach (var (name, operand) in Instruction.Of(method))
                    text.Append(' ').Append(name).Append(' ').Append(operand is MemberInfo member ? Instruction.NameOf(member) : operand);
            }
        foreach (var nested in type.GetNestedTypes(Everything).OrderBy(n => n.Name, StringComparer.Ordinal))
            Describe(nested, text);
    }
}
