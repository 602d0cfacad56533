namespace LTHKit.Tests.Experiments;

/// <summary>An experiment of a few seconds.</summary>
internal static class Tiny
{
    public static readonly Profile Profile = new()
    {
        Name = "tiny",
        Data = new DataSpec { TrainCount = 300, TestCount = 60, Classes = 5 },
        Model = new ModelSpec("resnet18", 4),
        Recipe = new Recipe { Epochs = 4, BatchSize = 32 },
        Rates = [0.5],
        Levels = [1, 2],
        Seeds = 1,
    };

    public static RunSpec Spec => new() { Data = Profile.Data, Model = Profile.Model, Recipe = Profile.Recipe, Rates = Profile.Rates };

    /// <summary>The tensors of a safetensors file, which two runs may share, without the header that names the run.</summary>
    public static byte[] Bits(string path) => File.ReadAllBytes(path) is var bytes ? bytes[(8 + (int)BitConverter.ToInt64(bytes))..] : [];

    public static Lab Lab(string store, int jobs = 2) => LTHKit.Experiments.Lab.Open(Profile, device: "cpu", jobs: jobs, store: new RunStore(store));
}
