namespace Deedle;

/// <summary>A table: columns of different types with names, rows with keys.</summary>
public partial class Frame<TRowKey, TColumnKey> where TRowKey : notnull where TColumnKey : notnull
{
    private readonly Index<TRowKey> rows;
    private readonly Index<TColumnKey> columns;
    private readonly IColumn<TRowKey>[] data;

    /// <summary>A table of series. Its rows are the keys of all of them; where a series lacks a key the value is missing.</summary>
    /// <exception cref="ArgumentException">A name occurs twice.</exception>
    public Frame(IEnumerable<TColumnKey> names, IEnumerable<ISeries<TRowKey>> columns)
    {
        this.columns = new([.. names]);
        data = [.. columns.Cast<IColumn<TRowKey>>()];
        rows = data.Select(column => column.Index).DefaultIfEmpty(new([])).Aggregate((all, next) => all.Union(next));
    }

    public int RowCount => rows.Keys.Count;

    public int ColumnCount => data.Length;

    public IEnumerable<TRowKey> RowKeys => rows.Keys;

    public IEnumerable<TColumnKey> ColumnKeys => columns.Keys;

    public IEnumerable<Type> ColumnTypes => data.Select(column => column.Type);

    /// <summary>A column as numbers.</summary>
    public Series<TRowKey, double> this[TColumnKey column] => GetColumn<double>(column);

    /// <exception cref="KeyNotFoundException">There is no such column or no such row.</exception>
    /// <exception cref="MissingValueException">The value is missing.</exception>
    public object this[TColumnKey column, TRowKey row]
    {
        get
        {
            var series = data[columns.Find(column)];
            rows.Find(row);
            return Cell(series, row) ?? throw new MissingValueException(row, $"Value at the key {row} is missing");
        }
    }

    /// <summary>A column, its values converted where they are of another type.</summary>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    /// <exception cref="FormatException">A value cannot be converted.</exception>
    public Series<TRowKey, R> GetColumn<R>(TColumnKey column)
    {
        if (!columns.TryFind(column, out var at))
            throw new ArgumentException($"Column with a key '{column}' does not exist in the data frame", nameof(column));
        return new(rows, [.. rows.Keys.Select(row => Cells.As<R>(Cell(data[at], row)))]);
    }

    /// <summary>A row, its values converted where they are of another type.</summary>
    /// <exception cref="InvalidOperationException">There is no such row.</exception>
    /// <exception cref="FormatException">A value cannot be converted.</exception>
    public Series<TColumnKey, T> GetRow<T>(TRowKey rowKey)
    {
        if (!rows.TryFind(rowKey, out _)) throw new InvalidOperationException("OptionalValue.Value: Value is not available");
        return new(columns, [.. data.Select(column => Cells.As<T>(Cell(column, rowKey)))]);
    }

    /// <summary>The cell, null where it is missing.</summary>
    internal object? Cell(int column, TRowKey row) => Cell(data[column], row);

    private static object? Cell(IColumn<TRowKey> column, TRowKey row) => column.Index.TryFind(row, out var at) ? column.At(at) : null;
}
