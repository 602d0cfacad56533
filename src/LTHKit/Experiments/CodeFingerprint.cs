using System.Reflection;
using System.Reflection.Emit;
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

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => o.Value);

    /// <summary>Twelve hexadecimal digits.</summary>
    public static string Of(Type type)
    {
        var text = new StringBuilder();
        for (var part = type; part is not null && part.Assembly != typeof(CodeFingerprint).Assembly && part != typeof(object); part = part.BaseType)
            Describe(part, text);
        // Without the types that others are nested in: a cell's types live in a submission whose number changes.
        var stable = EnclosingTypes().Replace(text.ToString(), "");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(stable)))[..12];
    }

    [GeneratedRegex(@"[\w.#]+\+")]
    private static partial Regex EnclosingTypes();

    private static void Describe(Type type, StringBuilder text)
    {
        foreach (var method in type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything)).OrderBy(m => m.ToString(), StringComparer.Ordinal))
            if (method.GetMethodBody()?.GetILAsByteArray() is { } code)
                Describe(method, code, text.Append('\n').Append(method).Append(':'));
        foreach (var nested in type.GetNestedTypes(Everything).OrderBy(n => n.Name, StringComparer.Ordinal))
            Describe(nested, text);
    }

    private static void Describe(MethodBase method, byte[] code, StringBuilder text)
    {
        for (var i = 0; i < code.Length;)
        {
            var value = (short)(code[i] == 0xFE ? 0xFE00 | code[i + 1] : code[i]);
            var op = OpCodes[value];
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
            text.Append(' ').Append(op.Name).Append(' ').Append(op.OperandType switch
            {
                OperandType.InlineString => method.Module.ResolveString(BitConverter.ToInt32(code, i)),
                OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok => Name(method, BitConverter.ToInt32(code, i)),
                _ => Convert.ToHexString(code, i, size),
            });
            i += size;
        }
    }

    private static string Name(MethodBase method, int token)
    {
        var typeArguments = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        var member = method.Module.ResolveMember(token, typeArguments, methodArguments)!;
        return $"{member.DeclaringType?.Name}.{member}";
    }
}
