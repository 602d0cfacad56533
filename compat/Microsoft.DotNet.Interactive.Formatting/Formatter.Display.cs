namespace Microsoft.DotNet.Interactive.Formatting;

public static partial class Formatter
{
    private static event Action<DisplayedValue> Displayed;

    public static IDisposable SubscribeToDisplayedValues(Action<DisplayedValue> onEvent)
    {
        Displayed += onEvent;
        return new Subscription(() => Displayed -= onEvent);
    }

    public static void WriteToConsole(DisplayedValue displayedValue)
    {
        var values = displayedValue.FormattedValues;
        var shown = values.FirstOrDefault(v => v.MimeType == PlainTextFormatter.MimeType) ?? values.FirstOrDefault();
        if (shown?.Value is { } text)
            Console.WriteLine(text);
    }

    internal static void RaiseDisplayed(DisplayedValue displayedValue)
    {
        if (Displayed is { } handler)
            handler(displayedValue);
        else
            WriteToConsole(displayedValue);
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        private Action _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
