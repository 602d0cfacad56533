namespace Microsoft.DotNet.Interactive.Formatting;

public class DisplayedValue
{
    private string _displayId;

    public DisplayedValue(object value, IReadOnlyList<FormattedValue> formattedValues)
    {
        Value = value;
        FormattedValues = formattedValues ?? throw new ArgumentNullException(nameof(formattedValues));
    }

    public string DisplayId => _displayId ??= Guid.NewGuid().ToString();

    public bool IsUpdated { get; private set; }

    public IReadOnlyList<FormattedValue> FormattedValues { get; private set; }

    public object Value { get; private set; }

    public void Update(object updatedValue)
    {
        IsUpdated = true;
        Value = updatedValue;
        FormattedValues = FormattedValue.CreateManyFromObject(updatedValue, [.. FormattedValues.Select(v => v.MimeType)]);
        Formatter.RaiseDisplayed(this);
    }
}
