using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;

namespace LTHKit.Tests.Experiments;

/// <summary>
/// A user's code in cells, compiled as a notebook's kernel does (Roslyn's submissions): the same source is the same run in whatever cell, kernel or
/// culture; whatever is edited that the code can reach is another.
/// </summary>
public sealed class IdentityTests
{
    private static readonly ScriptOptions Options = ScriptOptions.Default
        .AddReferences(typeof(RunSpec).Assembly, typeof(TorchSharp.torch).Assembly)
        .AddImports("System", "System.Collections.Generic", "System.Linq", "System.Threading.Tasks", "LTHKit.Experiments", "LTHKit.Models", "LTHKit.Pruning", "LTHKit.Training",
            "LTHKit.Tweaks", "TorchSharp", "TorchSharp.torch", "TorchSharp.torch.nn");

    // What continues it is a kernel of its own.
    private static readonly Lazy<Task<ScriptState<object>>> Kernel = new(() => CSharpScript.RunAsync(
        "string Spec(Func<Tensor, Tensor> f) => new RunSpec { Level = 1, Tweaks = [new CustomActivation(\"own\", f)] }.Id;", Options));

    private const string Interface = """
        interface IBend { Tensor Bend(Tensor x); }
        class Softly : IBend { public Tensor Bend(Tensor x) => x.tanh(); }
        class Hardly : IBend { public Tensor Bend(Tensor x) => x.relu(); }
        """;

    private const string Overrides = """
        abstract class Shape { public abstract Tensor Of(Tensor x); public Tensor Twice(Tensor x) => Of(x) * 2; }
        class Round : Shape { public override Tensor Of(Tensor x) => x.sin(); }
        Shape shape = new Round();
        """;

    /// <summary>Cells, what is edited in one of them, and into what.</summary>
    public static TheoryData<string[], string, string> Edits => new()
    {
        { ["class Wave : Module<Tensor, Tensor> { public Wave() : base(\"wave\") { } public override Tensor forward(Tensor x) => x.relu(); } var wave = new Wave();",
            "Spec(x => wave.call(x))"], "relu", "sin" },
        { [Interface, "IBend bend = new Softly();", "Spec(x => bend.Bend(x))"], "tanh", "sigmoid" },
        { [Interface, "IBend bend = new Softly();", "Spec(x => bend.Bend(x))"], "new Softly", "new Hardly" },
        { [Overrides, "Spec(x => shape.Twice(x))"], "sin", "cos" },
        { [Overrides, "Spec(x => shape.Twice(x))"], "* 2", "* 3" },
        { ["static IEnumerable<double> Powers(double a) { yield return a; yield return a * a; }", "Spec(x => x * Powers(2).Sum())"], "a * a", "a + a" },
        { ["static class S { public static double Scale = 2; }", "Spec(x => x * S.Scale)"], "= 2", "= 3" },
        { ["static class S { public static readonly Func<Tensor, Tensor> F = x => x.relu(); }", "Spec(x => S.F(x))"], "relu", "sin" },
        { ["var a = 1.5m;", "Spec(x => x * (double)a)"], "1.5", "2.5" },
        { ["var list = new List<double> { 1, 2 };", "Spec(x => x * list[0])"], "1, 2", "1, 3" },
        { ["var map = new Dictionary<string, Func<Tensor, Tensor>> { [\"a\"] = x => x.relu() };", "Spec(x => map[\"a\"](x))"], "relu", "sin" },
        { ["var linear = Linear(4, 4, hasBias: false); linear.weight.requires_grad_(false).fill_(0.1);", "Spec(x => linear.call(x))"], "0.1", "0.2" },
        { ["var drop = Dropout(0.1);", "Spec(x => drop.call(x))"], "0.1", "0.2" },
        { ["var chain = Sequential((\"a\", ReLU()), (\"b\", Tanh()));", "Spec(x => chain.call(x))"], "Tanh()", "Sigmoid()" },
        { ["struct P { public double A; }", "P p = new P { A = 1 };", "Spec(x => x * p.A)"], "A = 1 ", "A = 2 " },
        { ["Tensor F(Tensor x) => x.relu();", "Tensor G(Tensor x) => F(x) + 1;", "Spec(G)"], "relu", "sin" },
        { ["(double, string) pair = (1, \"a\");", "Spec(x => x * pair.Item1)"], "(1", "(2" },
        { ["class Gen<T> where T : IAct, new() { public Tensor Do(Tensor x) => new T().Do(x); } interface IAct { Tensor Do(Tensor x); } class Act : IAct { public Tensor Do(Tensor x) => x.relu(); }",
            "Spec(x => new Gen<Act>().Do(x))"], "relu", "sin" },
        { ["""
            record Teacher : Tweak
            {
                private readonly Module<Tensor, Tensor> _module = Tanh();
                public override string Label => "teacher";
                public override Loss Wrap(Loss loss, TweakContext context) => (logits, target) => loss(logits, target) + _module.call(logits).mean();
            }
            """, "new RunSpec { Level = 1, Tweaks = [new Teacher()] }.Id"], "Tanh()", "ReLU()" },
        { ["new RunSpec { Level = 1, Pruning = new Pruner(\"own\", At.Trained, c => c.Weight.abs() * c.Gradient.abs()) }.Id"], "Weight.abs()", "Weight" },
        { ["new RunSpec { Recipe = new Recipe { Optimiser = p => torch.optim.AdamW(p, weight_decay: 0.01) } }.Id"], "0.01", "0.02" },
        { ["new RunSpec { Recipe = new Recipe { Schedule = done => 1 - done } }.Id"], "1 - done", "1 - done * done" },
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
        { ["record Noise : Tweak { double _sigma; public Noise(double sigma) { _sigma = sigma; } public override string Label => \"noise\"; public override Loss Wrap(Loss loss, TweakContext c) => (l, t) => loss(l, t) * _sigma; }",
            "new RunSpec { Level = 1, Tweaks = [new Noise(2)] }.Id"], "(2)", "(3)" },
        { ["var net = Networks.Build(new ModelSpec(\"vgg5\", 2), new InputSpec(2, 8), 1);", "net.Activations[0].Function = x => x.relu();", "Spec(x => net.call(x))"], "relu", "sin" },
        { ["var lin = Linear(2, 2); using (no_grad()) { lin.weight.fill_(1); lin.bias.fill_(0); }", "lin.register_forward_hook((m, x, y) => y * 2);", "Spec(x => lin.call(x))"], "* 2", "* 3" },
        { ["new RunSpec { Level = 1, Model = ModelSpec.Own(\"own\", i => Sequential((\"a\", Linear(i.Channels, 4)), (\"b\", ReLU()))) }.Id"], "ReLU", "Tanh" },
        { ["class Base { public virtual Tensor F(Tensor x) => x; } class Derived : Base { public override Tensor F(Tensor x) => x.relu(); } static class Make { public static Base It() => new Derived(); }", "Spec(x => Make.It().F(x))"], "relu", "sin" },
        { ["class A { protected double _a = 1; } class B : A { public double Get() => _a; public B Set(double a) { _a = a; return this; } }", "var b = new B().Set(2);", "Spec(x => x * b.Get())"], "Set(2)", "Set(3)" },
        { ["Func<double, Func<Tensor, Tensor>> make = a => x => x * a;", "var f = make(2);", "Spec(f)"], "(2)", "(3)" },
        { ["double? a = 2;", "Spec(x => x * a.Value)"], "2", "3" },
        { ["var t = tensor(new float[] { 1, 2 });", "Spec(x => x * t[0])"], "1, 2", "3, 2" },
        { ["record Scaled(double By) : Tweak { public override string Label => \"scaled\"; public override Loss Wrap(Loss loss, TweakContext c) => (l, t) => loss(l, t) * By; }",
            "new RunSpec { Tweaks = [new Scaled(1)] }.Id"], "* By", "* By * 2" },
        { ["record Scaled(double By = 1) : Tweak { public override string Label => \"scaled\"; }", "new RunSpec { Tweaks = [new Scaled()] }.Id"], "= 1", "= 2" },
        { ["record Typed(string Type) : Tweak { public override string Label => \"typed\"; }", "new RunSpec { Tweaks = [new Typed(\"weak\")] }.Id"], "(\"weak", "(\"strong" },
        { ["""
            record Strength : Tweak
            {
                private double _strength = 0.1;
                public Strength(string kind) { if (kind == "strong") _strength = 0.5; }
                public override string Label => "strength";
                public override Loss Wrap(Loss loss, TweakContext context) => (logits, target) => loss(logits, target) * _strength;
            }
            """, "new RunSpec { Tweaks = [new Strength(\"weak\")] }.Id"], "(\"weak", "(\"strong" },
        { ["static class Helper { public static double Factor() => 1; }",
            "record Scaled : Tweak { public override string Label => \"scaled\"; public override Loss Wrap(Loss loss, TweakContext c) => (l, t) => loss(l, t) * Helper.Factor(); }",
            "new RunSpec { Tweaks = [new Scaled()] }.Id"], "=> 1", "=> 2" },
    };

    private static async Task<ScriptState<object>> Run(ScriptState<object> state, IEnumerable<string> cells)
    {
        foreach (var cell in cells)
            state = await state.ContinueWithAsync(cell);
        return state;
    }

    private static async Task<string> Id(params IEnumerable<string> cells) => Assert.IsType<string>((await Run(await Kernel.Value, cells)).ReturnValue);

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task WhatTheCodeCanReachIsPartOfTheRun(string[] cells, string edited, string into)
    {
        Assert.Contains(cells, cell => cell.Contains(edited));
        var first = await Run(await Kernel.Value, cells);
        // In the same kernel: edited, and as it was, between other cells.
        var another = await Run(first, cells.Select(cell => cell.Replace(edited, into)));
        var again = await Run(another, cells.SelectMany((cell, i)
            => new[] { $"var other{i} = new {{ Z{i} = {i} }}; Func<int, int> lambda{i} = y => y + other{i}.Z{i};", cell }));
        Assert.NotEqual(first.ReturnValue, another.ReturnValue);
        Assert.Equal(first.ReturnValue, again.ReturnValue);
        // In another kernel and culture, with another lambda in the same cell.
        var culture = CultureInfo.CurrentCulture;
        using var back = new Ending(() => CultureInfo.CurrentCulture = culture);
        CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = ",", NegativeSign = "~" } };
        Assert.Equal(first.ReturnValue, await Id([.. cells.SkipLast(1), $"Func<double, double> unrelated = z => z + 7;\n{cells[^1]}"]));
    }

    // What the code cannot reach is not: the cell beside it, a class that it does not use.
    [Fact]
    public async Task WhatItDoesNotReachIsNot()
        => Assert.Equal(await Id("double used = 1, unused = 2; class C { public int A => 1; }", "Spec(x => x * used)"),
            await Id("double used = 1, unused = 3; class C { public int A => 2; }", "Spec(x => x * used)"));

    [Theory]
    [InlineData("var r = new Random(1);", "Spec(x => x * r.NextDouble())", "'r', a Random")]
    [InlineData("var stream = new System.IO.MemoryStream();", "Spec(x => x * stream.Length)", "'stream', a MemoryStream")]
    public async Task WhatCannotBeFollowedIsRefused(string cell, string spec, string said)
        => Assert.Contains(said, (await Assert.ThrowsAsync<UserException>(() => Id(cell, spec))).Message);

    // A library of the user's own that knows nothing of the kit: its new version is another run.
    [Fact]
    public async Task ALibraryOfTheUsersOwnIsPartOfTheRun()
    {
        using var folder = new TemporaryFolder();
        Assert.NotEqual(await Of("mine0", "x + x"), await Of("mine1", "x * x"));

        async Task<string> Of(string name, string source)
        {
            var path = folder.At(name + ".dll");
            var compiled = CSharpCompilation.Create(name, [CSharpSyntaxTree.ParseText($"public static class Mine {{ public static double Of(double x) => {source}; }}")],
                [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)], new(OutputKind.DynamicallyLinkedLibrary, deterministic: true)).Emit(path);
            Assert.True(compiled.Success);
            return await Id($"#r \"{path}\"", "Spec(x => x * Mine.Of(2))");
        }
    }

    // A tweak that counts its steps is the same run before and after.
    [Fact]
    public void WorkingMemoryIsNoPartOfARun()
    {
        var tweak = new Counting();
        var id = new RunSpec { Tweaks = [tweak] }.Id;
        tweak.Wrap((l, _) => l, null!);
        Assert.Equal(id, new RunSpec { Tweaks = [tweak] }.Id);
        var steps = 0;
        var spec = new RunSpec { Level = 1, Tweaks = [new CustomActivation("own", x => x * ++steps)] };
        var named = spec.Id;
        steps = 5;
        Assert.Equal(named, spec.Id);
        Assert.NotEqual(named, (spec with { Seed = 0 }).Id);        // a new spec looks anew
    }

    private sealed record Counting : Tweak
    {
        private int _calls;

        public override string Label => "counting";

        public override LTHKit.Training.Loss Wrap(LTHKit.Training.Loss loss, TweakContext context) => ++_calls > 0 ? loss : loss;
    }
}
