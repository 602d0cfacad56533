using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.Events;
using Microsoft.DotNet.Interactive.Formatting;

namespace LTHKit.Notebook.Tests;

/// <summary>What code written for .NET Interactive relies on.</summary>
public class CompatTests
{
    private class Animal
    {
        public string Name => "a";
    }

    private sealed class Dog : Animal;

    private sealed class Broken
    {
        public int Fine => 1;

        public int Throws => throw new InvalidOperationException("no");
    }

    [Fact]
    public void TheMostSpecificFormatterWinsAndTheLaterOfEquals()
    {
        const string Mime = "text/x-test-specific";
        Formatter.Register<Dog>(_ => "dog", Mime);
        Formatter.Register<Animal>(_ => "animal", Mime);
        Formatter.Register<object>(_ => "object", Mime);
        Assert.Equal("dog", new Dog().ToDisplayString(Mime));
        Assert.Equal("animal", new Animal().ToDisplayString(Mime));
        Assert.Equal("object", 5.ToDisplayString(Mime));
        Formatter.Register<Animal>(_ => "later", Mime);
        Assert.Equal("later", new Animal().ToDisplayString(Mime));
        Assert.Equal("dog", new Dog().ToDisplayString(Mime));
    }

    [Fact]
    public void AFormatterThatAnswersFalseLeavesTheValueToTheNext()
    {
        const string Mime = "text/x-test-false";
        Formatter.Register<Animal>(_ => "any", Mime);
        Formatter.Register<Animal>((value, context) => false, Mime);
        Assert.Equal("any", new Animal().ToDisplayString(Mime));
    }

    [Fact]
    public void OpenGenericTypesHaveFormatters()
    {
        const string Mime = "text/x-test-open";
        Formatter.Register(typeof(IDictionary<,>), (value, writer) => writer.Write("map"), Mime);
        Assert.Equal("map", new Dictionary<string, int>().ToDisplayString(Mime));
        Assert.Throws<ArgumentException>(() => 5.ToDisplayString(Mime));
    }

    [Fact]
    public void TextOfWhatHasNoFormatter()
    {
        Assert.Equal("<null>", ((object?)null).ToDisplayString());
        Assert.Equal("[ 1, 2, 3 ]", new[] { 1, 2, 3 }.ToDisplayString());
        Assert.Equal("[ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 ... (80 more) ]", Enumerable.Range(0, 100).ToArray().ToDisplayString());
        Assert.Equal("( 1, two )", (1, "two").ToDisplayString());
        Assert.Equal("0.5", 0.5.ToDisplayString());
        Assert.StartsWith("Broken\n      Fine: 1\n      Throws: System.InvalidOperationException: no", new Broken().ToDisplayString());
        Assert.Contains("dni-plaintext\"><pre>&lt;x&gt;</pre>", "<x>".ToDisplayString("text/html"));
        Assert.Equal("""{"A":1}""", new { A = 1 }.ToDisplayString("application/json"));
    }

    [Fact]
    public void AnObjectThatContainsItselfComesToAnEnd()
    {
        var list = new List<object>();
        list.Add(new { list });
        Assert.NotEmpty(list.ToDisplayString());
        Assert.NotEmpty(list.ToDisplayString("text/html"));
    }

    [Fact]
    public void PreferredTypes()
    {
        Assert.Equal(["text/plain"], Formatter.GetPreferredMimeTypesFor(typeof(string)));
        Assert.Equal(["text/html"], Formatter.GetPreferredMimeTypesFor(typeof(Broken)));
        Formatter.SetPreferredMimeTypesFor(typeof(Animal), "text/plain", "text/html");
        Assert.Equal(["text/plain", "text/html"], Formatter.GetPreferredMimeTypesFor(typeof(Dog)));
        Assert.Throws<ArgumentException>(() => Formatter.SetPreferredMimeTypesFor(typeof(Animal)));
    }

    [Fact]
    public void ALateSubscriberHearsEverythingAndAFailedCommandIsCancelled()
    {
        Kernel.HTML("");       // the first use of Kernel connects displays with the context
        var command = new SubmitCode("x");
        using var context = KernelInvocationContext.GetOrCreateAmbientContext(command);
        Assert.Same(context, KernelInvocationContext.Current);
        var shown = context.Display((object)"text");
        Console.WriteLine("line");
        shown.Update("other");
        var heard = new List<KernelEvent>();
        using var subscription = context.KernelEvents.Subscribe(new Listener(heard));
        context.Fail(command, message: "stop");
        Assert.Equal(
            [typeof(DisplayedValueProduced), typeof(StandardOutputValueProduced), typeof(DisplayedValueUpdated), typeof(CommandFailed)],
            heard.Select(e => e.GetType()));
        Assert.Equal(((DisplayEvent)heard[0]).ValueId, ((DisplayEvent)heard[2]).ValueId);
        Assert.True(context.CancellationToken.IsCancellationRequested);
        Console.WriteLine("dropped");
        Assert.Equal(4, heard.Count);
    }

    private sealed class Listener(List<KernelEvent> heard) : IObserver<KernelEvent>
    {
        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }

        public void OnNext(KernelEvent value) => heard.Add(value);
    }
}
