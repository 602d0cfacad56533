namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        internal Tensor neg() => Aten.neg.Call(this);
        public Tensor abs() => Aten.abs.Call(this);
        public Tensor abs_() => Aten.abs_.InPlace(this);
        public Tensor sqrt() => Aten.sqrt.Call(this);
        public Tensor square() => Aten.square.Call(this);
        internal Tensor reciprocal() => Aten.reciprocal.Call(this);
        public Tensor exp() => Aten.exp.Call(this);
        public Tensor log() => Aten.log.Call(this);
        public Tensor log2() => Aten.log2.Call(this);
        public Tensor sin() => Aten.sin.Call(this);
        public Tensor cos() => Aten.cos.Call(this);
        public Tensor tanh() => Aten.tanh.Call(this);
        internal Tensor sigmoid() => Aten.sigmoid.Call(this);
        public Tensor floor() => Aten.floor.Call(this);
        public Tensor round(long decimals = 0L) => Aten.round_decimals.Call(this, decimals);

        public Tensor relu() => Aten.relu.Call(this);
        public Tensor relu_() => Aten.relu_.InPlace(this);
        public Tensor silu() => Aten.silu.Call(this);
        internal Tensor silu_() => Aten.silu_.InPlace(this);
        internal Tensor gelu() => Aten.gelu.Call(this);
        public Tensor softplus(double beta = 1, double threshold = 20) => Aten.softplus.Call(this, beta, threshold);
        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.softmax_int.Call(this, dim, dtype);
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.log_softmax_int.Call(this, dim, dtype);

        public Tensor isfinite() => Aten.isfinite.Call(this);

        public Tensor zero_() => Aten.zero_.InPlace(this);
        public Tensor fill_(Scalar value) => Aten.fill__Scalar.InPlace(this, value);
        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.masked_fill_Scalar.Call(this, mask, value);
        public Tensor masked_fill_(Tensor mask, Scalar value) => Aten.masked_fill__Scalar.InPlace(this, mask, value);

        public Tensor uniform_(double from, double to, Generator? generator = null) =>
            Aten.uniform_.InPlace(this, from, to, generator);
        public Tensor normal_(double mean = 0, double std = 1, Generator? generator = null) =>
            Aten.normal_.InPlace(this, mean, std, generator);
        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Aten.bernoulli__float.InPlace(this, p, generator);
    }
}
