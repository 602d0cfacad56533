using LTHKit.Cli.Bench;

namespace LTHKit.Cli;

/// <summary>`bench`: LTHKit's training speed beside PyTorch's and a textbook loop's, in one run.</summary>
internal static class BenchVerb
{
    public static Command Create()
    {
        var width = Settings.Number("--width", "Width of the ResNet-18.", 16, least: 1);
        var size = Settings.Number("--size", "Height and width of the images.", 32, least: 8, most: 128);
        var batch = Settings.Number("--batch", "Images a step.", 128, least: 2);
        var images = Settings.Number("--images", "Images an epoch.", 2560, least: 100, most: 1_000_000);
        var rounds = Settings.Number("--rounds", "How often each side is measured, in turns.", 5, least: 1);
        var threads = Settings.Number("--threads", "Threads of each side (0: one a core).", 0);
        var workers = Settings.Number("--workers", "Workers of PyTorch's DataLoader (0: none, the fastest on two cores).", 0);
        var device = Settings.Choice("--device", "Where to train; cuda: in all precisions, and several runs side by side.", "cpu", "cpu", "cuda");
        var python = new Option<string>("--python") { Description = "The Python that has torch and torchvision.", DefaultValueFactory = _ => "" };
        var sparse = new Option<bool>("--sparse") { Description = "Measure instead how a step gets shorter with sparsity, beside the dense step through libtorch." };
        var model = Settings.Choice("--model", "The network of --sparse.", "resnet18", "resnet18", "vgg16", "mobilenet");
        var ladder = Settings.Number("--ladder-steps", "Steps of training before each pruning of the masks for --sparse.", 20, least: 1);
        var json = new Option<bool>("--json") { Description = "Print one JSON object instead of a table." };
        var command = new Command("bench", "Compare a training step and an epoch with those of PyTorch and of a textbook TorchSharp loop; below 1 LTHKit is faster.")
        {
            width, size, batch, images, rounds, threads, workers, device, python, json, sparse, model, ladder,
        };
        command.SetAction((parsed, cancel) =>
        {
            var setting = new BenchSetting(parsed.GetValue(width), parsed.GetValue(size), parsed.GetValue(batch), parsed.GetValue(images),
                parsed.GetValue(rounds), parsed.GetValue(threads) is var t and > 0 ? t : Environment.ProcessorCount, parsed.GetValue(workers), parsed.GetValue(device)!,
                parsed.GetValue(python) is ['~', ..] home ? AtomicFile.Absolute(home) : parsed.GetValue(python)!);
            Option[] idle = parsed.GetValue(sparse) ? [json, .. setting.Device == "cpu" ? Array.Empty<Option>() : [device], images, workers, python] : setting.Device == "cuda" ? [json, model, ladder] : [model, ladder];
            if (idle.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } odd)
                throw new UserException($"{odd.Name} means nothing {(parsed.GetValue(sparse) ? "with --sparse" : odd == json ? "with --device cuda" : "without --sparse")}; leave it out.");
            if (!Libtorch.HasOneDnn)
                Console.Error.WriteLine("lthkit: libtorch works without oneDNN on this machine (see ./lthkit doctor), so that what is compared with it says nothing of others.");
            if (parsed.GetValue(sparse))
                Console.WriteLine(SparseBench.Run(setting, parsed.GetValue(model)!, parsed.GetValue(ladder), Console.Error, cancel));
            else if (setting.Device == "cuda")
                CudaBench.Run(setting, Console.Out, Console.Error, cancel);
            else
            {
                var report = TrainingBench.Run(setting, parsed.GetValue(json) ? TextWriter.Null : Console.Error, cancel);
                Console.WriteLine(parsed.GetValue(json) ? report.ToJson() : report.ToText());
            }
            return Task.CompletedTask;
        });
        return command;
    }
}
