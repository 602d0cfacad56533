using System;
using System.Threading;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor : IDisposable
    {
        private static long totalCount;
        private static long peakCount;

        internal IntPtr handle;

        /// <summary>Takes over an owned native reference.</summary>
        internal Tensor(IntPtr handle, bool register = true)
        {
            this.handle = handle;
            var count = Interlocked.Increment(ref totalCount);
            if (count > peakCount)
                peakCount = count;
            if (register)
                OwningDisposeScope = DisposeScopeManager.OfThread.Register(this);
        }

        ~Tensor() => Dispose(false);

        public static long TotalCount => totalCount;

        internal DisposeScope? OwningDisposeScope { get; set; }

        internal IntPtr Handle =>
            handle != IntPtr.Zero ? handle : throw new InvalidOperationException("Tensor invalid -- empty handle.");

        public bool IsInvalid => handle == IntPtr.Zero;

        public string? name { get; set; }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (handle == IntPtr.Zero)
                return;
            DisposeScopeManager.OfThread.CountDisposal(this);
            OwningDisposeScope?.MarkAsDisposed(this);
            Interlocked.Decrement(ref totalCount);
            Library.tsc_release(handle);
            handle = IntPtr.Zero;
        }

        public Tensor MoveToOuterDisposeScope()
        {
            OwningDisposeScope?.MoveToOuter(this);
            return this;
        }

        public Tensor DetachFromDisposeScope()
        {
            OwningDisposeScope?.Detach(this);
            return this;
        }

        /// <summary>Gives the native reference up to a new owner; this tensor is invalid afterwards.</summary>
        internal IntPtr MoveHandle()
        {
            var moved = Handle;
            handle = IntPtr.Zero;
            Interlocked.Decrement(ref totalCount);
            return moved;
        }

        internal long Dimensions => Keep(Library.tsc_dim(Handle));

        public long dim() => Dimensions;

        internal long ndim => Dimensions;

        internal long NumberOfElements => Keep(Library.tsc_numel(Handle));

        public long numel() => NumberOfElements;

        internal long ElementSize => Keep(Library.tsc_item_size(Handle));

        public long element_size() => ElementSize;

        public ScalarType dtype => (ScalarType)Keep(Library.tsc_scalar_type(Handle));

        public DeviceType device_type => (DeviceType)Keep(Library.tsc_device_type(Handle));

        internal int device_index => (int)Keep(Library.tsc_device_index(Handle));

        public Device device => device_type == DeviceType.CPU ? new Device(DeviceType.CPU) : new Device(device_type, device_index);

        internal bool is_floating_point() => torch.is_floating_point(dtype);

        public bool is_contiguous() => Keep(Library.tsc_is_contiguous(Handle)) != 0;

        public long[] shape => size();

        internal unsafe long[] size()
        {
            var sizes = new long[Dimensions];
            fixed (long* first = sizes)
                Library.Check(Library.tsc_sizes(Handle, first));
            GC.KeepAlive(this);
            return sizes;
        }

        public unsafe long[] stride()
        {
            var strides = new long[Dimensions];
            fixed (long* first = strides)
                Library.Check(Library.tsc_strides(Handle, first));
            GC.KeepAlive(this);
            return strides;
        }

        /// <summary>Another managed tensor over the same native one.</summary>
        public Tensor alias() => new((IntPtr)Keep(Library.tsc_retain(Handle)));

        public override bool Equals(object? obj) => obj is Tensor tensor && Equals(tensor);

        public bool Equals(Tensor target) => target is not null && Aten.equal.CallBool(this, target);

        public override int GetHashCode() => base.GetHashCode();

        private long Keep(long value)
        {
            GC.KeepAlive(this);
            return value;
        }
    }
}
