using System.Reflection;
using System.Reflection.Emit;

namespace LTHKit.Experiments;

/// <summary>One instruction of a method.</summary>
/// <param name="Name">As ECMA-335 calls it, for instance "ldfld".</param>
/// <param name="Operand">The <see cref="MemberInfo"/> or text that its token stands for, or else the operand's bytes in hexadecimal.</param>
internal sealed record Instruction(string Name, object Operand)
{
    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => o.Value);

    /// <summary>The instructions of a method, in order; none for a method without a body.</summary>
    public static IEnumerable<Instruction> Of(MethodBase method)
    {
        var code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
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
            yield return new(op.Name!, op.OperandType switch
            {
                OperandType.InlineString => method.Module.ResolveString(BitConverter.ToInt32(code, i)),
                OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok => Member(method, BitConverter.ToInt32(code, i)),
                _ => Convert.ToHexString(code, i, size),
            });
            i += size;
        }
    }

    /// <summary>What a member is called in a fingerprint.</summary>
    public static string NameOf(MemberInfo member) => $"{member.DeclaringType?.Name}.{member}";

    private static MemberInfo Member(MethodBase method, int token)
    {
        var typeArguments = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        return method.Module.ResolveMember(token, typeArguments, methodArguments)!;
    }
}
