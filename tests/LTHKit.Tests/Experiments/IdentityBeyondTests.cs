using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;

namespace LTHKit.Tests.Experiments;

/// <summary>What else a user's code reaches than was ever reported: each edit is another run, and the same source among other cells is the same one.</summary>
public sealed class IdentityBeyondTests
{
    private static readonly ScriptOptions Options = ScriptOptions.Default
        .AddReferences(typeof(RunSpec).Assembly, typeof(TorchSharp.torch).Assembly)
        .AddImports("System", "System.Collections.Generic", "System.Linq", "System.Threading.Tasks", "LTHKit.Experiments", "LTHKit.Models", "LTHKit.Pruning", "LTHKit.Training",
            "LTHKit.Tweaks", "TorchSharp", "TorchSharp.torch", "TorchSharp.torch.nn");

    public static TheoryData<string[], string, string> Edits => new()
    {
        { ["class P { public double A; }", "var ps = new[] { new P { A = 1 } };", "Spec(x => x * ps[0].A)"], "A = 1 ", "A = 2 " },
        { ["var fs = new Func<Tensor, Tensor>[] { x => x.relu() };", "Spec(x => fs[0](x))"], "relu", "sin" },
        { ["var w = new double[,] { { 1, 2 } };", "Spec(x => x * w[0, 0])"], "1, 2", "3, 2" },
        { ["class L : List<double> { }", "var l = new L { 1, 2 };", "Spec(x => x * l[0])"], "1, 2", "3, 2" },
        { ["enum E { A = 1 }", "var e = E.A;", "Spec(x => x * (double)e)"], "A = 1", "A = 2" },
        { ["var at = new DateTime(5);", "Spec(x => x * at.Ticks)"], "(5)", "(6)" },
        { ["var o = new { A = 1.0 };", "Spec(x => x * o.A)"], "1.0", "2.0" },
        { ["static class G<T> { public static double A = 2; } class B { public double Get<T>() => G<T>.A; }", "var b = new B();", "Spec(x => x * b.Get<int>())"], "= 2", "= 3" },
        { ["interface I { Tensor Do(Tensor x) => x.relu(); } class A : I { }", "I a = new A();", "Spec(x => a.Do(x))"], "relu", "sin" },
        { ["class Scale(double a) { public Tensor Do(Tensor x) => x * a; }", "var s = new Scale(2);", "Spec(x => s.Do(x))"], "(2)", "(3)" },
        { ["static class S { static readonly double[] W = { 1, 2, 3 }; public static double First => W[0]; }", "Spec(x => x * S.First)"], "1, 2", "4, 2" },
        { ["double Sum() { double[] w = { 1, 2, 3, 4, 5 }; return w.Sum(); }", "Spec(x => x * Sum())"], "1, 2", "4, 2" },
        { ["static async Task<double> Later() { await Task.Yield(); return 2; }", "Spec(x => x * Later().Result)"], "return 2", "return 3" },
        { ["IReadOnlyList<double> w = [1, 2];", "Spec(x => x * w[0])"], "1, 2", "3, 2" },
        { ["class P { public double A; }", "IReadOnlyList<P> w = [new P { A = 1 }, new P()];", "Spec(x => x * w[0].A)"], "A = 1 ", "A = 2 " },
        { ["static class S { public static double Scale { get; set; } = 2; }", "S.Scale = 4;", "Spec(x => x * S.Scale)"], "= 4", "= 5" },
        { ["class Outer { public class Inner { public Tensor F(Tensor x) => x.relu(); } }", "Spec(x => new Outer.Inner().F(x))"], "relu", "sin" },
        { ["record struct P(double A) { public static P operator +(P a, P b) => new(a.A + b.A); }", "var p = new P(1);", "Spec(x => x * (p + p).A)"], "a.A + b.A", "a.A - b.A" },
        { ["delegate Tensor Bend(Tensor x);", "Bend bend = x => x.relu();", "Spec(x => bend(x))"], "relu", "sin" },
        { ["dynamic a = 2.0;", "Spec(x => x * (double)(a + 1))"], "2.0", "3.0" },
        { ["double Of(string s) => s switch { \"a\" => 1, \"b\" => 2, _ => 3 };", "Spec(x => x * Of(\"b\"))"], "2,", "4," },
        { ["var h = new HashSet<int> { 1 };", "Spec(x => x * h.Count)"], "{ 1 }", "{ 1, 2 }" },
        { ["record Noise : Tweak { double _sigma; public Noise(double sigma) { _sigma = sigma; } public override string Label => \"noise\"; public override Loss Wrap(Loss loss, TweakContext c) => (l, t) => loss(l, t) * _sigma; }"
, "new RunSpec { Level = 1, Tweaks = [new Noise(2)] }.Id"], "(2)", "(3)" },
        { ["var net = Networks.Build(new ModelSpec(\"vgg5\", 2), new InputSpec(2, 8), 1);", "net.Activations[0].Function = x => x.relu();", "Spec(x => net.call(x))"], "relu", "sin" },
        { ["var lin = Linear(2, 2); using (no_grad()) { lin.weight.fill_(1); lin.bias.fill_(0); }", "lin.register_forward_hook((m, x, y) => y * 2);", "Spec(x => lin.call(x))"], "* 2", "* 3" },
        { ["new RunSpec { Level = 1, Model = ModelSpec.Own(\"own\", i => Sequential((\"a\", Linear(i.Channels, 4)), (\"b\", ReLU()))) }.Id"], "ReLU", "Tanh" },
        { ["class Base { public virtual Tensor F(Tensor x) => x; } class Derived : Base { public override Tensor F(Tensor x) => x.relu(); } static class Make { public static Base It() => new Derived(); }", "Spec(x => Make.It().F(x))"], "relu", "sin" },
        { ["class A { protected double _a = 1; } class B : A { public double Get() => _a; public B Set(double a) { _a = a; return this; } }", "var b = new B().Set(2);", "Spec(x => x * b.Get())"], "Set(2)", "Set(3)" },
        { ["Func<double, Func<Tensor, Tensor>> make = a => x => x * a;", "var f = make(2);", "Spec(f)"], "(2)", "(3)" },
        { ["double? a = 2;", "Spec(x => x * a.Value)"], "2", "3" },
        { ["var t = tensor(new float[] { 1, 2 });", "Spec(x => x * t[0])"], "1, 2", "3, 2" },
    };

    private static readonly Lazy<Task<ScriptState<object>>> First = new(() => CSharpScript.RunAsync(
        "string Spec(Func<Tensor, Tensor> f) => new RunSpec { Level = 1, Tweaks = [new CustomActivation(\"own\", f)] }.Id;", Options));

    private static async Task<ScriptState<object>> Run(ScriptState<object> state, IEnumerable<string> cells)
    {
        foreach (var cell in cells)
            state = await state.ContinueWithAsync(cell);
        return state;
    }

    // The cells are run, run again among others, and run again edited, in one kernel.
    [Theory]
    [MemberData(nameof(Edits))]
    public async Task WhatTheCodeCanReachIsPartOfTheRun(string[] cells, string edited, string into)
    {
        var one = await Run(await First.Value, cells);
        var same = await Run(one, ["var before = 1; Func<int, int> lambda = y => y + before; var other = new { Z = 1 };", .. cells]);
        Assert.Contains(cells, cell => cell.Contains(edited));
        var another = await Run(same, cells.Select(cell => cell.Replace(edited, into)));
        Assert.Equal(Assert.IsType<string>(one.ReturnValue), same.ReturnValue);
        Assert.NotEqual(one.ReturnValue, another.ReturnValue);
    }

    // A library of the user's own that knows nothing of the kit: its new version is another run.
    [Fact]
    public async Task ALibraryOfTheUsersOwnIsPartOfTheRun()
    {
        var folder = Directory.CreateTempSubdirectory("lthkit-library-").FullName;
        try
        {
            var ids = new List<string>();
            foreach (var (i, source) in new[] { "x + x", "x * x" }.Index())
            {
                var path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, $"{i}")).FullName, "mine.dll");
                var compiled = CSharpCompilation.Create($"mine{i}", [CSharpSyntaxTree.ParseText($"public static class Mine {{ public static double Of(double x) => {source}; }}")],
                    [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)], new(OutputKind.DynamicallyLinkedLibrary, deterministic: true)).Emit(path);
                Assert.True(compiled.Success);
                ids.Add((string)(await Run(await First.Value, [$"#r \"{path}\"", "Spec(x => x * Mine.Of(2))"])).ReturnValue);
            }
            Assert.NotEqual(ids[0], ids[1]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
