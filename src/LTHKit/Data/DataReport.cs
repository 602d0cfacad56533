namespace LTHKit.Data;

/// <summary>What the files of a data set hold.</summary>
/// <param name="Set">The data set.</param>
/// <param name="Folder">Where it lies.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Train">Number of training images.</param>
/// <param name="Test">Number of test images.</param>
/// <param name="Differences">How it differs from the official one, a sentence each; empty when it does not.</param>
public sealed record DataReport(string Set, string Folder, int Classes, int Train, int Test, IReadOnlyList<string> Differences);
