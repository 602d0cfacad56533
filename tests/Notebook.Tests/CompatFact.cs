using Microsoft.DotNet.Interactive;

namespace LTHKit.Notebook.Tests;

/// <summary>A test of something that compat/ does and the last release of the real package does not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CompatFactAttribute : FactAttribute
{
    public CompatFactAttribute(string shortcoming)
    {
        if (typeof(Kernel).Assembly.GetType("Microsoft.DotNet.Interactive.CompositeKernel") is not null)
            Skip = $"The released Microsoft.DotNet.Interactive {shortcoming}.";
    }
}
