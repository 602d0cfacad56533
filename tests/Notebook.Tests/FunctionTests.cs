namespace LTHKit.Notebook.Tests;

/// <summary>A function written in a cell names its run by what it does, wherever and however often the cell is run.</summary>
public class FunctionTests
{
    private const string Setup =
        """
        using LTHKit.Experiments;
        using LTHKit.Tweaks;
        using TorchSharp;
        string Id(Func<torch.Tensor, torch.Tensor> function) => new RunSpec { Tweaks = [new CustomActivation("own", function)] }.Id;
        """;

    [Fact]
    public async Task TheSameCellIsTheSameRunAndAnEditedOneIsNot()
    {
        using var session = new Session();
        (await session.Run(Setup)).Good();
        var id = (await session.Run("Id(x => x * torch.sigmoid(x))")).Good().Result;
        Assert.Equal(id, (await session.Run("Id(x => x * torch.sigmoid(x))")).Good().Result);
        Assert.NotEqual(id, (await session.Run("Id(x => x * torch.tanh(x))")).Good().Result);
        // Another place in another notebook, among other lambdas.
        using var other = new Session();
        (await other.Run("var unrelated = 1; Func<int, int> first = a => a + unrelated;")).Good();
        (await other.Run(Setup)).Good();
        Assert.Equal(id, (await other.Run("Func<int, int> second = a => a + 2;\nId(x => x * torch.sigmoid(x))")).Good().Result);
    }

    [Fact]
    public async Task VariablesAndFunctionsOfOtherCellsArePartOfIt()
    {
        using var session = new Session();
        (await session.Run(Setup)).Good();
        (await session.Run("var beta = 2.0;\ntorch.Tensor Gate(torch.Tensor x) => torch.sigmoid(beta * x);")).Good();
        var id = (await session.Run("Id(x => x * Gate(x))")).Good().Result;
        Assert.Equal(id, (await session.Run("Id(x => x * Gate(x))")).Good().Result);
        (await session.Run("beta = 3.0;")).Good();
        Assert.NotEqual(id, (await session.Run("Id(x => x * Gate(x))")).Good().Result);
        (await session.Run("var beta = 2.0;\ntorch.Tensor Gate(torch.Tensor x) => torch.sigmoid(beta * x);")).Good();
        Assert.Equal(id, (await session.Run("Id(x => x * Gate(x))")).Good().Result);
        (await session.Run("torch.Tensor Gate(torch.Tensor x) => torch.tanh(beta * x);")).Good();
        Assert.NotEqual(id, (await session.Run("Id(x => x * Gate(x))")).Good().Result);
        (await session.Run("var settings = new Dictionary<string, double> { [\"beta\"] = 2 };")).Good();
        id = (await session.Run("Id(x => settings[\"beta\"] * x)")).Good().Result;
        Assert.Equal(id, (await session.Run("Id(x => settings[\"beta\"] * x)")).Good().Result);
        (await session.Run("settings[\"beta\"] = 3;")).Good();
        Assert.NotEqual(id, (await session.Run("Id(x => settings[\"beta\"] * x)")).Good().Result);
    }
}
