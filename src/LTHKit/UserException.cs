namespace LTHKit;

/// <summary>
/// Something the user can put right: bad input, a damaged file, a setting out of range. The message is one sentence that says
/// what is wrong and what to do; the command line prints it and exits with 2.
/// </summary>
public class UserException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>With numbers as they are written in every culture.</summary>
    public UserException(Sentence message, Exception? inner = null) : this(message.ToString(), inner)
    {
    }

    /// <summary>Refuses a setting that is out of its range.</summary>
    internal static void Require(bool holds, string what, double value, string range)
    {
        if (!holds)
            throw new UserException($"{what} is {value}; it must be {range}.");
    }

    /// <summary>An interpolated text of the invariant culture.</summary>
    [InterpolatedStringHandler]
    public ref struct Sentence(int literals, int values)
    {
        private DefaultInterpolatedStringHandler _text = new(literals, values, System.Globalization.CultureInfo.InvariantCulture);

        public void AppendLiteral(string text) => _text.AppendLiteral(text);
        public void AppendFormatted<T>(T value, string? format = null) => _text.AppendFormatted(value, format);
        public override string ToString() => _text.ToString();
    }
}
