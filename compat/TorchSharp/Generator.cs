using System;

namespace TorchSharp;

public static partial class torch
{
    public class Generator : IDisposable
    {
        private Generator(IntPtr handle, Device device)
        {
            Handle = handle;
            this.device = device;
        }

        public Generator(ulong seed = 0, Device? device = null)
            : this(New(seed, device ?? CPU), device ?? CPU)
        {
        }

        ~Generator() => Dispose(false);

        internal static unsafe Generator Default
        {
            get
            {
                IntPtr handle;
                Library.Check(Library.tsc_generator_default((int)DeviceType.CPU, -1, &handle));
                return new Generator(handle, CPU);
            }
        }

        internal IntPtr Handle { get; private set; }

        public Device device { get; }

        public unsafe Tensor get_state()
        {
            IntPtr state;
            Library.Check(Library.tsc_generator_state(Handle, &state));
            return new Tensor(state);
        }

        public void set_state(Tensor value)
        {
            Library.Check(Library.tsc_generator_set_state(Handle, value.Handle));
            GC.KeepAlive(value);
        }

        public Generator manual_seed(long seed)
        {
            Library.Check(Library.tsc_generator_seed(Handle, (ulong)seed));
            return this;
        }

        public long initial_seed() => (long)Library.tsc_generator_initial_seed(Handle);

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (Handle == IntPtr.Zero)
                return;
            Library.tsc_generator_release(Handle);
            Handle = IntPtr.Zero;
        }

        private static unsafe IntPtr New(ulong seed, Device device)
        {
            IntPtr handle;
            Library.Check(Library.tsc_generator_new((int)device.type, device.index, seed, &handle));
            return handle;
        }
    }

    public static Generator manual_seed(long seed) => random.manual_seed(seed);

    public static Tensor get_rng_state() => random.get_rng_state();

    public static partial class random
    {
        internal static Generator manual_seed(long seed)
        {
            Library.Check(Library.tsc_manual_seed(seed));
            return Generator.Default;
        }

        internal static Tensor get_rng_state()
        {
            using var generator = Generator.Default;
            return generator.get_state();
        }
    }
}
