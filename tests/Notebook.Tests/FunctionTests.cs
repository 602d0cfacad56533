namespace LTHKit.Notebook.Tests;

/// <summary>A function written in a cell names its run by what it does, wherever and however often the cell is run.</summary>
public class FunctionTests : Session
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
        (await Run(Setup)).Good();
        var id = await Value("Id(x => x * torch.sigmoid(x))");
        Assert.Equal(id, await Value("Id(x => x * torch.sigmoid(x))"));
        Assert.NotEqual(id, await Value("Id(x => x * torch.tanh(x))"));
        // Another place in another notebook, among other lambdas.
        using var other = new Session();
        (await other.Run("var unrelated = 1; Func<int, int> first = a => a + unrelated;")).Good();
        (await other.Run(Setup)).Good();
        Assert.Equal(id, await other.Value("Func<int, int> second = a => a + 2;\nId(x => x * torch.sigmoid(x))"));
    }

    [Fact]
    public async Task VariablesAndFunctionsOfOtherCellsArePartOfIt()
    {
        (await Run(Setup)).Good();
        (await Run("var beta = 2.0;\ntorch.Tensor Gate(torch.Tensor x) => torch.sigmoid(beta * x);")).Good();
        var id = await Value("Id(x => x * Gate(x))");
        Assert.Equal(id, await Value("Id(x => x * Gate(x))"));
        (await Run("beta = 3.0;")).Good();
        Assert.NotEqual(id, await Value("Id(x => x * Gate(x))"));
        (await Run("var beta = 2.0;\ntorch.Tensor Gate(torch.Tensor x) => torch.sigmoid(beta * x);")).Good();
        Assert.Equal(id, await Value("Id(x => x * Gate(x))"));
        (await Run("torch.Tensor Gate(torch.Tensor x) => torch.tanh(beta * x);")).Good();
        Assert.NotEqual(id, await Value("Id(x => x * Gate(x))"));
        (await Run("var settings = new Dictionary<string, double> { [\"beta\"] = 2 };")).Good();
        id = await Value("Id(x => settings[\"beta\"] * x)");
        Assert.Equal(id, await Value("Id(x => settings[\"beta\"] * x)"));
        (await Run("settings[\"beta\"] = 3;")).Good();
        Assert.NotEqual(id, await Value("Id(x => settings[\"beta\"] * x)"));
    }
}
