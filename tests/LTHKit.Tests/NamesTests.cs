using System.Reflection;

namespace LTHKit.Tests;

public sealed class NamesTests
{
    /// <summary>One word means one thing; <c>lab.Sweep()</c> gives a <see cref="Sweep"/>.</summary>
    [Fact]
    public void NoPublicMethodHasTheNameOfAType()
    {
        var types = typeof(Lab).Assembly.GetExportedTypes();
        var names = types.Select(type => type.Name).ToHashSet();
        Assert.Equal([nameof(Lab.Sweep)], types
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .Select(method => method.Name).Where(names.Contains).Distinct());
    }
}
