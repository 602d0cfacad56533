using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        [IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => select(0, i1);
            set => Assign(value, i1);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => index(i1, i2);
            set => Assign(value, i1, i2);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get => index(i1, i2, i3, i4);
            set => Assign(value, i1, i2, i3, i4);
        }

        internal Tensor index(params TensorIndex[] indices)
        {
            var view = View(indices, out var tensors);
            if (tensors is null)
                return view;
            using (view)
                return Aten.index_Tensor.Call(view, tensors);
        }

        internal Tensor index(params Tensor[] indices) => Aten.index_Tensor.Call(this, indices);

        internal Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        internal Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            using var view = View(indices, out var tensors);
            if (tensors is null)
                Aten.copy_.InPlace(view, value);
            else
                Aten.index_put_.InPlace(view, tensors, value, accumulate);
            return this;
        }

        internal Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);

        internal Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) =>
            Aten.index_put_.InPlace(this, indices, value, accumulate);

        public Tensor index_select(long dim, Tensor index) => Aten.index_select.Call(this, dim, index);
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Aten.index_add_.InPlace(this, dim, index, source, alpha);
        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Aten.index_copy_.InPlace(this, dim, index, source);
        public Tensor gather(long dim, Tensor index) => Aten.gather.Call(this, dim, index);
        public Tensor scatter_(long dim, Tensor index, Tensor src) => Aten.scatter__src.InPlace(this, dim, index, src);
        public Tensor masked_select(Tensor mask) => Aten.masked_select.Call(this, mask);
        public Tensor masked_scatter(Tensor mask, Tensor value) => Aten.masked_scatter.Call(this, mask, value);
        public Tensor take(Tensor index) => Aten.take.Call(this, index);
        public Tensor nonzero() => Aten.nonzero.Call(this);
        public Tensor where(Tensor condition, Tensor y) => Aten.where_self.Call(condition, this, y);

        private void Assign(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        /// <summary>
        /// Applies the indices that make views. The tensors among the indices come back beside the view, by its dimension;
        /// null where there are none.
        /// </summary>
        private Tensor View(TensorIndex[] indices, out Tensor?[]? tensors)
        {
            var given = new List<Tensor?>();
            var consumed = indices.Sum(Consumed);
            var view = alias();
            long dimension = 0;
            foreach (var index in indices)
            {
                switch (index.kind)
                {
                    case TensorIndex.Kind.None:
                        Step(Aten.unsqueeze.Call(view, dimension++));
                        break;
                    case TensorIndex.Kind.Ellipsis:
                        dimension += Dimensions - consumed;
                        break;
                    case TensorIndex.Kind.Slice:
                        Step(Aten.slice_Tensor.Call(view, dimension++, index.start, index.stop, index.step ?? 1));
                        break;
                    case TensorIndex.Kind.Single:
                        Step(Aten.select_int.Call(view, dimension, index.start));
                        break;
                    case TensorIndex.Kind.Bool:
                        Step(Aten.unsqueeze.Call(view, dimension));
                        AddTensor(tensor(index.start != 0), 1);
                        break;
                    default:
                        AddTensor(index.tensor!, Consumed(index));
                        break;
                }
            }
            tensors = given.Exists(tensor => tensor is not null) ? given.ToArray() : null;
            return view;

            void Step(Tensor next)
            {
                view.Dispose();
                view = next;
            }

            void AddTensor(Tensor tensor, long dimensions)
            {
                while (given.Count < dimension)
                    given.Add(null);
                given.Add(tensor);
                dimension += dimensions;
            }
        }

        // A mask stands for as many dimensions as it has.
        private static long Consumed(TensorIndex index) => index.kind switch
        {
            TensorIndex.Kind.Slice or TensorIndex.Kind.Single => 1,
            TensorIndex.Kind.Tensor => index.tensor!.dtype is ScalarType.Bool or ScalarType.Byte ? index.tensor.Dimensions : 1,
            _ => 0,
        };
    }
}
