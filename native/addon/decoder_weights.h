// A decoder's extents and weights as JavaScript objects: NativeDecoderConfig and NativeDecoderWeights of packages/native.
#pragma once

#include <napi.h>

#include "core/decoder_layers.h"
#include "core/decoder_weights.h"

namespace parl::addon {

DecoderConfig readDecoderConfig(Napi::Env env, const Napi::Object& object);

// Points into the object's typed arrays, whose lengths are checked: the core reads them without asking.
DecoderWeights readDecoderWeights(Napi::Env env, const Napi::Object& object, const DecoderConfig& config);

// Float32Arrays in the same structure, of the layers alone: no lmHead, no adapters.
DecoderGradients readDecoderGradients(Napi::Env env, const Napi::Object& object, const DecoderConfig& config);

}  // namespace parl::addon
