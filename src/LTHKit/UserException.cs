namespace LTHKit;

/// <summary>
/// Something the user can put right: bad input, a damaged file, a setting out of range. The message is one sentence that says
/// what is wrong and what to do; the command line prints it and exits with 2.
/// </summary>
public class UserException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Refuses a setting that is out of its range.</summary>
    internal static void Require(bool holds, string what, double value, string range)
    {
        if (!holds)
            throw new UserException($"{what} is {value}; it must be {range}.");
    }

    /// <summary>What a use of the disk gives; where the disk or its permissions refuse it, the message says so.</summary>
    internal static T OfDisk<T>(Func<T> use, Func<Exception, string> message)
    {
        try
        {
            return use();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException(message(e), e);
        }
    }
}
