#include "core/adamw.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/elementwise.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

// Tensors are cut into blocks of at most this many elements; threads share the blocks of all tensors together.
constexpr int64_t kBlock = 16384;

struct Block {
  int64_t tensor, begin, end;
};

template <typename Tensor>
std::vector<Block> blocksOf(const Tensor* tensors, int64_t count) {
  std::vector<Block> blocks;
  for (int64_t t = 0; t < count; ++t) {
    for (int64_t i = 0; i < tensors[t].count; i += kBlock) blocks.push_back({t, i, std::min(i + kBlock, tensors[t].count)});
  }
  return blocks;
}

}  // namespace

double globalNorm(const TensorView* tensors, int64_t count) {
  const auto blocks = blocksOf(tensors, count);
  std::vector<double> sums(blocks.size());
  parallelFor(static_cast<int64_t>(blocks.size()), 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Block& block = blocks[static_cast<size_t>(i)];
      sums[static_cast<size_t>(i)] = PARL_DISPATCH(sumOfSquares)(tensors[block.tensor].data + block.begin, block.end - block.begin);
    }
  });
  double sum = 0;
  for (double part : sums) sum += part;
  return std::sqrt(sum);
}

void addGradients(const GradientSum* tensors, int64_t count) {
  const auto blocks = blocksOf(tensors, count);
  parallelFor(static_cast<int64_t>(blocks.size()), 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto [tensor, from, to] = blocks[static_cast<size_t>(i)];
      float* sum = tensors[tensor].sum + from;
      PARL_DISPATCH(arithmeticRange)(Arithmetic::add, {sum}, {tensors[tensor].gradient + from}, sum, to - from);
    }
  });
}

void adamwUpdate(const AdamwTensor* tensors, int64_t count, const AdamwOptions& o) {
  const auto blocks = blocksOf(tensors, count);
  const double correction1 = 1.0 - std::pow(o.beta1, static_cast<double>(o.step));
  const double correction2 = 1.0 - std::pow(o.beta2, static_cast<double>(o.step));
  parallelFor(static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Block& block = blocks[static_cast<size_t>(i)];
      const AdamwTensor& t = tensors[block.tensor];
      const AdamwFactors factors{static_cast<float>(o.gradientScale),
                                 static_cast<float>(1.0 - o.learningRate * t.weightDecay),
                                 static_cast<float>(o.beta1),
                                 static_cast<float>(1.0 - o.beta1),
                                 static_cast<float>(o.beta2),
                                 static_cast<float>(1.0 - o.beta2),
                                 static_cast<float>(o.learningRate / correction1),
                                 static_cast<float>(1.0 / std::sqrt(correction2)),
                                 static_cast<float>(o.epsilon)};
      PARL_DISPATCH(adamwRange)
      (t.parameter + block.begin, t.gradient + block.begin, t.m + block.begin, t.v + block.begin, block.end - block.begin,
       factors);
    }
  });
}

}  // namespace parl
