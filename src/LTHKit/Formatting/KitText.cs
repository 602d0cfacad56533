using System.Collections;

namespace LTHKit.Formatting;

/// <summary>A value of the kit in one line: in its own words, or a record's settings.</summary>
internal static class KitText
{
    private const int Longest = 400;

    public static string Of(object value) => Text(value, deep: true) is var text && text.Length <= Longest ? text : text[..Longest] + "…";

    private static string Text(object? value, bool deep) => value switch
    {
        null => "none",
        string or bool => $"{value}",
        torch.Tensor tensor => TensorText.Of(tensor).Split('\n')[0],
        double number => number.ToString("G6", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ when HasWords(value.GetType()) => value.ToString() ?? "",
        IEnumerable all and not IDictionary when deep && all.Cast<object?>().Take(5).ToList() is { Count: < 5 } few
            => $"[{string.Join(", ", few.Select(item => Text(item, deep: false)))}]",
        IEnumerable => "[…]",
        // Only what can be set: a property that is computed may cost much, or lead back to its record.
        _ when deep && value.GetType().GetMethod("<Clone>$") is not null => $"{Name(value.GetType())} {{ {string.Join(", ", value.GetType().GetProperties()
            .Where(p => p.CanWrite && p.GetIndexParameters().Length == 0)
                .Select(p => $"{p.Name} = {Text(p.GetValue(value), deep: p.GetValue(value) is IEnumerable)}"))} }}",
        _ => Name(value.GetType()),
    };

    /// <summary>Whether someone wrote its ToString: no compiler for a record, and not for a base class out of a package.</summary>
    private static bool HasWords(Type type) => type.GetMethod(nameof(ToString), Type.EmptyTypes) is { DeclaringType: { } owner } method
        && owner.Assembly != typeof(object).Assembly && owner.Assembly != typeof(torch).Assembly
            && !method.IsDefined(typeof(CompilerGeneratedAttribute), false);

    private static string Name(Type type)
        => type.IsGenericType ? $"{type.Name.Split('`')[0]} of {string.Join(", ", type.GetGenericArguments().Select(Name))}" : type.Name;
}

/// <summary>A tensor in two lines: type, shape and device, and its first values.</summary>
internal static class TensorText
{
    private const int Peek = 8;

    public static string Of(torch.Tensor tensor)
    {
        if (tensor.IsInvalid)
            return "tensor (disposed)";

        using var scope = torch.NewDisposeScope();
        var head = $"tensor {tensor.dtype} [{string.Join(", ", tensor.shape)}] on {tensor.device_type.ToString().ToLowerInvariant()}{(tensor.requires_grad ? ", requires grad" : "")}";
        if (tensor.numel() == 0)
            return head;

        var values = tensor.detach().reshape(-1).narrow(0, 0, Math.Min(Peek, tensor.numel())).cpu().to_type(torch.ScalarType.Float64).data<double>();
        var shown = values.Select(value => value.ToString("G5", CultureInfo.InvariantCulture));
        return $"{head}\n[{string.Join(", ", shown)}{(tensor.numel() > Peek ? ", …" : "")}]";
    }
}
