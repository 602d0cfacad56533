using LTHKit.Cli;

return await CommandLine.Run(Verbs.Root, args, Console.Error);
