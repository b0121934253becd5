#include "core/value_loss.h"

#include <limits>
#include <vector>

#include "check.h"

TEST(value_loss_worked_example) {
  const std::vector<float> values = {2, 0.1f, std::numeric_limits<float>::quiet_NaN()}, returns = {3, 1, 0}, old = {0, 0, 0};
  const std::vector<uint8_t> mask = {1, 1, 0};
  const std::vector<int32_t> offsets = {0, 3};
  std::vector<float> gradient(3, 9);
  std::vector<parl::ValueRowStatistics> rows(1);
  parl::valueLoss(values.data(), returns.data(), old.data(), {mask, offsets}, std::vector<double>{2}, 0.5f, gradient.data(), rows);
  CHECK_NEAR(rows[0].loss, 6.25 + 0.81, 1e-6);
  CHECK(rows[0].clipped == 1 && rows[0].tokens == 2 && gradient[0] == 0 && gradient[2] == 0);
  CHECK_NEAR(gradient[1], -1.8, 1e-6);
}
