using System;
using System.Collections.Generic;
using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                if (tensor is null || tensor.IsInvalid)
                    throw new ArgumentNullException(nameof(tensor), "A null tensor cannot be registered as a buffer.");
                if (!ownBuffers.TryAdd(name, (tensor, persistent)))
                    throw new InvalidOperationException($"Tensor {name} is already registered.");
            }

            public virtual void register_parameter(string name, Parameter param)
            {
                if (param is null || param.IsInvalid)
                    throw new ArgumentNullException(nameof(param), "A null tensor cannot be registered as a parameter.");
                if (!ownParameters.TryAdd(name, param))
                    throw new InvalidOperationException($"Parameter {name} is already registered.");
            }

            public virtual void register_module(string name, Module submodule)
            {
                if (submodule is null || submodule.isDisposed)
                {
                    ownModules.Remove(name);
                    return;
                }
                if (name.Contains('.'))
                    throw new ArgumentException($"module name can't contain \".\", got: {name}");
                if (name.Length == 0)
                    throw new ArgumentException("module name can't be empty string \"\"");
                if (ownModules.Contains(name))
                    throw new InvalidOperationException($"Sub-module {name} is already registered.");
                submodule.RegisterComponents();
                ownModules.TryAdd(name, submodule);
            }

            private protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                if (value is null)
                    ownParameters.Remove(name);
                else
                    ownParameters.Set(name, value);
            }

            private protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                if (value is null)
                    ownBuffers.Remove(name);
                else
                    ownBuffers.Set(name, (value, persistent));
            }

            /// <summary>Registers the modules, parameters and tensors in the fields, under the fields' names.</summary>
            protected virtual void RegisterComponents()
            {
                if (componentsRegistered)
                    return;
                foreach (var field in Fields())
                {
                    var name = ComponentName(field);
                    if (ownModules.Contains(name) || ownParameters.Contains(name) || ownBuffers.Contains(name))
                        continue;
                    switch (field.GetValue(this))
                    {
                        case Module module:
                            register_module(name, module);
                            break;
                        case Parameter parameter:
                            register_parameter(name, parameter);
                            break;
                        case Tensor tensor:
                            register_buffer(name, tensor);
                            break;
                    }
                }
                componentsRegistered = true;
            }

            private static string ComponentName(FieldInfo field) =>
                field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;

            /// <summary>The fields of the class and its bases; a derived field hides one of the same name.</summary>
            private IEnumerable<FieldInfo> Fields()
            {
                var names = new HashSet<string>();
                for (var type = GetType(); type is not null && type != typeof(Module); type = type.BaseType)
                {
                    const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly;
                    foreach (var field in type.GetFields(Any))
                    {
                        if (names.Add(field.Name))
                            yield return field;
                    }
                }
            }
        }
    }
}
