// A C ABI over libtorch: one entry that calls any ATen operator through the dispatcher, and the few functions that are not
// operators (autograd, tensor metadata, generators, threads, CUDA). Every entry that can fail returns 0 or an error code; the
// message is in tsc_error(). A tensor handle is an owned reference to a c10::TensorImpl.

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/stack.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

namespace {

using Handle = c10::TensorImpl*;
using Owner = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

// libtorch's optional: c10's own until 2.0, the standard one since. Its argument descriptions show which.
template <class T, template <class> class Optional, class U>
Optional<T> rebind(const Optional<U>&);
template <class T>
using optional = decltype(rebind<T>(std::declval<const c10::Argument&>().N()));

// The managed side has the same struct and numbers (Native/Argument.cs).
enum Tag : int32_t { Default = 0, None, Tensor, Int, Double, Bool, Ints, Doubles, Tensors, Device, Generator, String };

struct Value {
  int32_t tag;
  int32_t length;  // elements of a list; the type of a device
  union {
    int64_t i;
    double d;
    void* p;
  };
};

enum class Kind { Tensor, Number, Int, Double, Bool, String, Device, Generator, Ints, Doubles, Bools, Tensors, OptionalTensors };

struct Parameter {
  std::string name;
  Kind kind;
  bool nullable;
  int64_t fixedLength;  // of a list, so that one number may stand for all; 0 where not fixed
  optional<c10::IValue> defaultValue;
};

struct Operator {
  c10::OperatorHandle handle;
  std::vector<Parameter> parameters;
};

thread_local std::string error;

template <class F>
int32_t guard(F&& body) {
  try {
    body();
    return 0;
  } catch (const c10::Error& e) {
    error = e.what_without_backtrace();
  } catch (const std::exception& e) {
    error = e.what();
  } catch (...) {
    error = "unknown C++ exception";
  }
  return 1;
}

at::Tensor borrow(Handle handle) {
  return handle == nullptr ? at::Tensor() : at::Tensor(Owner::reclaim_copy(handle));
}

Handle release(at::Tensor tensor) {
  return tensor.defined() ? tensor.unsafeReleaseTensorImpl() : nullptr;
}

std::vector<at::Tensor> borrowAll(const Handle* handles, int64_t count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(count);
  for (int64_t i = 0; i < count; i++) tensors.push_back(borrow(handles[i]));
  return tensors;
}

Kind kindOf(const c10::TypePtr& type, const std::string& op) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType: return Kind::Tensor;
    case c10::TypeKind::NumberType: return Kind::Number;
    case c10::TypeKind::IntType: return Kind::Int;
    case c10::TypeKind::FloatType: return Kind::Double;
    case c10::TypeKind::BoolType: return Kind::Bool;
    case c10::TypeKind::StringType: return Kind::String;
    case c10::TypeKind::DeviceObjType: return Kind::Device;
    case c10::TypeKind::GeneratorType: return Kind::Generator;
    case c10::TypeKind::ListType: {
      auto element = type->castRaw<c10::ListType>()->getElementType();
      switch (element->kind()) {
        case c10::TypeKind::IntType: return Kind::Ints;
        case c10::TypeKind::FloatType: return Kind::Doubles;
        case c10::TypeKind::BoolType: return Kind::Bools;
        case c10::TypeKind::TensorType: return Kind::Tensors;
        case c10::TypeKind::OptionalType: return Kind::OptionalTensors;
        default: break;
      }
      break;
    }
    default: break;
  }
  TORCH_CHECK(false, op, " takes an argument of type ", type->str(), ", which this binding cannot pass");
}

// The pointers of an argument are valid for the call only, so everything is copied into the IValue.
c10::IValue convert(const Value& value, const Parameter& parameter) {
  auto wrong = [&]() -> c10::IValue {
    TORCH_CHECK(false, "argument '", parameter.name, "' has a value of the wrong kind (", value.tag, ")");
  };
  if (value.tag == None && parameter.nullable) return c10::IValue();

  switch (parameter.kind) {
    case Kind::Tensor:
      if (value.tag == Tensor) return borrow(static_cast<Handle>(value.p));
      return value.tag == None ? c10::IValue(at::Tensor()) : wrong();
    case Kind::Number:
      if (value.tag == Int) return value.i;
      if (value.tag == Double) return value.d;
      return value.tag == Bool ? c10::IValue(value.i != 0) : wrong();
    case Kind::Int:
      return value.tag == Int || value.tag == Bool ? c10::IValue(value.i) : wrong();
    case Kind::Double:
      if (value.tag == Int) return static_cast<double>(value.i);
      return value.tag == Double ? c10::IValue(value.d) : wrong();
    case Kind::Bool:
      return value.tag == Bool ? c10::IValue(value.i != 0) : wrong();
    case Kind::String:
      return value.tag == String ? c10::IValue(std::string(static_cast<const char*>(value.p), value.length)) : wrong();
    case Kind::Device:
      return value.tag == Device ? c10::IValue(c10::Device(static_cast<c10::DeviceType>(value.length),
                                                           static_cast<c10::DeviceIndex>(value.i)))
                                 : wrong();
    case Kind::Generator:
      if (value.tag == Generator) return *static_cast<at::Generator*>(value.p);
      return wrong();
    case Kind::Ints:
      if (value.tag == Ints) return c10::IValue(c10::IntArrayRef(static_cast<const int64_t*>(value.p), value.length));
      if (value.tag == Int) return std::vector<int64_t>(std::max<int64_t>(parameter.fixedLength, 1), value.i);
      return wrong();
    case Kind::Doubles:
      if (value.tag == Doubles) return c10::IValue(c10::ArrayRef<double>(static_cast<const double*>(value.p), value.length));
      return wrong();
    case Kind::Bools: {
      if (value.tag != Ints) return wrong();
      c10::List<bool> list;
      list.reserve(value.length);
      for (int32_t i = 0; i < value.length; i++) list.push_back(static_cast<const int64_t*>(value.p)[i] != 0);
      return list;
    }
    case Kind::Tensors: {
      if (value.tag != Tensors) return wrong();
      c10::List<at::Tensor> list;
      list.reserve(value.length);
      for (int32_t i = 0; i < value.length; i++) list.push_back(borrow(static_cast<const Handle*>(value.p)[i]));
      return list;
    }
    case Kind::OptionalTensors: {
      if (value.tag != Tensors) return wrong();
      c10::List<optional<at::Tensor>> list;
      list.reserve(value.length);
      for (int32_t i = 0; i < value.length; i++) {
        auto handle = static_cast<const Handle*>(value.p)[i];
        list.push_back(handle == nullptr ? optional<at::Tensor>() : optional<at::Tensor>(borrow(handle)));
      }
      return list;
    }
  }
  return wrong();
}

Value result(c10::IValue&& value) {
  Value out{None, 0, {0}};
  if (value.isTensor()) {
    out.tag = Tensor;
    out.p = release(std::move(value).toTensor());
  } else if (value.isInt()) {
    out.tag = Int;
    out.i = value.toInt();
  } else if (value.isDouble()) {
    out.tag = Double;
    out.d = value.toDouble();
  } else if (value.isBool()) {
    out.tag = Bool;
    out.i = value.toBool() ? 1 : 0;
  } else if (value.isTensorList()) {
    auto list = std::move(value).toTensorVector();
    auto handles = new Handle[list.size()];
    for (size_t i = 0; i < list.size(); i++) handles[i] = release(std::move(list[i]));
    out.tag = Tensors;
    out.length = static_cast<int32_t>(list.size());
    out.p = handles;
  } else {
    TORCH_CHECK(false, "a result of type ", value.type()->str(), " cannot be returned by this binding");
  }
  return out;
}

at::Generator& generatorOf(void* handle) {
  return *static_cast<at::Generator*>(handle);
}

}  // namespace

// Errors

API const char* tsc_error() {
  return error.c_str();
}

// Operators

API int32_t tsc_find(const char* name, const char* overload, void** op) {
  return guard([&] {
    auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
    auto found = new Operator{handle, {}};
    for (const auto& argument : handle.schema().arguments()) {
      auto type = argument.type();
      auto nullable = type->kind() == c10::TypeKind::OptionalType;
      if (nullable) type = type->castRaw<c10::OptionalType>()->getElementType();
      found->parameters.push_back({argument.name(), kindOf(type, name), nullable, argument.N() ? *argument.N() : 0,
                                   argument.default_value()});
    }
    *op = found;
  });
}

API int32_t tsc_call(const void* op, const Value* arguments, int32_t count, Value* results, int32_t capacity) {
  return guard([&] {
    const auto& target = *static_cast<const Operator*>(op);
    auto total = static_cast<int32_t>(target.parameters.size());
    TORCH_CHECK(count <= total, target.handle.schema().name(), " takes ", total, " arguments, ", count, " were given");
    torch::jit::Stack stack;
    stack.reserve(total);
    for (int32_t i = 0; i < total; i++) {
      const auto& parameter = target.parameters[i];
      if (i < count && arguments[i].tag != Default) {
        stack.push_back(convert(arguments[i], parameter));
      } else {
        TORCH_CHECK(parameter.defaultValue.has_value(), target.handle.schema().name(), " needs the argument '",
                    parameter.name, "'");
        stack.push_back(*parameter.defaultValue);
      }
    }
    target.handle.callBoxed(&stack);
    auto returned = std::min(static_cast<int32_t>(stack.size()), capacity);
    for (int32_t i = 0; i < returned; i++) results[i] = result(std::move(stack[i]));
    for (int32_t i = returned; i < capacity; i++) results[i] = Value{None, 0, {0}};
  });
}

API void tsc_free_list(Handle* handles) {
  delete[] handles;
}

// Tensors

API void tsc_release(Handle tensor) {
  Owner::reclaim(tensor);
}

API Handle tsc_retain(Handle tensor) {
  return release(borrow(tensor));
}

API int64_t tsc_dim(Handle tensor) {
  return tensor->dim();
}

API int64_t tsc_numel(Handle tensor) {
  return tensor->numel();
}

API int32_t tsc_sizes(Handle tensor, int64_t* sizes) {
  return guard([&] {
    auto source = tensor->sizes();
    std::copy(source.begin(), source.end(), sizes);
  });
}

API int32_t tsc_strides(Handle tensor, int64_t* strides) {
  return guard([&] {
    auto source = tensor->strides();
    std::copy(source.begin(), source.end(), strides);
  });
}

API int32_t tsc_scalar_type(Handle tensor) {
  return static_cast<int32_t>(c10::typeMetaToScalarType(tensor->dtype()));
}

API int64_t tsc_item_size(Handle tensor) {
  return static_cast<int64_t>(tensor->dtype().itemsize());
}

API int32_t tsc_device_type(Handle tensor) {
  return static_cast<int32_t>(tensor->device().type());
}

API int32_t tsc_device_index(Handle tensor) {
  return tensor->device().index();
}

API int32_t tsc_is_contiguous(Handle tensor) {
  return tensor->is_contiguous() ? 1 : 0;
}

API int32_t tsc_data(Handle tensor, void** data) {
  return guard([&] { *data = borrow(tensor).data_ptr(); });
}

// A 0-dim or one-element tensor's value, as libtorch's item().
API int32_t tsc_item(Handle tensor, Value* value) {
  return guard([&] {
    auto scalar = borrow(tensor).item();
    if (scalar.isBoolean()) {
      *value = Value{Bool, 0, {scalar.toBool() ? 1 : 0}};
    } else if (scalar.isIntegral(false)) {
      *value = Value{Int, 0, {scalar.toLong()}};
    } else {
      value->tag = Double;
      value->d = scalar.toDouble();
    }
  });
}

// Autograd

API int32_t tsc_requires_grad(Handle tensor) {
  return borrow(tensor).requires_grad() ? 1 : 0;
}

API int32_t tsc_set_requires_grad(Handle tensor, int32_t requiresGrad) {
  return guard([&] { borrow(tensor).set_requires_grad(requiresGrad != 0); });
}

API int32_t tsc_is_leaf(Handle tensor) {
  return borrow(tensor).is_leaf() ? 1 : 0;
}

API int32_t tsc_retain_grad(Handle tensor) {
  return guard([&] { borrow(tensor).retain_grad(); });
}

API int32_t tsc_grad_of(Handle tensor, Handle* grad) {
  return guard([&] {
    auto self = borrow(tensor);
    // A tensor that is no leaf has no gradient, and asking for it prints a warning.
    *grad = self.is_leaf() || self.retains_grad() ? release(self.grad()) : nullptr;
  });
}

API int32_t tsc_set_grad(Handle tensor, Handle grad) {
  return guard([&] { borrow(tensor).mutable_grad() = borrow(grad); });
}

API int32_t tsc_backward(const Handle* tensors, int64_t count, const Handle* grads, int64_t gradCount, int32_t retainGraph,
                         int32_t createGraph, const Handle* inputs, int64_t inputCount) {
  return guard([&] {
    torch::autograd::backward(borrowAll(tensors, count), borrowAll(grads, gradCount), retainGraph != 0, createGraph != 0,
                              borrowAll(inputs, inputCount));
  });
}

API int32_t tsc_gradients(const Handle* outputs, int64_t outputCount, const Handle* inputs, int64_t inputCount,
                          const Handle* grads, int64_t gradCount, int32_t retainGraph, int32_t createGraph,
                          int32_t allowUnused, Handle* results) {
  return guard([&] {
    auto gradients = torch::autograd::grad(borrowAll(outputs, outputCount), borrowAll(inputs, inputCount),
                                           borrowAll(grads, gradCount), retainGraph != 0, createGraph != 0, allowUnused != 0);
    for (size_t i = 0; i < gradients.size(); i++) results[i] = release(std::move(gradients[i]));
  });
}

API int32_t tsc_grad_mode() {
  return at::GradMode::is_enabled() ? 1 : 0;
}

API void tsc_set_grad_mode(int32_t enabled) {
  at::GradMode::set_enabled(enabled != 0);
}

// Generators

API int32_t tsc_manual_seed(int64_t seed) {
  return guard([&] { at::manual_seed(static_cast<uint64_t>(seed)); });
}

API int32_t tsc_generator_default(int32_t deviceType, int32_t deviceIndex, void** generator) {
  return guard([&] {
    c10::Device device(static_cast<c10::DeviceType>(deviceType), static_cast<c10::DeviceIndex>(deviceIndex));
    *generator = new at::Generator(at::globalContext().defaultGenerator(device));
  });
}

API int32_t tsc_generator_new(int32_t deviceType, int32_t deviceIndex, uint64_t seed, void** generator) {
  return guard([&] {
    c10::Device device(static_cast<c10::DeviceType>(deviceType), static_cast<c10::DeviceIndex>(deviceIndex));
    auto fresh = at::globalContext().defaultGenerator(device).clone();
    fresh.set_current_seed(seed);
    *generator = new at::Generator(std::move(fresh));
  });
}

API void tsc_generator_release(void* generator) {
  delete static_cast<at::Generator*>(generator);
}

API int32_t tsc_generator_seed(void* generator, uint64_t seed) {
  return guard([&] {
    std::lock_guard<std::mutex> lock(generatorOf(generator).mutex());
    generatorOf(generator).set_current_seed(seed);
  });
}

API uint64_t tsc_generator_initial_seed(void* generator) {
  return generatorOf(generator).current_seed();
}

API int32_t tsc_generator_state(void* generator, Handle* state) {
  return guard([&] {
    std::lock_guard<std::mutex> lock(generatorOf(generator).mutex());
    *state = release(generatorOf(generator).get_state());
  });
}

API int32_t tsc_generator_set_state(void* generator, Handle state) {
  return guard([&] {
    std::lock_guard<std::mutex> lock(generatorOf(generator).mutex());
    generatorOf(generator).set_state(borrow(state));
  });
}

// The machine

API int32_t tsc_num_threads() {
  return at::get_num_threads();
}

API int32_t tsc_set_num_threads(int32_t count) {
  return guard([&] { at::set_num_threads(count); });
}

API int32_t tsc_cuda_available() {
  return torch::cuda::is_available() ? 1 : 0;
}

API int32_t tsc_cuda_count() {
  return static_cast<int32_t>(torch::cuda::device_count());
}

API int32_t tsc_cuda_synchronize(int64_t device) {
  return guard([&] { torch::cuda::synchronize(device); });
}

API const char* tsc_version() {
  return TORCH_VERSION;
}
