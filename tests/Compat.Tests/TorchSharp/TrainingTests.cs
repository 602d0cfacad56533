using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Compat.Tests.Torch;

public class TrainingTests
{
    [Fact]
    public void FiftyStepsEndWherePyTorchEnds()
    {
        var recorded = Reference.Section("training");
        using var net = Networks.Small("relu");
        net.load_state_dict(recorded["state"].Tensors(float32).ToDictionary(entry => entry.Key, entry => entry.Value));
        var x = recorded["input"].Tensor(float32);
        var y = recorded["labels"].Vector(int64);
        using var optimizer = optim.SGD(net.parameters(), 0.05, momentum: 0.9, weight_decay: 5e-4);
        var schedule = optim.lr_scheduler.MultiStepLR(optimizer, [20, 40], 0.1);
        var losses = recorded["losses"].Numbers();

        for (var step = 0; step < 50; step++)
        {
            using var scope = NewDisposeScope();
            var start = 8 * (step % 5);
            net.zero_grad();
            var loss = nn.functional.cross_entropy(net.call(x[start..(start + 8)]), y[start..(start + 8)]);
            loss.backward();
            optimizer.step();
            schedule.step();
            Assert.Equal(losses[step], loss.ToDouble(), 2e-5);
        }

        var state = net.state_dict();
        Assert.Equal(recorded["final"]!.AsObject().Count, state.Count);
        foreach (var (name, value) in state)
            Reference.AssertClose(recorded["final"]![name], value, 5e-5);
        net.eval();
        Reference.AssertClose(recorded["logits"], net.call(x[..8]), 5e-5);
        Assert.Equal(recorded["rate"].Number(), schedule.get_last_lr().Single(), 1e-12);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("decay")]
    [InlineData("momentum")]
    [InlineData("dampening")]
    [InlineData("nesterov")]
    [InlineData("maximize")]
    public void FormsOfSgdMatchPyTorch(string form)
    {
        var recorded = Reference.Section("optimizers");
        var matrix = recorded["matrix"].Vector(float64).reshape(3, 3);
        var w = new Parameter(recorded["start"].Vector(float64));
        using var optimizer = form switch
        {
            "plain" => optim.SGD([w], 0.1),
            "decay" => optim.SGD([w], 0.1, weight_decay: 0.1),
            "momentum" => optim.SGD([w], 0.1, momentum: 0.9),
            "dampening" => optim.SGD([w], 0.1, momentum: 0.9, dampening: 0.5),
            "nesterov" => optim.SGD([w], 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.1),
            _ => optim.SGD([w], 0.1, momentum: 0.5, maximize: true),
        };
        for (var step = 0; step < 10; step++)
        {
            optimizer.zero_grad();
            w.matmul(matrix).matmul(w).backward();
            optimizer.step();
        }
        Reference.AssertClose(recorded["forms"]![form], w, 1e-12);
    }

    [Fact]
    public void ParameterGroupsHaveTheirOwnOptions()
    {
        var slow = new Parameter(ones(1));
        var fast = new Parameter(ones(1));
        using var optimizer = optim.SGD([new SGD.ParamGroup([slow], lr: 0.1), new SGD.ParamGroup { Parameters = [fast] }], 0.5);
        (slow * 1 + fast * 1).sum().backward();
        optimizer.step();
        Assert.Equal(0.9f, slow.item<float>());
        Assert.Equal(0.5f, fast.item<float>());
        Assert.Equal([0.1, 0.5], optimizer.ParamGroups.Select(group => group.LearningRate));
    }

    [Fact]
    public void LossesMatchPyTorch()
    {
        var recorded = Reference.Section("losses");
        var logits = recorded["logits"].Vector(float64).reshape(6, 4);
        var teacher = recorded["teacher"].Vector(float64).reshape(6, 4);
        var target = recorded["target"].Vector(int64);
        var weight = recorded["weight"].Vector(float64);
        var log = logits.log_softmax(1);
        var soft = teacher.softmax(1);

        Assert.Equal(recorded["mean"].Number(), nn.functional.cross_entropy(logits, target).ToDouble(), 1e-12);
        Assert.Equal(recorded["sum"].Number(), nn.functional.cross_entropy(logits, target, reduction: nn.Reduction.Sum).ToDouble(), 1e-12);
        Reference.AssertClose(recorded["none"], nn.functional.cross_entropy(logits, target, reduction: nn.Reduction.None), 1e-12);
        Assert.Equal(recorded["weighted"].Number(), nn.functional.cross_entropy(logits, target, weight).ToDouble(), 1e-12);
        Assert.Equal(recorded["smoothed"].Number(),
            new CrossEntropyLoss(weight, label_smoothing: 0.2).call(logits, target).ToDouble(), 1e-12);
        Assert.Equal(recorded["nll"].Number(), nn.functional.nll_loss(log, target).ToDouble(), 1e-12);
        Assert.Equal(recorded["kl"].Number(),
            nn.functional.kl_div(log, soft, log_target: false, nn.Reduction.Sum).ToDouble(), 1e-12);
        Assert.Equal(recorded["klLog"].Number(),
            nn.functional.kl_div(log, soft.log(), log_target: true, nn.Reduction.Sum).ToDouble() / 6, 1e-12);
        Assert.Equal(recorded["mse"].Number(), nn.functional.mse_loss(logits, teacher).ToDouble(), 1e-12);
    }
}
