namespace LTHKit.Notebook.Execution;

/// <summary>Something that a cell put out while it ran.</summary>
public abstract record CellOutput;

/// <summary>Text written to the console.</summary>
/// <param name="Name">stdout or stderr.</param>
/// <param name="Text">What was written.</param>
public sealed record StreamOutput(string Name, string Text) : CellOutput;

/// <summary>What the cell put out before is to disappear: a terminal's code for it was written to the console.</summary>
/// <param name="Wait">Not before something takes its place.</param>
public sealed record ClearOutput(bool Wait) : CellOutput;

/// <summary>A displayed value.</summary>
/// <param name="Value">The value itself.</param>
/// <param name="Data">Its text by MIME type; for JSON types, JSON text.</param>
/// <param name="DisplayId">What a later update calls it.</param>
public sealed record DisplayOutput(object? Value, IReadOnlyDictionary<string, string> Data, string DisplayId) : CellOutput;

/// <summary>A new value for everything that was displayed under an id.</summary>
/// <param name="Value">The value itself.</param>
/// <param name="Data">Its text by MIME type; for JSON types, JSON text.</param>
/// <param name="DisplayId">The id of the display.</param>
public sealed record DisplayUpdate(object? Value, IReadOnlyDictionary<string, string> Data, string DisplayId) : CellOutput;

/// <summary>The value of a cell's last expression.</summary>
/// <param name="Value">The value itself.</param>
/// <param name="Data">Its text by MIME type; for JSON types, JSON text.</param>
public sealed record ResultOutput(object? Value, IReadOnlyDictionary<string, string> Data) : CellOutput;

/// <summary>What went wrong.</summary>
/// <param name="Name">The exception's type, CompilationError or Interrupted.</param>
/// <param name="Message">One sentence.</param>
/// <param name="Traceback">Lines for a person: where it happened, the user's line, the calls in between.</param>
public sealed record ErrorOutput(string Name, string Message, IReadOnlyList<string> Traceback) : CellOutput;
