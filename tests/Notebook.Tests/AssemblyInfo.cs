// The console and the current folder belong to the process.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
