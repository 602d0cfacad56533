namespace LTHKit.Kernels;

/// <summary>
/// (x, weight, gamma, beta, residual, bias) -> y, or (y, x) for a fork, with z = conv(x),
/// y = act(gamma (z - mean) / sqrt(var + eps) + beta + residual), mean and variance over the batch.
/// They cancel the bias: its gradient is zero. A gradient that is to be differentiated is TorchSharp's.
/// </summary>
internal sealed unsafe class UnitFunction : autograd.MultiTensorFunction<UnitFunction>
{
    public override string Name => nameof(UnitFunction);

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var call = (UnitCall)vars[0];
        var (unit, layout, act, _) = call;
        Tensor input = (Tensor)vars[1], weight = (Tensor)vars[2], gamma = (Tensor)vars[3], beta = (Tensor)vars[4];
        var residual = vars[5] as Tensor;
        var (from, to, work) = (layout.Input, layout.Output, unit.Work);
        var passes = work.Passes;
        Tensor x = from.Laid(input, work), z = work.Empty(to), y = work.Empty(to), added = residual is null ? null! : to.Laid(residual, work);
        float* px = Planes.Start(x), pz = Planes.Start(z), py = Planes.Start(y), pr = Planes.StartIfAny(added);
        layout.Forward.Read(Planes.Start(weight));

        var statistics = new BatchStatistics(to);
        work.Each(to.Blocks, (thread, block) =>
        {
            fixed (double* totals = statistics.Sums(block))
            {
                var sums = new Passes.Sums
                {
                    Mask = layout.Masks.Of(block),
                    Tail = layout.Masks.Tail,
                    Count = to.CountOf(block),
                    Pivot = work.Own(thread, "pivots", to.Channels),
                    Lanes = work.Own(thread, "lanes", 2 * to.Channels * passes.Width),
                    Totals = totals,
                };
                passes.Convolve(Source(from.At(px, block), unit.Shape, layout, work, thread), to.At(pz, block), null, layout.Forward, to, &sums);
            }
        });
        statistics.Finish(unit, Planes.Start(gamma), Planes.Start(beta));
        work.Each(to.Blocks, (_, block)
            => passes.Of(act).Activate(to.At(pz, block), to.At(pr, block), to.At(py, block), statistics, layout.Masks.Of(block)));

        ctx.set_materialize_grads(false);
        // Before a copy what was copied is needed too, for second derivatives.
        ctx.save_for_backward([x, weight, gamma, z, added, ReferenceEquals(x, input) ? null! : input, ReferenceEquals(added, residual) ? null! : residual!]);
        ctx.save_data("state", new State(call, statistics, input.requires_grad, weight.requires_grad, residual?.requires_grad ?? false));
        return call.Fork ? [y, input] : [y];
    }

    /// <summary>y with the running mean and variance; not differentiable.</summary>
    public static Tensor Evaluate(UnitCall call, Tensor input, Tensor? residual)
    {
        var (unit, layout, act, _) = call;
        var (from, to, work) = (layout.Input, layout.Output, unit.Work);
        Tensor x = from.Laid(input, work), y = work.Empty(to), added = residual is null ? null! : to.Laid(residual, work);
        float* px = Planes.Start(x), py = Planes.Start(y), pr = Planes.StartIfAny(added);
        layout.Forward.Read(Planes.Start(unit.Weight));
        var statistics = new BatchStatistics(to);
        statistics.Recall(unit);
        work.Each(to.Blocks, (thread, block) =>
        {
            var at = to.At(py, block);
            work.Passes.Convolve(Source(from.At(px, block), unit.Shape, layout, work, thread), at, null, layout.Forward, to, null);
            work.Passes.Of(act).Activate(at, to.At(pr, block), at, statistics, layout.Masks.Of(block));
        });
        GC.KeepAlive((x, added));
        return y;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> gradients)
    {
        var state = (State)ctx.get_data("state");
        try
        {
            var saved = ctx.get_saved_variables();
            return is_grad_enabled() ? Differentiable(state, saved, gradients) : Gradients(state, saved, gradients);
        }
        catch (Exception e)
        {
            state.Call.Unit.Work.Failure ??= e;
            return [.. new Tensor[7]];
        }
    }

    private static List<Tensor> Gradients(State state, List<Tensor> saved, List<Tensor> gradients)
    {
        var ((unit, layout, act, fork), statistics, needsInput, needsWeight, needsResidual) = state;
        var (from, to, work) = (layout.Input, layout.Output, unit.Work);
        var passes = work.Passes;
        Tensor x = saved[0], weight = saved[1], gamma = saved[2], z = saved[3];
        var gy = to.Laid(gradients[0], work);
        var keep = needsResidual && act != Nonlinearity.None;
        Tensor? du = keep ? work.Empty(to) : null, dx = needsInput ? work.Empty(from) : null;
        var passed = fork && gradients[1] is { IsInvalid: false } g ? from.Laid(g, work) : null;
        Tensor dgamma = empty(to.Channels), dbeta = empty(to.Channels), dw = zeros_like(weight, requires_grad: false);
        float* px = Planes.Start(x), pz = Planes.Start(z), pr = Planes.StartIfAny(saved[4]), pg = Planes.Start(gy), pu = Planes.StartIfAny(du);
        float* pd = Planes.StartIfAny(dx), pp = Planes.StartIfAny(passed), pw = Planes.Start(dw);

        work.Each(to.Blocks, (_, block) => passes.Of(act).Slopes(to.At(pg, block), to.At(pz, block), to.At(pr, block), to.At(pu, block), statistics,
            layout.Masks.Of(block), statistics.Sums(block)));
        statistics.Differentiate(Planes.Start(gamma), Planes.Start(dgamma), Planes.Start(dbeta));

        var (forward, transposed) = (layout.Forward, layout.Transposed);
        if (needsInput)
            transposed.Read(Planes.Start(weight));
        var sumFloats = (long)forward.Source.Length * passes.Width;
        for (var thread = 0; needsWeight && thread < work.Threads(to.Blocks); thread++)
            Clear(work.Own(thread, "weights", sumFloats), sumFloats);
        // With du kept the slopes are in it.
        float* slope = keep ? pu : pg, extra = keep ? null : pr;
        var slopes = passes.Of(keep ? Nonlinearity.None : act);
        work.Each(to.Blocks, (thread, block) =>
        {
            var dz = work.Own(thread, "dz", to.Block + Planes.Tail) + to.Lead;
            Clear(dz - to.Lead + to.Block, Planes.Tail);
            slopes.Gradients(to.At(slope, block), to.At(pz, block), to.At(extra, block), dz, statistics, layout.Masks.Of(block));
            if (needsWeight)
            {
                var source = Source(from.At(px, block), unit.Shape, layout, work, thread);
                passes.WeightGradient(source, dz, forward, to, work.Own(thread, "weights", sumFloats));
            }
            if (!needsInput)
                return;
            float* into = from.At(pd, block), before = from.At(pp, block);
            if (unit.Shape.Stride == 1)
            {
                passes.Convolve(dz, into, before, transposed, to with { Channels = from.Channels }, null);
                return;
            }
            var phases = work.Own(thread, "phases", PhaseFloats(unit.Shape, to)) + to.Lead;
            passes.Convolve(dz, phases, null, transposed, to, null);
            Passes.Merge(phases, into, before, from, to, unit.Shape);
        });
        for (var thread = 0; needsWeight && thread < work.Threads(to.Blocks); thread++)
            passes.AddUp(work.Own(thread, "weights", sumFloats), forward, pw);
        GC.KeepAlive((saved, gy, passed));
        var residual = !needsResidual ? null : keep ? du : gy;
        return [null!, dx!, needsWeight ? dw : null!, dgamma, dbeta, residual!, unit.Bias is null ? null! : zeros(to.Channels)];
    }

    /// <summary>The gradients with a graph of their own, by TorchSharp's functions.</summary>
    private static List<Tensor> Differentiable(State state, List<Tensor> saved, List<Tensor> gradients)
    {
        var ((unit, layout, act, fork), _, needsInput, needsWeight, needsResidual) = state;
        // Views, so that of an input that was made of another nothing is counted twice.
        Tensor x = View(saved[5] ?? saved[0]), weight = View(saved[1]), gamma = View(saved[2]), beta = View(unit.Norm.bias!);
        var residual = (saved[6] ?? saved[4]) is { IsInvalid: false } added ? View(added) : null;
        var (from, to, shape) = (layout.Input, layout.Output, unit.Shape);
        var z = nn.functional.conv2d(from.ToImages(x), weight, null, [shape.Stride, shape.Stride], [shape.Kernel / 2, shape.Kernel / 2], groups: shape.Groups);
        var u = nn.functional.batch_norm(z, unit.Norm.running_mean!.clone(), unit.Norm.running_var!.clone(), gamma, beta, training: true, eps: unit.Norm.eps);
        if (residual is not null)
            u += to.ToImages(residual);
        var y = act switch
        {
            Nonlinearity.Relu => nn.functional.relu(u),
            Nonlinearity.Swish => nn.functional.silu(u),
            Nonlinearity.Mish => nn.functional.mish(u),
            _ => u,
        };
        (bool Needed, Tensor Of)[] inputs = [(needsInput, x), (needsWeight, weight), (gamma.requires_grad, gamma), (beta.requires_grad, beta), (needsResidual, residual!)];
        var found = new Queue<Tensor>(autograd.grad([to.FromImages(y, unit.Work)], [.. inputs.Where(i => i.Needed).Select(i => i.Of)], [gradients[0]], retain_graph: true, create_graph: true));
        Tensor[] all = [.. inputs.Select(i => i.Needed ? found.Dequeue() : null!)];
        if (fork && needsInput && gradients[1] is { IsInvalid: false } passed)
            all[0] += passed;
        return [null!, .. all, unit.Bias is null ? null! : zeros(to.Channels)];

        static Tensor View(Tensor tensor) => tensor.view_as(tensor);
    }

    private static long PhaseFloats(Geometry shape, Planes output) => output.Lead + (long)shape.InputPlanes * output.Plane + Planes.Tail;

    /// <summary>What the taps multiply: a block of x, or the planes that a stride splits it into.</summary>
    private static float* Source(float* x, Geometry shape, SparseUnit.Layout layout, Workspace work, int thread)
    {
        if (shape.Stride == 1)
            return x;
        var phases = work.Own(thread, "phases", PhaseFloats(shape, layout.Output)) + layout.Output.Lead;
        Passes.Split(x, phases, layout.Input, layout.Output, shape);
        return phases;
    }

    private static void Clear(float* memory, long size) => System.Runtime.InteropServices.NativeMemory.Clear(memory, (nuint)size * sizeof(float));

    private sealed record State(UnitCall Call, BatchStatistics Statistics, bool NeedsInput, bool NeedsWeight, bool NeedsResidual);
}
