#include "core/rope.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <vector>

#include "core/scratch.h"
#include "core/thread_pool.h"

namespace parl {

std::vector<float> RopeAngles::frequenciesOf(int64_t headDim) const {
  if (!frequencies.empty()) return frequencies;
  std::vector<float> computed(static_cast<size_t>(headDim / 2));
  for (size_t i = 0; i < computed.size(); ++i) {
    computed[i] = static_cast<float>(std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(headDim)));
  }
  return computed;
}

namespace {

// Cosines, then sines, of one position: angle = position * frequency, both factors rounded to float first, as Hugging Face
// has it. A scale of 1 changes no bit.
void turn(int64_t position, const std::vector<float>& frequencies, float scale, float* cosines, float* sines) {
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double angle = static_cast<float>(position) * frequencies[i];
    cosines[i] = static_cast<float>(std::cos(angle)) * scale;
    sines[i] = static_cast<float>(std::sin(angle)) * scale;
  }
}

// A table of turns, grown on demand: cosines and sines cost 50 ns each, and every layer of every update asks for the same.
struct Table {
  RopeAngles angles;
  int64_t headDim;
  int64_t positions;
  std::vector<float> turns;  // [positions][2][headDim / 2]
};
constexpr int64_t kTablePositions = 65536;  // positions beyond are computed each time
constexpr size_t kTables = 4;

std::mutex tableMutex;
std::vector<std::shared_ptr<const Table>> tables;  // most recently made last

std::shared_ptr<const Table> tableFor(const RopeAngles& angles, int64_t headDim, int64_t positions) {
  std::lock_guard lock(tableMutex);
  const auto same = [&](const auto& table) { return table->headDim == headDim && table->angles == angles; };
  const auto found = std::find_if(tables.begin(), tables.end(), same);
  if (found != tables.end() && (*found)->positions >= positions) return *found;
  int64_t capacity = 256;
  while (capacity < positions) capacity *= 2;
  auto table = std::make_shared<Table>();
  *table = {angles, headDim, capacity, std::vector<float>(static_cast<size_t>(capacity * headDim))};
  const auto frequencies = angles.frequenciesOf(headDim);
  for (int64_t p = 0; p < capacity; ++p) {
    float* turns = table->turns.data() + p * headDim;
    turn(p, frequencies, angles.scale, turns, turns + headDim / 2);
  }
  if (found != tables.end()) tables.erase(found);
  if (tables.size() == kTables) tables.erase(tables.begin());
  tables.push_back(table);
  return table;
}

}  // namespace

void ropeApply(const float* x, const int32_t* positions, float* out, int64_t n, int64_t heads, int64_t headDim,
               const RopeAngles& angles, bool inverse) {
  if (n == 0 || heads == 0 || headDim == 0) return;
  int64_t needed = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (positions[i] < kTablePositions) needed = std::max<int64_t>(needed, positions[i] + 1);
  }
  const auto table = tableFor(angles, headDim, needed);
  const int64_t row = heads * headDim;
  parallelFor(n, 16384 / row + 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(headDim);
    for (int64_t i = begin; i < end; ++i) {
      const float* turns = scratch.data();
      if (positions[i] < kTablePositions) {
        turns = table->turns.data() + positions[i] * headDim;
      } else {
        turn(positions[i], angles.frequenciesOf(headDim), angles.scale, scratch.data(), scratch.data() + headDim / 2);
      }
      PARL_DISPATCH(ropeRow)(x + i * row, turns, turns + headDim / 2, out + i * row, heads, headDim, inverse);
    }
  });
}

}  // namespace parl
