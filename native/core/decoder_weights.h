// A decoder as native code reads it: extents, and where its weights are.
#pragma once

#include <cstdint>
#include <vector>

#include "core/rope.h"
#include "core/weight_data.h"

namespace parl {

struct DecoderConfig {
  int64_t vocabSize, hiddenSize, numLayers, numHeads, numKvHeads, headDim, intermediateSize;
  RopeAngles rope;
  float rmsNormEps;
  int64_t adapterRank = 0;  // of the largest adapter
};

// A low-rank addition to a linear map, y += (scale * x a^T) b^T; none where a is null.
struct LowRank {
  const float *a = nullptr, *b = nullptr;  // [rank, in], [out, rank]
  int64_t rank = 0;
  float scale = 0.0f;
};

// Row-major [out, in] matrices, read in place. D = hiddenSize, F = intermediateSize, V = vocabSize.
struct DecoderLayer {
  const float* inputNorm;              // [D]
  WeightData qProj, kProj, vProj;      // [numHeads * headDim, D], and [numKvHeads * headDim, D] twice
  const float *qBias, *kBias, *vBias;  // one a row of theirs, or null
  const float *qNorm, *kNorm;          // [headDim], or null: RMS normalisation of each head before RoPE (Qwen3)
  WeightData oProj;                    // [D, numHeads * headDim]
  const float* postNorm;               // [D]
  WeightData gateProj, upProj;         // [F, D]
  WeightData downProj;                 // [D, F]
  LowRank qAdapter{}, kAdapter{}, vAdapter{}, oAdapter{}, gateAdapter{}, upAdapter{}, downAdapter{};
};
struct DecoderWeights {
  WeightData embedding;    // [V, D]
  const float* finalNorm;  // [D]
  WeightData head;         // [V, D]; the embedding where the two are tied
  std::vector<DecoderLayer> layers;
};

// Floats of the matrices, a tied head counted once more.
int64_t weightFloats(const DecoderConfig& config);

// Whether they stay in the caches. Then they are packed once a call, not once a product, and every thread runs its own rows through all
// layers, which saves the threads some 50 barriers a pass. Larger weights come from memory: they are read in place, and the threads share
// each product, so that every weight is read once.
bool isSmallDecoder(const DecoderConfig& config);

}  // namespace parl
