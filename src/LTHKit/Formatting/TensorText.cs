namespace LTHKit.Formatting;

/// <summary>A tensor in two lines: type, shape and device, and its first values.</summary>
internal static class TensorText
{
    private const int Peek = 8;

    public static string Of(torch.Tensor tensor)
    {
        if (tensor.IsInvalid)
            return "tensor (disposed)";

        using var scope = torch.NewDisposeScope();
        var shape = string.Join(", ", tensor.shape.Select(size => size.ToString(CultureInfo.InvariantCulture)));
        var kind = tensor.dtype.ToString();
        var head = $"tensor {kind} [{shape}] on {tensor.device_type.ToString().ToLowerInvariant()}{(tensor.requires_grad ? ", requires grad" : "")}";
        if (tensor.numel() == 0)
            return head;

        var values = tensor.detach().reshape(-1).narrow(0, 0, Math.Min(Peek, tensor.numel())).cpu().to_type(torch.ScalarType.Float64).data<double>();
        var shown = values.Select(value => value.ToString("G5", CultureInfo.InvariantCulture));
        return $"{head}\n[{string.Join(", ", shown)}{(tensor.numel() > Peek ? ", …" : "")}]";
    }
}
