using LTHKit.Cli.Compat;
using Xunit;

namespace LTHKit.Cli.Tests;

public sealed class ApiDiffTests : IDisposable
{
    private readonly Sample _sample = new();

    public void Dispose() => _sample.Dispose();

    private IReadOnlyList<string> Diff(string compat, string real)
    {
        var file = _sample.Compile("compat", "Sample", compat);
        _sample.Compile("real", "Sample", real);
        return ApiDiff.Run([file], Path.Combine(_sample.Folder, "real"));
    }

    [Theory]
    // types
    [InlineData("public class A { }", "public class B { }", "Sample: A: the real assembly has no such type")]
    [InlineData("public class A { }", "class A { }", "not visible in the real assembly")]
    [InlineData("namespace N { public class A { } }", "namespace M { public class A { } }", "no such type in N")]
    [InlineData("public class A { }", "public struct A { }", "kind is class, in the real one struct")]
    [InlineData("public static class A { }", "public class A { }", "kind is static class, in the real one class")]
    [InlineData("public struct A { }", "public ref struct A { }", "kind is struct, in the real one ref struct")]
    [InlineData("public class A { }", "public sealed class A { }", "sealed is false, in the real one true")]
    [InlineData("public class A { protected A() { } }", "public abstract class A { protected A() { } }", "abstract is false, in the real one true")]
    [InlineData("public class A { }", "public class B { } public class A : B { }", "base type is Object, in the real one B")]
    [InlineData("public class B<T> { } public class A : B<int> { }", "public class B<T> { } public class A : B<long> { }", "base type is B<Int32>, in the real one B<Int64>")]
    [InlineData("public class A : System.ICloneable { public object Clone() => this; }", "public class A { public object Clone() => this; }", "implements ICloneable, which the real one does not")]
    [InlineData("public class A<T> where T : class { }", "public class A<T> where T : struct { }", "constraints of T")]
    [InlineData("public class A<T> where T : System.IDisposable { }", "public class A<T> { }", "constraints of T")]
    [InlineData("public enum E { X = 1 }", "public enum E { X = 2 }", "E.X: value is 1, in the real one 2")]
    [InlineData("public enum E { X }", "public enum E { Y }", "E.X: the real type has no such field")]
    [InlineData("public enum E { X }", "public enum E : byte { X }", "underlying type is Int32, in the real one Byte")]
    [InlineData("public class A { }", "[System.Obsolete] public class A { }", "obsolete is false, in the real one true")]
    [InlineData("public class O { public class A { } }", "public class O { protected class A { } }", "O.A: visibility is false, in the real one true")]
    [InlineData("public delegate int D(int x);", "public delegate int D(long x);", "D.Invoke(Int32): no such overload")]
    // methods
    [InlineData("public class A { public void F() { } }", "public class A { }", "A.F(): the real type has no such member")]
    [InlineData("public class A { public void F() { } }", "public class A { void F() { } }", "A.F(): the real type has no such member")]
    [InlineData("public class A { public void F() { } }", "public class A { public void F(int x) { } }", "no such overload in the real type, which has F(Int32)")]
    [InlineData("public class A { public void F(int x, string y) { } }", "public class A { public void F(string y, int x) { } }", "no such overload")]
    [InlineData("public class A { public void F<T>() { } }", "public class A { public void F() { } }", "no such overload")]
    [InlineData("public class A { public void F(int x) { } }", "public class A { public void F(int y) { } }", "the name of parameter 1 is x, in the real one y")]
    [InlineData("public class A { public void F(int x = 1) { } }", "public class A { public void F(int x = 2) { } }", "the default of parameter 1 (x) is 1, in the real one 2")]
    [InlineData("public class A { public void F(int x = 1) { } }", "public class A { public void F(int x) { } }", "the default of parameter 1 (x) is 1, in the real one absent")]
    [InlineData("public class A { public void F(string x = null) { } }", "public class A { public void F(string x = \"\") { } }", "the default of parameter 1 (x) is null, in the real one none")]
    [InlineData("public class A { public void F(decimal x = 1) { } }", "public class A { public void F(decimal x = 2) { } }", "the default of parameter 1 (x)")]
    [InlineData("public class A { public void F(params int[] x) { } }", "public class A { public void F(int[] x) { } }", "parameter 1 (x) is params, in the real one plain")]
    [InlineData("public class A { public void F(ref int x) { } }", "public class A { public void F(out int x) { x = 0; } }", "parameter 1 (x) is ref, in the real one out")]
    [InlineData("public class A { public void F(in int x) { } }", "public class A { public void F(ref int x) { } }", "parameter 1 (x) is in, in the real one ref")]
    [InlineData("public class A { public void F(in int x) { } }", "public class A { public void F(int x) { } }", "no such overload")]
    [InlineData("public class A { public int F() => 0; }", "public class A { public long F() => 0; }", "return type is Int32, in the real one Int64")]
    [InlineData("public class A { int x; public ref int F() => ref x; }", "public class A { public int F() => 0; }", "return type is Int32&, in the real one Int32")]
    [InlineData("public class A { public (int a, int b) F() => default; }", "public class A { public (int a, int c) F() => default; }", "tuple names is a, b, in the real one a, c")]
    [InlineData("public class A { public void F((int a, int b) x) { } }", "public class A { public void F((int, int) x) { } }", "the tuple names of parameter 1 (x) is a, b, in the real one none")]
    [InlineData("public class A { public void F<T>() where T : new() { } }", "public class A { public void F<T>() { } }", "constraints of T")]
    [InlineData("public class A { public static void F() { } }", "public class A { public void F() { } }", "static is true, in the real one false")]
    [InlineData("public class A { public virtual void F() { } }", "public class A { public void F() { } }", "overridable is true, in the real one false")]
    [InlineData("public class A { protected void F() { } }", "public class A { public void F() { } }", "visibility is protected, in the real one public")]
    [InlineData("public class A { public void F() { } }", "public class A { [System.Obsolete] public void F() { } }", "obsolete is false, in the real one true")]
    [InlineData("public static class A { public static void F(this int x) { } }", "public static class A { public static void F(int x) { } }", "extension method is true, in the real one false")]
    [InlineData("public class A { }", "public class A { public A(int x) { } }", "A.A(): no such overload in the real type, which has A(Int32)")]
    [InlineData("public class A { public static implicit operator A(int x) => null; }", "public class A { public static explicit operator A(int x) => null; }", "op_Implicit(Int32): the real type has no such member")]
    [InlineData("public class A { public static implicit operator int(A a) => 0; }", "public class A { public static implicit operator long(A a) => 0; }", "op_Implicit(A): no such overload")]
    [InlineData("public abstract class A { }", "public abstract class A { public abstract void F(); }", "the real one has the abstract member F() as well")]
    // properties, fields, events
    [InlineData("public class A { public int P => 0; }", "public class A { }", "A.P: the real type has no such property")]
    [InlineData("public class A { public int P => 0; }", "public class A { public long P => 0; }", "type is Int32, in the real one Int64")]
    [InlineData("public class A { public int P { get; set; } }", "public class A { public int P { get; } }", "setter is public, in the real one absent")]
    [InlineData("public class A { public int P { get; set; } }", "public class A { public int P { get; init; } }", "setter is public, in the real one public init")]
    [InlineData("public class A { public int P { get; set; } }", "public class A { public int P { get; protected set; } }", "setter is public, in the real one protected")]
    [InlineData("public class A { public int P { get; set; } }", "public class A { public required int P { get; set; } }", "required is false, in the real one true")]
    [InlineData("public class A { public static int P => 0; }", "public class A { public int P => 0; }", "static is true, in the real one false")]
    [InlineData("public class A { public int this[int i] => 0; }", "public class A { public int this[long i] => 0; }", "A.Item[Int32]: the real type has no such property")]
    [InlineData("public class A { public int this[int i] => 0; }", "public class A { public int this[int j] => 0; }", "the name of parameter 1 is i, in the real one j")]
    [InlineData("public class A { public int x; }", "public class A { public int x => 0; }", "A.x: the real type has no such field")]
    [InlineData("public class A { public int x; }", "public class A { public readonly int x; }", "read-only is false, in the real one true")]
    [InlineData("public class A { public const int X = 1; }", "public class A { public const int X = 2; }", "A.X: value is 1, in the real one 2")]
    [InlineData("public class A { public const int X = 1; }", "public class A { public static readonly int X = 1; }", "constant is true, in the real one false")]
    [InlineData("public class A { public event System.Action E; }", "public class A { public event System.Action<int> E; }", "A.E: type is Action, in the real one Action<Int32>")]
    [InlineData("public class A { public event System.Action E; }", "public class A { }", "A.E: the real type has no such event")]
    public void Each_difference_is_found(string compat, string real, string expected) =>
        Assert.Contains(Diff(compat, real), line => line.StartsWith("Sample: ") && line.Contains(expected));

    [Theory]
    [InlineData("public class A { }", "public class A { public void F() { } public int P => 0; public class B { } }")]
    [InlineData("public class A { }", "public class A : System.IDisposable { public void Dispose() { } }")]
    [InlineData("public class A { class B { } internal void F() { } int x; private protected void G() { } }", "public class A { }")]
    [InlineData("public interface I { }", "public interface I { void F(); }")]
    [InlineData("public class A { public int P => 0; public int Q { get; private set; } }", "public class A { public int P { get; set; } public int Q { get; set; } }")]
    [InlineData("public enum E { Y = 2 }", "public enum E { X = 1, Y = 2 }")]
    [InlineData("public class A { public override string ToString() => \"\"; }", "public class A { }")]
    [InlineData("public class B { } public class A : B { public void F() { } }", "public class B { public void F() { } } public class A : B { }")]
    [InlineData("public class A<T> { public void F<U>(T t, U u) { } }", "public class A<X> { public void F<Y>(X t, Y u) { } }")]
    [InlineData("public class A { public void F(System.Threading.CancellationToken x = default) { } }", "public class A { public void F([System.Runtime.InteropServices.Optional] System.Threading.CancellationToken x) { } }")]
    [InlineData("#nullable enable\npublic class A { public string? F(string x) => x; }", "public class A { public string F(string x) => x; }")]
    [InlineData("public record A(int X);", "public record A(int X);")]
    [InlineData("public abstract class A { public abstract void F(); }", "public abstract class A { public abstract void F(); }")]
    [InlineData("public unsafe class A { public void F(int* p, delegate*<int, void> f, int[,] a, System.Collections.Generic.List<int>[] b) { } }", "public unsafe class A { public void F(int* p, delegate*<int, void> f, int[,] a, System.Collections.Generic.List<int>[] b) { } }")]
    public void What_a_caller_cannot_tell_apart_is_no_difference(string compat, string real) => Assert.Empty(Diff(compat, real));

    [Fact]
    public void An_optional_argument_of_fsharp_is_told_from_a_plain_one()
    {
        const string Marked = """
            namespace Microsoft.FSharp.Core { class OptionalArgumentAttribute : System.Attribute { } }
            public class A { public void F([Microsoft.FSharp.Core.OptionalArgument] string x) { } }
            """;
        Assert.Contains(Diff("public class A { public void F(string x) { } }", Marked), line => line.EndsWith("parameter 1 (x) is plain, in the real one F#-optional"));
        Assert.Empty(Diff(Marked, Marked));
    }

    [Fact]
    public void An_extension_class_of_fsharp_may_be_static()
    {
        const string Compat = "public static class A { public static void F(this int x) { } }";
        // C# does not let anyone write the real attribute; the checker goes by its name.
        const string Mark = "namespace Mark { class ExtensionAttribute : System.Attribute { } }";
        Assert.Empty(Diff(Compat, $"[Mark.Extension] public class A {{ A() {{ }} [Mark.Extension] public static void F(int x) {{ }} }} {Mark}"));
        Assert.NotEmpty(Diff(Compat, "public class A { A() { } public static void F(int x) { } }"));
    }

    [Fact]
    public void A_missing_real_assembly_is_named()
    {
        var file = _sample.Compile("compat", "Sample", "public class A { }");
        Directory.CreateDirectory(Path.Combine(_sample.Folder, "real"));
        Assert.Contains("has no Sample.dll", Assert.Throws<UserException>(() => ApiDiff.Run([file], Path.Combine(_sample.Folder, "real"))).Message);
        Assert.Contains("no folder", Assert.Throws<UserException>(() => ApiDiff.Run([file], Path.Combine(_sample.Folder, "nowhere"))).Message);
        Assert.Contains("not built", Assert.Throws<UserException>(() => ApiDiff.Run([file + "x"], _sample.Folder)).Message);
    }

    [Fact]
    public void A_reference_that_is_nowhere_is_named()
    {
        var lost = _sample.Compile("lost", "Lost", "public class L { }");
        var file = _sample.Compile("compat", "Sample", "public class A { public void F(object x) { } }");
        _sample.Compile("real", "Sample", "public class A { public void F(L x) { } }", lost);
        var message = Assert.Throws<UserException>(() => ApiDiff.Run([file], Path.Combine(_sample.Folder, "real"))).Message;
        Assert.Contains("Lost", message);
    }

    [Fact]
    public void A_file_that_is_no_assembly_is_refused()
    {
        var file = _sample.Compile("compat", "Sample", "public class A { }");
        Directory.CreateDirectory(Path.Combine(_sample.Folder, "real"));
        File.WriteAllText(Path.Combine(_sample.Folder, "real", "Sample.dll"), "no assembly");
        Assert.Contains("no .NET assembly", Assert.Throws<UserException>(() => ApiDiff.Run([file], Path.Combine(_sample.Folder, "real"))).Message);
    }
}
