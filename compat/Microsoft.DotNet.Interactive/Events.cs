using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.Formatting;

namespace Microsoft.DotNet.Interactive.Events;

/// <summary>What a kernel reports while it carries out a command.</summary>
public abstract class KernelEvent
{
    protected KernelEvent(KernelCommand command) => Command = command ?? throw new ArgumentNullException(nameof(command));

    public KernelCommand Command { get; }
}

public abstract class DisplayEvent : KernelEvent
{
    protected DisplayEvent(
        object value,
        KernelCommand command,
        IReadOnlyCollection<FormattedValue> formattedValues = null,
        string valueId = null)
        : base(command)
    {
        Value = value;
        FormattedValues = formattedValues ?? [];
        ValueId = valueId;
    }

    public object Value { get; }

    public IReadOnlyCollection<FormattedValue> FormattedValues { get; }

    public string ValueId { get; }
}

public class DisplayedValueProduced : DisplayEvent
{
    public DisplayedValueProduced(
        object value,
        KernelCommand command,
        IReadOnlyCollection<FormattedValue> formattedValues = null,
        string valueId = null)
        : base(value, command, formattedValues, valueId)
    {
    }
}

public class DisplayedValueUpdated : DisplayEvent
{
    public DisplayedValueUpdated(
        object value,
        string valueId,
        KernelCommand command,
        IReadOnlyCollection<FormattedValue> formattedValues = null)
        : base(value, command, formattedValues, valueId)
    {
        if (string.IsNullOrWhiteSpace(valueId))
            throw new ArgumentException("Value cannot be null or whitespace.", nameof(valueId));
    }
}

public class ReturnValueProduced : DisplayEvent
{
    public ReturnValueProduced(
        object value,
        KernelCommand command,
        IReadOnlyCollection<FormattedValue> formattedValues = null,
        string valueId = null)
        : base(value, command, formattedValues, valueId)
    {
    }
}

public class StandardOutputValueProduced : DisplayEvent
{
    public StandardOutputValueProduced(
        KernelCommand command,
        IReadOnlyCollection<FormattedValue> formattedValues = null,
        string valueId = null)
        : base(null, command, formattedValues, valueId)
    {
    }
}

public class StandardErrorValueProduced : DisplayEvent
{
    public StandardErrorValueProduced(
        KernelCommand command,
        IReadOnlyCollection<FormattedValue> formattedValues = null,
        string valueId = null)
        : base(null, command, formattedValues, valueId)
    {
    }
}

public abstract class KernelCommandCompletionEvent : KernelEvent
{
    private protected KernelCommandCompletionEvent(KernelCommand command, int? executionOrder = default)
        : base(command) => ExecutionOrder = executionOrder;

    public int? ExecutionOrder { get; }
}

public sealed class CommandSucceeded : KernelCommandCompletionEvent
{
    public CommandSucceeded(KernelCommand command, int executionOrder = 0)
        : base(command, executionOrder)
    {
    }
}

public sealed class CommandFailed : KernelCommandCompletionEvent
{
    public CommandFailed(Exception exception, KernelCommand command, string message = null, int? executionOrder = default)
        : base(command, executionOrder)
    {
        Exception = exception;
        Message = string.IsNullOrWhiteSpace(message) ? exception?.ToString() ?? $"Command failed: {Command}" : message;
    }

    public Exception Exception { get; }

    public string Message { get; set; }
}
