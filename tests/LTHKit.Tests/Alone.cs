namespace LTHKit.Tests;

/// <summary>Tests of what belongs to the whole process (memory, threads, environment, console): they run by themselves, after all others.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
