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

        public static long PeakCount => peakCount;

        internal DisposeScope? OwningDisposeScope { get; set; }

        public IntPtr Handle =>
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

        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.OwningDisposeScope);

        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (OwningDisposeScope is not null)
                OwningDisposeScope.MoveToOther(other, this);
            else
                other?.Attach(this);
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

        public long Dimensions => Keep(Library.tsc_dim(Handle));

        public long dim() => Dimensions;

        public long ndim => Dimensions;

        public long NumberOfElements => Keep(Library.tsc_numel(Handle));

        public long numel() => NumberOfElements;

        public long ElementSize => Keep(Library.tsc_item_size(Handle));

        public long element_size() => ElementSize;

        public ScalarType dtype => (ScalarType)Keep(Library.tsc_scalar_type(Handle));

        public DeviceType device_type => (DeviceType)Keep(Library.tsc_device_type(Handle));

        public int device_index => (int)Keep(Library.tsc_device_index(Handle));

        public Device device => device_type == DeviceType.CPU ? new Device(DeviceType.CPU) : new Device(device_type, device_index);

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_meta => device_type == DeviceType.META;

        public bool is_cpu() => device_type == DeviceType.CPU;

        public bool is_sparse => Keep(Library.tsc_is_sparse(Handle)) != 0;

        public bool is_floating_point() => torch.is_floating_point(dtype);

        public bool is_integral() => torch.is_integral(dtype);

        public bool is_contiguous() => Keep(Library.tsc_is_contiguous(Handle)) != 0;

        public long[] shape => size();

        public unsafe long[] size()
        {
            var sizes = new long[Dimensions];
            fixed (long* first = sizes)
                Library.Check(Library.tsc_sizes(Handle, first));
            GC.KeepAlive(this);
            return sizes;
        }

        public long size(int dim) => size()[Wrap(dim)];

        public unsafe long[] stride()
        {
            var strides = new long[Dimensions];
            fixed (long* first = strides)
                Library.Check(Library.tsc_strides(Handle, first));
            GC.KeepAlive(this);
            return strides;
        }

        public long stride(int dim) => stride()[Wrap(dim)];

        public unsafe long storage_offset()
        {
            long offset;
            Library.Check(Library.tsc_storage_offset(Handle, &offset));
            GC.KeepAlive(this);
            return offset;
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

        private long Wrap(int dimension)
        {
            var count = Dimensions;
            if (dimension < -count || dimension >= count)
                throw new System.Runtime.InteropServices.ExternalException(
                    $"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got {dimension})");
            return dimension < 0 ? dimension + count : dimension;
        }
    }
}
