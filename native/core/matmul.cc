#include "core/matmul.h"

#include <algorithm>
#include <span>
#include <vector>

#include "core/scratch.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

// Below this many multiplications waking a thread costs more than it saves (about 3 us on one core).
constexpr double kSerialProducts = 2e5;
bool isSerial(int64_t m, int64_t n, int64_t k) {
  return threadCount() <= 1 || static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) < kSerialProducts;
}

int64_t columnUnitsOf(int64_t n) { return (n + 31) / 32; }  // what threads begin at: whole tiles of every ISA

struct Grid {
  int64_t rows, columns;
};

// Every thread packs the operands of its own rectangle: of the grids with one rectangle a thread, take the one that packs least.
Grid gridFor(const MatmulShape& s, int threads) {
  if (threads <= 1) return {1, 1};
  const int64_t rowLimit = (s.m + 3) / 4, columnLimit = columnUnitsOf(s.n);
  Grid best{1, 1};
  double bestCost = -1;
  int64_t bestParts = 0;
  for (int64_t rows = 1; rows <= std::min<int64_t>(threads, rowLimit); ++rows) {
    const int64_t columns = std::min(threads / rows, columnLimit);
    const int64_t parts = rows * columns;
    const double cost = static_cast<double>(columns) * static_cast<double>(s.m) + static_cast<double>(rows) * static_cast<double>(s.n);
    if (parts > bestParts || (parts == bestParts && cost < bestCost)) {
      best = {rows, columns};
      bestCost = cost;
      bestParts = parts;
    }
  }
  return best;
}

// Rows from which threads share the packed columns, and take rows as they get free: on a busy machine no half is the slower one's.
constexpr int64_t kSharedRows = 96;
constexpr int64_t kPackGrain = 2;         // units of 32 columns
constexpr double kPartProducts = 4e5;     // of a part at least
constexpr int64_t kNearColumns = 512;     // more packed columns come from the last cache: then a part has
constexpr int64_t kWidePartTiles = 6;     // tiles of rows to use them for, at least
constexpr int64_t kLineRows = 16;         // of a transposed op(a) in a cache line
constexpr int64_t kLinesOfRows = 3;       // of a part at least, so that its tiles are not small ones
constexpr int64_t kFewRowsParts = 8;      // of a product with few rows, a thread

// A grain near `least` with which every thread gets as many parts: three parts for two threads would leave one of them idle for a third of the time.
int64_t evenGrain(int64_t units, int64_t least) {
  const int64_t threads = threadCount(), parts = units / least, even = (parts + threads - 1) / threads * threads;
  return parts <= 1 || parts >= 4 * threads ? least : std::max<int64_t>(1, units / even);
}

// Products that have op(b) in common; with the rows of all of them dealt as one product's would be.
void matmulShared(std::span<const MatmulBlock> products) {
  const MatmulBlock& x = products.front();
  const MatmulBlocking blocking = PARL_DISPATCH(matmulBlocking)();
  const auto pack = PARL_DISPATCH(packMatmulColumns);
  const auto multiply = PARL_DISPATCH(multiplyMatmulRows);
  // Rows of a transposed op(a) lie beside each other in memory: then parts begin at its lines, so that no two read the same one.
  const bool isTransposed = x.aDepth != 1;
  const bool isInPlace = PARL_DISPATCH(readsOperandsInPlace)(x);
  // What fits in one slice stays one: out may be larger than the caches.
  const int64_t sliceDepth = isInPlace && x.k > blocking.depth ? blocking.inPlaceDepth : blocking.depth;
  const int64_t slices = (x.k + sliceDepth - 1) / sliceDepth;
  const int64_t unitRows = isTransposed ? kLineRows : blocking.tileRows;
  const auto unitsOf = [unitRows](const MatmulBlock& product) { return (product.m + unitRows - 1) / unitRows; };
  int64_t units = 0;
  for (const MatmulBlock& product : products) units += unitsOf(product);
  Scratch packed(isInPlace ? 0 : kMatmulColumnFloats);
  for (int64_t j0 = 0; j0 < x.n; j0 += kMatmulColumnBlock) {
    const int64_t columns = std::min(kMatmulColumnBlock, x.n - j0), columnUnits = columnUnitsOf(columns);
    // As many slices between two meetings of the threads as there is room for: a gradient of weights has a deep and small product.
    const int64_t together = isInPlace ? slices : std::max<int64_t>(1, kMatmulColumnFloats / (sliceDepth * columnUnits * 32));
    for (int64_t i0 = 0; i0 < slices; i0 += together) {
      const int64_t i1 = std::min(slices, i0 + together), first = x.k * i0 / slices, depth = x.k * i1 / slices - first;
      const auto forSlices = [&](auto&& use) {
        for (int64_t i = i0; i < i1; ++i) {
          const int64_t p0 = x.k * i / slices;
          use(MatmulSlice{p0, x.k * (i + 1) / slices - p0, j0, columns, false}, isInPlace ? nullptr : packed.data() + (p0 - first) * columnUnits * 32);
        }
      };
      if (!isInPlace) {
        parallelFor(columnUnits, kPackGrain, [&](int64_t begin, int64_t end) {
          forSlices([&](const MatmulSlice& slice, float* panels) { pack(x, slice, begin * 32, std::min(columns, end * 32), panels); });
        });
      }
      const double multiplications = static_cast<double>(blocking.tileRows * columns) * static_cast<double>(depth);  // of a tile's rows
      const int64_t least = isTransposed              ? std::clamp<int64_t>(units / threadCount(), 1, kLinesOfRows)
                            : columns <= kNearColumns ? static_cast<int64_t>(kPartProducts / multiplications) + 1
                                                      : kWidePartTiles;
      parallelFor(units, evenGrain(units, least), [&](int64_t begin, int64_t end) {
        Scratch rows(kMatmulRowFloats);
        int64_t before = 0;  // units of the products before
        for (const MatmulBlock& product : products) {
          const int64_t own = unitsOf(product), from = std::max<int64_t>(0, begin - before), to = std::min(own, end - before);
          before += own;
          if (from >= to) continue;
          const int64_t firstRow = isTransposed ? from * unitRows : product.m * from / own;
          const int64_t lastRow = isTransposed ? std::min(product.m, to * unitRows) : product.m * to / own;
          forSlices([&](const MatmulSlice& slice, const float* panels) {
            multiply(product, slice, firstRow, lastRow, panels, rows.data());
          });
        }
      });
    }
  }
}

// Rows that threads share packed, in bands of depth that fit so many floats, while they take columns by themselves.
constexpr int64_t kMostStripRows = 1024;
// As much as packed columns and rows take where those are shared, so that the one finds the scratch of the other.
constexpr int64_t kStripRowFloats = kMatmulColumnFloats;
constexpr int64_t kStripScratchFloats = std::max(kMatmulStripFloats, kMatmulRowFloats);
constexpr int64_t kStripTiles = 8;  // of a transposed op(a) that a thread packs at a time
constexpr int64_t kStripsPerThread = 6;  // with fewer one thread would wait for the other

bool takesStrips(const MatmulBlock& x) {
  return x.m <= kMostStripRows && x.n >= kStripsPerThread * kMatmulStripColumns * threadCount() && !PARL_DISPATCH(readsOperandsInPlace)(x);
}

void matmulStrips(const MatmulBlock& x) {
  const int64_t tileRows = PARL_DISPATCH(matmulBlocking)().tileRows, tiles = (x.m + tileRows - 1) / tileRows;
  const int64_t strips = (x.n + kMatmulStripColumns - 1) / kMatmulStripColumns;
  const int64_t deepest = (kStripRowFloats - tiles * PARL_DISPATCH(matmulTileFloats)(0)) / (tiles * tileRows), bands = (x.k + deepest - 1) / deepest;
  Scratch rows(kStripRowFloats);
  for (int64_t band = 0; band < bands; ++band) {
    const int64_t p0 = x.k * band / bands;
    MatmulBlock part = x;
    part.a += p0 * x.aDepth;
    if (x.b != nullptr) part.b += p0 * x.bDepth;
    if (x.bHalves != nullptr) part.bHalves += p0 * x.bDepth;
    part.k = x.k * (band + 1) / bands - p0;
    part.accumulate = x.accumulate || band > 0;
    // Rows of a transposed op(a) lie beside each other in memory: tiles that are packed together share its lines.
    parallelFor(tiles, x.aDepth == 1 ? 1 : kStripTiles, [&](int64_t begin, int64_t end) { PARL_DISPATCH(packMatmulTiles)(part, begin, end, rows.data()); });
    parallelFor(strips, evenGrain(strips, 1), [&](int64_t begin, int64_t end) {
      Scratch columns(kStripScratchFloats);
      PARL_DISPATCH(multiplyMatmulStrips)
      (part, begin * kMatmulStripColumns, std::min(x.n, end * kMatmulStripColumns), rows.data(), columns.data());
    });
  }
}

// Products that have op(b) in common, of enough rows for all threads.
void matmulByThreads(std::span<const MatmulBlock> products) {
  if (products.size() == 1 && takesStrips(products.front())) {
    matmulStrips(products.front());
  } else {
    matmulShared(products);
  }
}

// Few rows have next to nothing to pack, and wait for memory: in small parts, so that no thread waits for one that gets less of it.
void multiplyFewRows(const float* a, std::span<const WeightProduct> products, int64_t m, int64_t k) {
  const auto kernel = PARL_DISPATCH(matmulBlock);
  int64_t units = 0;
  for (const WeightProduct& product : products) units += columnUnitsOf(product.n);
  const int64_t parts = std::min<int64_t>(kFewRowsParts * threadCount(), units);
  parallelFor(parts, 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(kMatmulScratchFloats);
    const int64_t from = units * begin / parts, to = units * end / parts;
    int64_t first = 0;  // unit of the product
    for (const WeightProduct& product : products) {
      const int64_t own = columnUnitsOf(product.n);
      const int64_t j0 = std::max<int64_t>(0, from - first) * 32, j1 = std::min(product.n, (to - first) * 32);
      if (j0 < j1) {
        const WeightData columns = product.b + j0 * k;
        kernel({a, k, 1, columns.floats, 1, k, product.out + j0, product.n, m, j1 - j0, k, false, columns.halves}, scratch.data());
      }
      first += own;
    }
  });
}

}  // namespace

void matmul(const float* a, WeightData b, float* out, const MatmulShape& s) {
  if (s.m == 0 || s.n == 0) return;
  const auto kernel = PARL_DISPATCH(matmulBlock);
  const int64_t aStride = s.aStride > 0 ? s.aStride : s.transposeA ? s.m : s.k, outRow = s.outStride > 0 ? s.outStride : s.n;
  const int64_t aRow = s.transposeA ? 1 : aStride, aDepth = s.transposeA ? aStride : 1;
  const int64_t bDepth = s.transposeB ? 1 : s.n, bColumn = s.transposeB ? s.k : 1;
  const bool serial = isSerial(s.m, s.n, s.k);
  if (!serial && s.m >= kSharedRows && s.k > 0) {
    const MatmulBlock product{a, aRow, aDepth, b.floats, bDepth, bColumn, out, outRow, s.m, s.n, s.k, s.accumulate, b.halves};
    matmulByThreads({&product, 1});
    return;
  }
  if (!serial && s.transposeB && !s.transposeA && !s.accumulate && aStride == s.k && outRow == s.n && s.m <= PARL_DISPATCH(matmulBlocking)().fewRows) {
    const WeightProduct product{b, out, s.n};
    multiplyFewRows(a, {&product, 1}, s.m, s.k);
    return;
  }
  const Grid grid = gridFor(s, serial ? 1 : threadCount());
  const int64_t columnUnits = columnUnitsOf(s.n);
  parallelFor(grid.rows * grid.columns, 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(kMatmulScratchFloats);
    for (int64_t part = begin; part < end; ++part) {
      const int64_t row = part / grid.columns, column = part % grid.columns;
      const int64_t i0 = s.m * row / grid.rows, i1 = s.m * (row + 1) / grid.rows;
      const int64_t j0 = columnUnits * column / grid.columns * 32;
      const int64_t j1 = std::min(s.n, columnUnits * (column + 1) / grid.columns * 32);
      if (i0 == i1 || j0 >= j1) continue;
      const WeightData columns = b + j0 * bColumn;
      kernel({a + i0 * aRow, aRow, aDepth, columns.floats, bDepth, bColumn, out + i0 * outRow + j0, outRow, i1 - i0, j1 - j0,
              s.k, s.accumulate, columns.halves},
             scratch.data());
    }
  });
}

void matmulEach(const float* a, std::span<const WeightProduct> products, int64_t m, int64_t k) {
  int64_t n = 0;
  for (const WeightProduct& product : products) n += product.n;
  if (m > 0 && !isSerial(m, n, k) && m <= PARL_DISPATCH(matmulBlocking)().fewRows) {
    multiplyFewRows(a, products, m, k);
    return;
  }
  for (const WeightProduct& product : products) matmul(a, product.b, product.out, {.m = m, .n = product.n, .k = k, .transposeB = true});
}

void matmulGradients(std::span<const GradientProduct> products, const float* b, int64_t n, int64_t k) {
  std::vector<MatmulBlock> together;
  int64_t m = 0;
  for (const GradientProduct& product : products) {
    if (product.m > 0) together.push_back({product.a, 1, product.m, b, n, 1, product.out, n, product.m, n, k, false});
    m += product.m;
  }
  if (m >= kSharedRows && n > 0 && k > 0 && !isSerial(m, n, k)) {
    matmulByThreads(together);
    return;
  }
  for (const GradientProduct& product : products) matmul(product.a, b, product.out, {.m = product.m, .n = n, .k = k, .transposeA = true});
}

}  // namespace parl
