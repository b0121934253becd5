// Log-probabilities and entropies from logits on the first CUDA device: the formulas of core/logprob.h.
#pragma once

#include <cstdint>
#include <string>

namespace parl::cuda {

//   logits    [n, v] row-major, host memory; a NaN or +Infinity makes its row NaN, -Infinity has probability 0 (read)
//   targets   [n] in [0, v)                                                                                  (read)
//   logprobs, entropies, lse [n] natural logs of the distribution at `temperature`                    (overwritten)
// Returns an empty text, or what failed with kernel and shapes; the outputs are then undefined. Rows are copied in
// pieces of at most 256 MiB. Sums in float32 over 256 strided partial sums, then a tree; the last subtraction in
// double. Deterministic: yes. Not bit-equal to the CPU, whose sums have another order.
std::string logprobForward(const float* logits, const int32_t* targets, int64_t n, int64_t v, float temperature,
                           float* logprobs, float* entropies, float* lse);

}  // namespace parl::cuda
