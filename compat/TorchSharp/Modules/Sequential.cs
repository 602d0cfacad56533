using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Sequential Sequential() => new();

            public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) =>
                Sequential((IEnumerable<Module<Tensor, Tensor>>)modules);

            internal static Sequential Sequential(IEnumerable<Module<Tensor, Tensor>> modules)
            {
                var result = new Sequential();
                foreach (var module in modules)
                    result.append(module);
                return result;
            }

            public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) =>
                Sequential((IEnumerable<(string, Module<Tensor, Tensor>)>)modules);

            internal static Sequential Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules)
            {
                var result = new Sequential();
                foreach (var (name, module) in modules)
                    result.append(name, module);
                return result;
            }
        }
    }
}

namespace TorchSharp.Modules
{
    public class Sequential : nn.Module<Tensor, Tensor>
    {
        private readonly List<(string name, nn.IModule<Tensor, Tensor> module)> entries = new();

        internal Sequential() : base(nameof(Sequential))
        {
        }

        public int Count => entries.Count;

        internal Sequential append(nn.IModule<Tensor, Tensor> module) => append(entries.Count.ToString(), module);

        internal Sequential append(string name, nn.IModule<Tensor, Tensor> module)
        {
            entries.Add((name, module));
            return this;
        }

        public override Tensor forward(Tensor tensor)
        {
            if (entries.Count == 0)
                return tensor.alias();
            var result = entries[0].module.call(tensor);
            for (var i = 1; i < entries.Count; i++)
            {
                using var input = result;
                result = entries[i].module.call(input);
            }
            return result;
        }

        public override IEnumerable<(string name, nn.Module module)> named_children() =>
            entries.Select(entry => (entry.name, (nn.Module)entry.module));
    }
}
