using System;
using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>A tensor that takes over the native tensor it is made from.</summary>
public class Parameter : Tensor
{
    public Parameter(Tensor data, bool requires_grad = true)
        : base(data.requires_grad_(requires_grad).MoveHandle(), false)
    {
        DisposeScope.Replace(data, this);
    }
}
