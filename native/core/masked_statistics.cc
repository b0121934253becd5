#include "core/masked_statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/thread_pool.h"

namespace parl {
namespace {

constexpr int64_t kBlock = 8192;

// Calls f(block, begin, end) for the blocks of [0, n), on the pool.
template <typename F>
void forEachBlock(int64_t n, F&& f) {
  parallelFor((n + kBlock - 1) / kBlock, 2, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) f(block, block * kBlock, std::min(n, (block + 1) * kBlock));
  });
}

size_t blockCount(int64_t n) { return static_cast<size_t>((n + kBlock - 1) / kBlock); }

}  // namespace

MaskedSums maskedSums(const float* values, const uint8_t* mask, int64_t n) {
  std::vector<MaskedSums> blocks(blockCount(n));
  forEachBlock(n, [&](int64_t block, int64_t begin, int64_t end) {
    PARL_DISPATCH(maskedSumsBlock)(values + begin, mask + begin, end - begin, blocks[static_cast<size_t>(block)]);
  });
  MaskedSums all;
  for (const MaskedSums& block : blocks) {
    if (block.count == 0) continue;
    all.smallest = all.count == 0 ? block.smallest : std::min(all.smallest, block.smallest);
    all.largest = all.count == 0 ? block.largest : std::max(all.largest, block.largest);
    all.sum += block.sum;
    all.count += block.count;
  }
  return all;
}

double maskedSquares(const float* values, const uint8_t* mask, int64_t n, double centre) {
  std::vector<double> blocks(blockCount(n));
  forEachBlock(n, [&](int64_t block, int64_t begin, int64_t end) {
    blocks[static_cast<size_t>(block)] = PARL_DISPATCH(maskedSquaresBlock)(values + begin, mask + begin, end - begin, centre);
  });
  double sum = 0;
  for (double block : blocks) sum += block;
  return sum;
}

bool whiten(const float* values, const uint8_t* mask, int64_t n, const WhitenOptions& options, float* out) {
  const MaskedSums sums = maskedSums(values, mask, n);
  if (!std::isfinite(sums.sum)) return false;  // finite float32 values cannot overflow a double sum
  double centre = 0, scale = 0;
  if (sums.count > 0 && sums.smallest == sums.largest) {
    centre = static_cast<double>(sums.smallest);
  } else if (sums.count > 0) {
    const double count = static_cast<double>(sums.count);
    centre = sums.sum / count;
    const double squares = maskedSquares(values, mask, n, centre);
    scale = 1 / std::sqrt(squares / (options.sampleVariance ? count - 1 : count) + options.epsilon);
  }
  const double shift = options.shiftMean ? 0 : centre;
  forEachBlock(n, [&](int64_t, int64_t begin, int64_t end) {
    PARL_DISPATCH(affineBlock)(values + begin, mask + begin, end - begin, centre, scale, shift, out + begin);
  });
  return true;
}

}  // namespace parl
