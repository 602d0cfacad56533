using LTHKit.Cli;

return await CommandLine.Run(CommandLine.Verbs, args, Console.Error);
