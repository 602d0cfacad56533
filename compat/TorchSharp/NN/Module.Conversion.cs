using System;
using System.Linq;
using System.Reflection;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            private protected DeviceType _deviceType = DeviceType.CPU;
            private protected int _deviceIndex = -1;

            protected internal virtual Module _to(Device device, ScalarType dtype, bool non_blocking)
            {
                RequireFloatingPoint(dtype);
                Prepare(device.type);
                _toEpilog(dtype, device.type == DeviceType.CUDA ? device : new Device(device.type), non_blocking);
                return this;
            }

            protected internal virtual Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking)
            {
                if (deviceType != DeviceType.CUDA)
                    deviceIndex = -1;
                Prepare(deviceType);
                if (deviceType != _deviceType || deviceIndex != _deviceIndex)
                    _toEpilog(null, new Device(deviceType, deviceIndex), non_blocking);
                return this;
            }

            protected internal virtual Module _to(ScalarType dtype, bool non_blocking)
            {
                RequireFloatingPoint(dtype);
                _toEpilog(dtype, null, non_blocking);
                return this;
            }

            /// <summary>
            /// Converts the children and puts converted copies in the place of this module's own parameters and buffers: in its
            /// registration and in the property or field that holds them.
            /// </summary>
            protected virtual void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
            {
                foreach (var (_, module) in named_children())
                {
                    if (device is null)
                        module._to(dtype!.Value, non_blocking);
                    else if (dtype is null)
                        module._to(device.type, device.index, non_blocking);
                    else
                        module._to(device, dtype.Value, non_blocking);
                }
                foreach (var (name, parameter) in named_parameters(false).ToList())
                {
                    if (!ReplaceParameter(dtype, device, parameter, out var converted) || SetProperty(name, converted))
                        continue;
                    parameter.Dispose();
                    ConditionallyRegisterParameter(name, converted);
                    SetField(name, converted);
                }
                foreach (var (name, buffer) in named_buffers(false).ToList())
                {
                    if (!ReplaceBuffer(dtype, device, buffer, out var converted) || SetProperty(name, converted))
                        continue;
                    ConditionallyRegisterBuffer(name, converted);
                    SetField(name, converted);
                }
                if (device is null)
                    return;
                _deviceType = device.type;
                _deviceIndex = device.index;
            }

            private protected static bool ReplaceParameter(ScalarType? dtype, Device? device, Parameter param, out Parameter? p)
            {
                p = null;
                var type = Target(dtype, param);
                var place = device ?? param.device;
                using var gradient = param.grad;
                if (!param.ConversionCopies(type, place) && gradient?.ConversionCopies(type, place) != true)
                    return false;

                // The new parameter must be a leaf, so the conversion is not recorded.
                using var _ = no_grad();
                p = new Parameter(param.to(type, place, copy: true), param.requires_grad);
                p.DetachFromDisposeScope();
                if (gradient is not null)
                {
                    using var converted = gradient.to(type, place);
                    p.grad = converted.requires_grad_(gradient.requires_grad);
                }
                return true;
            }

            private protected static bool ReplaceBuffer(ScalarType? dtype, Device? device, Tensor buffer, out Tensor? result)
            {
                result = null;
                var type = Target(dtype, buffer);
                var place = device ?? buffer.device;
                if (!buffer.ConversionCopies(type, place))
                    return false;
                result = buffer.to(type, place, disposeAfter: true).DetachFromDisposeScope();
                return true;
            }

            // Only floating-point tensors change their type.
            private static ScalarType Target(ScalarType? dtype, Tensor tensor) =>
                dtype is { } type && tensor.is_floating_point() ? type : tensor.dtype;

            private static void RequireFloatingPoint(ScalarType dtype)
            {
                if (!is_floating_point(dtype))
                    throw new ArgumentException($"nn.Module.to only accepts floating point or complex types, but got desired dtype={dtype}");
            }

            private static void Prepare(DeviceType type)
            {
                if (type == DeviceType.CUDA && !cuda.is_available())
                    throw new InvalidOperationException("CUDA is not available.");
                InitializeDeviceType(type);
            }

            private bool SetProperty(string name, object? value)
            {
                var property = GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
                    .FirstOrDefault(property => property.Name == name);
                property?.SetValue(this, value);
                return property is not null;
            }

            private void SetField(string name, object? value) =>
                Fields().FirstOrDefault(field => ComponentName(field) == name)?.SetValue(this, value);
        }
    }
}

public static class ModuleExtensionMethods
{
    public static T to<T>(this T module, torch.Device device, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(device.type, device.index, non_blocking);

    public static T to<T>(this T module, torch.Device device, torch.ScalarType type, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(device, type, non_blocking);

    public static T to<T>(this T module, string device, bool non_blocking = false) where T : torch.nn.Module =>
        module.to(new torch.Device(device), non_blocking);

    public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(deviceType, deviceIndex, non_blocking);

    public static T to<T>(this T module, torch.ScalarType type, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(type, non_blocking);

    public static T cpu<T>(this T module, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(DeviceType.CPU, -1, non_blocking);

    public static T cuda<T>(this T module, int deviceIndex = -1, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(DeviceType.CUDA, deviceIndex, non_blocking);

    public static T @double<T>(this T module, bool non_blocking = false) where T : torch.nn.Module =>
        module.to(torch.ScalarType.Float64, non_blocking);
}
