using System.Runtime.InteropServices;

namespace LTHKit;

/// <summary>
/// Gradients of what a user may have written. TorchSharp's autograd.grad ends the process where libtorch refuses; its backward throws, so it is tried first.
/// </summary>
internal static class Differentiation
{
    /// <summary>Refuses a value that libtorch cannot differentiate with respect to <paramref name="variables"/>, whose gradients stay as they were.</summary>
    /// <param name="module">Whose value it is; one that is the kit's own throughout has all derivatives.</param>
    /// <param name="variables">Leaves; those that require no gradient are left out.</param>
    /// <param name="value">Computes a scalar.</param>
    /// <param name="twice">Whether second derivatives are needed too, which libtorch warns of on the terminal.</param>
    /// <param name="loss">What makes the scalar of the module's outputs; null for the kit's.</param>
    /// <exception cref="UserException">It has no such derivative.</exception>
    public static void Require(nn.Module module, IReadOnlyList<Tensor> variables, Func<Tensor> value, bool twice = false, Loss? loss = null)
    {
        variables = [.. variables.Where(variable => variable.requires_grad)];
        if (variables.Count == 0 || (IsKits(module) && (loss is null || loss == Losses.CrossEntropy)))
            return;
        using var scope = NewDisposeScope();
        using var record = enable_grad();
        var before = variables.Select(variable => variable.grad?.DetachFromDisposeScope()).ToList();
        try
        {
            variables.ToList().ForEach(variable => variable.grad = null);
            var of = value();
            if (!of.requires_grad)
                return;
            of.backward(create_graph: twice, retain_graph: twice, inputs: [.. variables]);
            Tensor[] slopes = twice ? [.. variables.Select(variable => variable.grad).OfType<Tensor>().Where(slope => slope.requires_grad).Select(slope => slope.sum())] : [];
            if (slopes.Length > 0)
                stack(slopes).sum().backward(inputs: [.. variables]);
        }
        catch (ExternalException e)
        {
            throw new UserException($"{(module is Network { Model.Name: var name } ? name : module.GetName())} has no {(twice ? "first and second derivative" : "derivative")} ({e.Message.Split('\n')[0].TrimEnd('.')}): change what "
                + "it computes, for instance in place.", e);
        }
        finally
        {
            foreach (var (variable, gradient) in variables.Zip(before))
                variable.grad = gradient;
        }
    }

    private static bool IsKits(nn.Module module) => module is Network { Model.Factory: null } network && network.Activations.All(activation => activation.Fused is not null)
        && network.modules().All(part => part.GetType().Module == typeof(Network).Module || part.GetType().Module == typeof(nn.Module).Module)
        && SparseTraining.HooksOf(network).Concat(SparseTraining.HooksOf((nn.Module)network)).All(hooks => hooks.Count == 0);

    /// <summary>The gradients of a scalar, zeros where it does not depend on a variable. // of the variables' shapes</summary>
    /// <param name="of">The scalar.</param>
    /// <param name="variables">Each requires a gradient.</param>
    /// <param name="createGraph">Whether the gradients are to be differentiated too.</param>
    public static List<Tensor> Gradients(Tensor of, IReadOnlyList<Tensor> variables, bool createGraph = false)
        => [.. (of.requires_grad ? autograd.grad([of], [.. variables], retain_graph: createGraph, create_graph: createGraph, allow_unused: true) : new Tensor?[variables.Count])
            .Zip(variables, (gradient, variable) => gradient is { IsInvalid: false } ? gradient : zeros_like(variable, requires_grad: false))];
}
