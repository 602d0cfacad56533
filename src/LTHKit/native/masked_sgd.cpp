// One step of SGD with momentum and weight decay under a mask, in one pass over the weights.
//   g = mask ? gradient + decay * w : 0;   m = momentum * m + g;   w = w - rate * m
// The arithmetic is that of the tensor form in Training/MaskedSgd.cs, in the same order and without contraction.
#include <cstdint>

namespace {

// The target_clones let one binary use AVX2 or AVX-512 where the machine has them.
__attribute__((target_clones("default", "avx2", "avx512f")))
void step(float* w, const float* gradient, float* m, const uint8_t* mask, int64_t begin, int64_t end, float rate, float momentum, float decay) {
    if (mask) {
        for (int64_t i = begin; i < end; i++) {
            const float g = mask[i] ? gradient[i] + decay * w[i] : 0.0f;
            m[i] = momentum * m[i] + g;
            w[i] = w[i] - rate * m[i];
        }
    } else {
        for (int64_t i = begin; i < end; i++) {
            m[i] = momentum * m[i] + (gradient[i] + decay * w[i]);
            w[i] = w[i] - rate * m[i];
        }
    }
}

constexpr int64_t kChunk = 1 << 15;

}  // namespace

extern "C" __attribute__((visibility("default")))
void lthkit_masked_sgd(float* w, const float* gradient, float* m, const uint8_t* mask, int64_t count, float rate, float momentum, float decay, int32_t threads) {
    const int64_t chunks = (count + kChunk - 1) / kChunk;
    #pragma omp parallel for schedule(static) num_threads(threads) if (chunks > 1 && threads > 1)
    for (int64_t c = 0; c < chunks; c++) {
        const int64_t begin = c * kChunk;
        step(w, gradient, m, mask, begin, begin + kChunk < count ? begin + kChunk : count, rate, momentum, decay);
    }
}
