// The handle of a grammar, for the sampler.
#pragma once

#include <memory>

#include "core/token_grammar.h"

#include "arguments.h"

namespace parl::addon {

// Throws unless the value is a TokenGrammar of this addon; null where it is undefined.
std::shared_ptr<TokenGrammar> grammarOf(Napi::Env env, const Napi::Value& value);

}  // namespace parl::addon
