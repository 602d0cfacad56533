using System;
using System.Collections.Generic;
using System.Linq;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);

        public partial class Module : IDisposable
        {
            private readonly string kind;
            private readonly NamedList<Parameter> ownParameters = new();
            private readonly NamedList<(Tensor tensor, bool persistent)> ownBuffers = new();
            private readonly NamedList<Module> ownModules = new();
            private bool isTraining = true;
            private bool isDisposed;
            private bool componentsRegistered;

            protected Module(string name)
            {
                kind = name;
            }

            ~Module() => Dispose(false);

            public virtual bool training => isTraining;

            public virtual string GetName() => kind;

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected virtual void Dispose(bool disposing)
            {
                if (!disposing || isDisposed)
                    return;
                foreach (var (_, buffer) in named_buffers(false).ToList())
                    buffer.DetachFromDisposeScope().Dispose();
                foreach (var (_, parameter) in named_parameters(false).ToList())
                    parameter.DetachFromDisposeScope().Dispose();
                foreach (var (_, module) in named_children().ToList())
                    module.Dispose();
                isDisposed = true;
            }

            public virtual void train(bool train = true)
            {
                isTraining = train;
                foreach (var (_, module) in named_children())
                    module.train(train);
            }

            public virtual void eval() => train(false);

            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var (_, parameter) in named_parameters())
                {
                    if (set_to_none)
                    {
                        parameter.grad = null;
                        continue;
                    }
                    using var gradient = parameter.grad;
                    gradient?.zero_();
                }
            }

            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) =>
                Distinct(ownParameters, recurse, module => module.named_parameters());

            public virtual IEnumerable<Parameter> parameters(bool recurse = true) =>
                named_parameters(recurse).Select(named => named.parameter);

            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) =>
                // Buffers that are not persistent are left out whatever is asked for, as in TorchSharp 0.107.
                Distinct(ownBuffers.Where(own => own.Value.persistent).Select(own => (own.Name, own.Value.tensor)), recurse,
                    module => module.named_buffers(true, include_nonpersistent));

            public virtual IEnumerable<(string name, Module module)> named_children() => ownModules;

            public virtual IEnumerable<(string name, Module module)> named_modules()
            {
                foreach (var child in named_children())
                    yield return child;
                foreach (var (name, child) in named_children())
                {
                    foreach (var (inner, module) in child.named_modules())
                        yield return ($"{name}.{inner}", module);
                }
            }

            public virtual IEnumerable<Module> modules() => named_modules().Select(named => named.module);

            public virtual Parameter? get_parameter(string target) =>
                named_parameters().FirstOrDefault(named => named.name == target).parameter;

            /// <summary>The own tensors and then those of the children, each native tensor once.</summary>
            private IEnumerable<(string, T)> Distinct<T>(
                IEnumerable<(string, T)> own, bool recurse, Func<Module, IEnumerable<(string, T)>> ofChild)
                where T : Tensor
            {
                var seen = new HashSet<IntPtr> { IntPtr.Zero };
                foreach (var (name, tensor) in own)
                {
                    if (seen.Add(tensor.handle))
                        yield return (name, tensor);
                }
                if (!recurse)
                    yield break;
                foreach (var (childName, child) in named_children())
                {
                    foreach (var (name, tensor) in ofChild(child))
                    {
                        if (seen.Add(tensor.handle))
                            yield return ($"{childName}.{name}", tensor);
                    }
                }
            }
        }
    }
}
