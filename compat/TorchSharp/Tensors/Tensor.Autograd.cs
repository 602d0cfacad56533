using System;
using System.Collections.Generic;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public bool requires_grad
        {
            get => Keep(Library.tsc_requires_grad(Handle)) != 0;
            set
            {
                Library.Check(Library.tsc_set_requires_grad(Handle, value ? 1 : 0));
                GC.KeepAlive(this);
            }
        }

        public bool is_leaf => Keep(Library.tsc_is_leaf(Handle)) != 0;

        public unsafe Tensor? grad
        {
            get
            {
                IntPtr gradient;
                Library.Check(Library.tsc_grad_of(Handle, &gradient));
                GC.KeepAlive(this);
                return gradient == IntPtr.Zero ? null : new Tensor(gradient);
            }
            set
            {
                Library.Check(Library.tsc_set_grad(Handle, value?.Handle ?? IntPtr.Zero));
                GC.KeepAlive(this);
                GC.KeepAlive(value);
            }
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public void retain_grad()
        {
            Library.Check(Library.tsc_retain_grad(Handle));
            GC.KeepAlive(this);
        }

        public void backward() => autograd.backward(this);

        public Tensor detach() => Aten.detach.Call(this);
    }
}
