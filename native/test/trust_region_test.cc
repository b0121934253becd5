#include "core/trust_region.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"

using parl::TrustRegionDivergence;

namespace {

// Probabilities 0.5 and 0.2 in both directions; the third token was not sampled.
const std::vector<float> kNew = {std::log(0.5f), std::log(0.2f), std::numeric_limits<float>::quiet_NaN(), std::log(0.5f)};
const std::vector<float> kOld = {std::log(0.2f), std::log(0.5f), 0, std::log(0.2f)};
const std::vector<uint8_t> kMask = {1, 1, 0, 1};
const std::vector<int32_t> kOffsets = {0, 3, 4};

std::vector<float> weights(const std::vector<float>& advantages, const parl::TrustRegionOptions& options) {
  std::vector<float> out(4, 9);
  parl::trustRegionWeights(kNew.data(), kOld.data(), advantages.data(), {kMask, kOffsets}, options, out.data());
  return out;
}

}  // namespace

TEST(trust_region_drops_tokens_that_moved_too_far_the_way_they_are_pushed) {
  const auto pushed = weights({1, -1, 1, -1}, {.low = 0.25, .high = 0.25});
  CHECK(pushed[0] == 0 && pushed[1] == 0 && pushed[2] == 0);
  CHECK_NEAR(pushed[3], 2.5, 1e-6);  // moved up, pushed down: back towards the old policy
  const auto wide = weights({1, -1, 1, -1}, {.low = 0.35, .high = 0.35, .ratioCap = 2});
  CHECK(wide[0] == 2);
  CHECK_NEAR(wide[1], 0.4, 1e-6);
}

TEST(trust_region_by_binary_kl) {
  const double up = 0.2 * std::log(0.2 / 0.5) + 0.8 * std::log(0.8 / 0.5), down = 0.5 * std::log(2.5) + 0.5 * std::log(0.5 / 0.8);
  const auto tight = weights({1, -1, 1, 1}, {TrustRegionDivergence::kl, down - 1e-6, up - 1e-6});
  CHECK(tight[0] == 0 && tight[1] == 0 && tight[3] == 0);
  const auto loose = weights({1, -1, 1, 1}, {TrustRegionDivergence::kl, down + 1e-6, up + 1e-6});
  CHECK_NEAR(loose[0], 2.5, 1e-6);
  CHECK_NEAR(loose[1], 0.4, 1e-6);
}
