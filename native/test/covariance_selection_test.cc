#include "core/covariance_selection.h"

#include <limits>
#include <vector>

#include "check.h"

using parl::CovarianceChoice;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();
const double kInfinity = std::numeric_limits<double>::infinity();
// Means 0 and -2: covariances 1, -1, 2 * 2, 0 and -2 * -1.
const std::vector<float> kAdvantages = {1, -1, kNan, 2, 0, -2};
const std::vector<float> kLogprobs = {-1, -1, kNan, 0, -5, -3};
const std::vector<uint8_t> kMask = {1, 1, 0, 1, 1, 1};

std::vector<uint8_t> select(parl::CovarianceOptions options, const float* old = nullptr) {
  std::vector<uint8_t> selected(6, 9);
  parl::covarianceSelection(kLogprobs.data(), old, kAdvantages.data(), kMask, options, selected.data());
  return selected;
}

}  // namespace

TEST(covariance_selection_takes_the_largest_share) {
  CHECK((select({.share = 0.4, .low = -kInfinity, .high = kInfinity}) == std::vector<uint8_t>{0, 0, 0, 1, 0, 1}));
  // At least one, and never more than there are.
  CHECK((select({.share = 0, .low = -kInfinity, .high = kInfinity}) == std::vector<uint8_t>{0, 0, 0, 1, 0, 0}));
  CHECK((select({.share = 1, .low = -kInfinity, .high = kInfinity}) == kMask));
}

TEST(covariance_selection_of_a_band_leaves_out_clipped_tokens) {
  const auto first = CovarianceChoice::first;
  CHECK((select({.share = 1, .low = 0.5, .high = 3, .choice = first}) == std::vector<uint8_t>{1, 0, 0, 0, 0, 1}));
  CHECK((select({.share = 0.2, .low = 0.5, .high = 3, .choice = first}) == std::vector<uint8_t>{1, 0, 0, 0, 0, 0}));
  // Ratio e^-1 with A < 0 is below 0.8.
  const std::vector<float> old = {-1, -1, kNan, 0, -5, -2};
  CHECK((select({.share = 1, .low = 0.5, .high = 3, .ratioLow = 0.8, .ratioHigh = 1.2, .choice = first}, old.data()) ==
         std::vector<uint8_t>{1, 0, 0, 0, 0, 0}));
}

TEST(covariance_selection_at_random_depends_on_the_seed_alone) {
  int firsts = 0;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    const parl::CovarianceOptions options{.share = 0.2, .low = 0.5, .high = 3, .choice = CovarianceChoice::random, .seed = seed};
    const auto selected = select(options);
    CHECK(selected[0] + selected[5] == 1 && selected == select(options));
    firsts += selected[0];
  }
  CHECK(firsts > 16 && firsts < 48);
}

TEST(covariance_selection_without_sampled_tokens) {
  std::vector<uint8_t> selected(6, 9);
  parl::covarianceSelection(kLogprobs.data(), nullptr, kAdvantages.data(), std::vector<uint8_t>(6, 0), {.low = -1, .high = 1}, selected.data());
  CHECK((selected == std::vector<uint8_t>(6, 0)));
  parl::covarianceSelection(nullptr, nullptr, nullptr, {}, {.low = -1, .high = 1}, nullptr);
}
