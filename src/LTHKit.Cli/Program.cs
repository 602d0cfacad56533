using LTHKit.Cli;

// Wherever it is called from, and wherever a notebook lies, one store serves verbs and cells.
if (Environment.GetEnvironmentVariable("LTHKIT_RUNS") is null or "" && RunStore.CheckoutOf(AppContext.BaseDirectory) is { } root)
    Environment.SetEnvironmentVariable("LTHKIT_RUNS", Path.Combine(root, "artifacts", "runs"));
return await CommandLine.Run(CommandLine.Verbs, args, Console.Error);
