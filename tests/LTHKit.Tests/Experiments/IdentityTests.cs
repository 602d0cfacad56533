using System.Globalization;
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
        .AddImports("System", "System.Collections.Generic", "System.Linq", "LTHKit.Experiments", "LTHKit.Models", "LTHKit.Pruning", "LTHKit.Training", "LTHKit.Tweaks",
            "TorchSharp", "TorchSharp.torch", "TorchSharp.torch.nn");

    private const string Wave = """
        class Wave : Module<Tensor, Tensor>
        {
            public Wave() : base("wave") { }
            public override Tensor forward(Tensor x) => x.relu();
        }
        var wave = new Wave();
        """;

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

    private const string Iterator = """
        static IEnumerable<double> Powers(double a) { yield return a; yield return a * a; }
        """;

    /// <summary>Cells, what is edited in one of them, and into what.</summary>
    public static TheoryData<string[], string, string> Edits => new()
    {
        { [Wave, "Spec(x => wave.call(x))"], "relu", "sin" },
        { [Interface, "IBend bend = new Softly();", "Spec(x => bend.Bend(x))"], "tanh", "sigmoid" },
        { [Interface, "IBend bend = new Softly();", "Spec(x => bend.Bend(x))"], "new Softly", "new Hardly" },
        { [Overrides, "Spec(x => shape.Twice(x))"], "sin", "cos" },
        { [Overrides, "Spec(x => shape.Twice(x))"], "* 2", "* 3" },
        { [Iterator, "Spec(x => x * Powers(2).Sum())"], "a * a", "a + a" },
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
    };

    private static async Task<string> Id(params string[] cells)
    {
        var state = await CSharpScript.RunAsync("string Spec(Func<Tensor, Tensor> f) => new RunSpec { Level = 1, Tweaks = [new CustomActivation(\"own\", f)] }.Id;", Options);
        foreach (var cell in cells)
            state = await state.ContinueWithAsync(cell);
        return Assert.IsType<string>(state.ReturnValue);
    }

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task WhatTheCodeCanReachIsPartOfTheRun(string[] cells, string edited, string into)
    {
        var id = await Id(cells);
        // Another kernel; other cells before and in between, another lambda in the same cell; another culture.
        Assert.Equal(id, await Id(cells));
        Assert.Equal(id, await Id([.. cells.SelectMany((cell, i) => new[] { $"var other{i} = {i}; Func<int, int> lambda{i} = y => y + other{i};", cell })]));
        Assert.Equal(id, await Id([.. cells.SkipLast(1), $"Func<double, double> unrelated = z => z + 7;\n{cells[^1]}"]));
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = ",", NegativeSign = "~" } };
            Assert.Equal(id, await Id(cells));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
        Assert.Contains(cells, cell => cell.Contains(edited));
        Assert.NotEqual(id, await Id([.. cells.Select(cell => cell.Replace(edited, into))]));
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

    // A class edited in its cell, and both cells run again: the fault that was reported.
    [Fact]
    public async Task AnEditedClassIsAnotherRunInTheSameKernel()
    {
        var state = await CSharpScript.RunAsync("string Spec(Func<Tensor, Tensor> f) => new RunSpec { Level = 1, Tweaks = [new CustomActivation(\"own\", f)] }.Id;", Options);
        var ids = new List<string>();
        foreach (var source in new[] { Wave, Wave.Replace("relu", "sin"), Wave })
        {
            state = await state.ContinueWithAsync(source);
            state = await state.ContinueWithAsync("Spec(x => wave.call(x))");
            ids.Add((string)state.ReturnValue);
        }
        Assert.NotEqual(ids[0], ids[1]);
        Assert.Equal(ids[0], ids[2]);
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
