using LTHKit.Cli.Compat;
using Xunit;

namespace LTHKit.Cli.Tests;

public sealed class UnusedApiTests : IDisposable
{
    private const string Api = """
        namespace N;
        public class A
        {
            public void Used() { }
            public void Used(int x) { }
            public int Property { get; set; }
            public int Other { get; set; }
            public int this[int i, string s] => i;
            public const int Constant = 1;
            public static readonly int Field = 1;
            public static A operator +(A a, A b) => a;
            public virtual void Hook() { }
            public virtual void Unhooked() { }
            public override string ToString() => "";
            internal void Hidden() { }
        }
        public class Box<T> { public T Get<U>(U x) => default; public T Put(T x) => x; }
        public enum E { X, Y }
        public class Never { public void F() { } }
        """;

    private readonly Sample _sample = new();

    public void Dispose() => _sample.Dispose();

    private Dictionary<string, bool> Unused(string source, string? tests = null, string? notebook = null)
    {
        var api = _sample.Compile("api", "Api", Api);
        var use = Read("Use", source, api);
        if (notebook is not null)
            use.AddText(notebook);
        return UnusedApi.List(api, use, Read("Tests", tests ?? "class T { }", api)).ToDictionary(item => item.Member, item => item.TestsOnly);
    }

    private ApiUse Read(string name, string source, string api)
    {
        var file = _sample.Compile("use", name, source, api);
        var use = new ApiUse();
        use.AddAssembly(file);
        use.AddOverrides(file);
        use.AddSource(source);
        return use;
    }

    [Fact]
    public void Used_members_are_told_from_unused_overloads()
    {
        var unused = Unused("""
            using N;
            class P : A
            {
                public override void Hook() { }
                public object F(A a) { a.Used(3); a.Property = Constant; return (a + a, new Box<string>().Get(2), E.Y); }
            }
            """);
        Assert.Equal(
            [
                "A.Field", "A.Item[Int32, String]", "A.Other", "A.Unhooked(): Void", "A.Used(): Void",
                "Box.Put(!0): !0", "E.X", "Never",
            ],
            unused.Keys.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(true, unused.Values);
    }

    [Fact]
    public void What_only_the_tests_use_is_marked()
    {
        var unused = Unused("class P { N.A a; }", "class T { void F(N.A a, N.Never n) => a.Used(); }");
        Assert.True(unused["A.Used(): Void"]);
        Assert.True(unused["Never"]);
        Assert.False(unused["A.Used(Int32): Void"]);
    }

    [Fact]
    public void Names_in_notebooks_count()
    {
        var unused = Unused("class P { N.A a; }", notebook: "new Never().F(); a.Other");
        Assert.DoesNotContain(unused.Keys, member => member.StartsWith("Never") || member == "A.Other");
        Assert.Contains("A.Property", unused.Keys);
    }
}
