// The console and the current folder belong to the process: what runs cells in it runs one after the other, and beside it the tests of what was reproduced,
// which start processes of their own.
[assembly: Xunit.CollectionBehavior(Xunit.CollectionBehavior.CollectionPerAssembly, MaxParallelThreads = 2)]
