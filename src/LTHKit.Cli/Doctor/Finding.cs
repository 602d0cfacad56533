namespace LTHKit.Cli.Doctor;

/// <summary>What the doctor saw of one thing.</summary>
/// <param name="Topic">The thing.</param>
/// <param name="State">How it is.</param>
/// <param name="Problem">What is wrong with it; null when nothing is.</param>
/// <param name="Cure">What to do about it.</param>
/// <param name="Needed">Whether nothing works while the problem lasts.</param>
internal sealed record Finding(string Topic, string State, string? Problem = null, string? Cure = null, bool Needed = false);
