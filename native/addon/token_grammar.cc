#include "token_grammar.h"

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "register.h"

namespace parl::addon {
namespace {

// Tags keep one kind of handle from being taken for another, which would read foreign memory.
constexpr napi_type_tag kTreeTag{0x7c1d0c2f5a3e4b61, 0x9a4e61d3b2f80c15};
constexpr napi_type_tag kGrammarTag{0x3f5b9e2a8c714d06, 0x81d27a4cf6e3950b};

std::span<const uint8_t> bytesOf(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throwArgument(info.Env(), std::string("expected ") + name + " to be a Uint8Array");
  }
  const auto array = info[index].As<Napi::Uint8Array>();
  return {array.Data(), array.ElementLength()};
}

class TokenTreeHandle : public Napi::ObjectWrap<TokenTreeHandle> {
 public:
  static Napi::Function define(Napi::Env env) { return DefineClass(env, "TokenTree", {}); }

  // new TokenTree(bytes: Uint8Array, offsets: Int32Array)
  explicit TokenTreeHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TokenTreeHandle>(info) {
    const auto bytes = bytesOf(info, 0, "bytes");
    const auto offsets = ints(info, 1, "offsets");
    if (offsets.empty() || offsets[0] != 0) throwArgument(info.Env(), "expected offsets to begin with 0");
    for (size_t i = 0; i + 1 < offsets.size(); ++i) {
      if (offsets[i + 1] < offsets[i] || static_cast<size_t>(offsets[i + 1]) > bytes.size()) {
        throwArgument(info.Env(), "expected offsets to ascend within bytes");
      }
    }
    tree = std::make_shared<const TokenTree>(bytes, offsets);
    info.This().As<Napi::Object>().TypeTag(&kTreeTag);
  }

  std::shared_ptr<const TokenTree> tree;
};

class TokenGrammarHandle : public Napi::ObjectWrap<TokenGrammarHandle> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "TokenGrammar",
                       {InstanceMethod("start", &TokenGrammarHandle::start), InstanceMethod("advance", &TokenGrammarHandle::advance),
                        InstanceMethod("mayEnd", &TokenGrammarHandle::mayEnd), InstanceMethod("mask", &TokenGrammarHandle::mask)});
  }

  // new TokenGrammar(tree: TokenTree, edges: Int32Array), five numbers an edge: from, kind, first, last, to
  explicit TokenGrammarHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TokenGrammarHandle>(info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsObject() || !info[0].As<Napi::Object>().CheckTypeTag(&kTreeTag)) {
      throwArgument(env, "expected tree to be a TokenTree");
    }
    const auto numbers = ints(info, 1, "edges");
    if (numbers.size() % 5 != 0) throwArgument(env, "expected five numbers an edge");
    std::vector<GrammarEdge> edges;
    for (size_t i = 0; i < numbers.size(); i += 5) {
      const GrammarEdge edge{numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3], numbers[i + 4]};
      constexpr int32_t kMost = 1 << 26;
      const bool fits = edge.from >= 0 && edge.from < kMost && edge.to >= 0 && edge.to < kMost && edge.first >= 0 && edge.first < kMost;
      if (!fits || edge.kind < GrammarEdge::empty || edge.kind > GrammarEdge::leave) {
        throwArgument(env, "expected edges between states in [0, 2^26)");
      }
      edges.push_back(edge);
    }
    guarded(env, [&] { grammar = std::make_shared<TokenGrammar>(TokenTreeHandle::Unwrap(info[0].As<Napi::Object>())->tree, edges); });
    info.This().As<Napi::Object>().TypeTag(&kGrammarTag);
  }

  std::shared_ptr<TokenGrammar> grammar;

 private:
  template <typename Work>
  static void guarded(Napi::Env env, const Work& work) {
    try {
      work();
    } catch (const std::length_error& error) {
      throwArgument(env, error.what());
    } catch (const std::bad_alloc&) {
      throw Napi::Error::New(env, "out of memory");
    }
  }

  int32_t placeAt(const Napi::CallbackInfo& info, size_t index) {
    const Napi::Value value = info[index];
    if (!value.IsNumber()) throwArgument(info.Env(), "expected place to be a number");
    const int32_t place = value.As<Napi::Number>().Int32Value();
    if (!grammar->has(place)) throwArgument(info.Env(), "expected place to be one of this grammar");
    return place;
  }

  // start(): number
  Napi::Value start(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), grammar->start());
  }

  // advance(place: number, token: number): number, -1 where the token may not come
  Napi::Value advance(const Napi::CallbackInfo& info) {
    const int32_t place = placeAt(info, 0);
    if (!info[1].IsNumber()) throwArgument(info.Env(), "expected token to be a number");
    const int32_t token = info[1].As<Napi::Number>().Int32Value();
    int32_t reached = TokenGrammar::kNowhere;
    guarded(info.Env(), [&] { reached = grammar->advance(place, token); });
    return Napi::Number::New(info.Env(), reached);
  }

  // mayEnd(place: number): boolean
  Napi::Value mayEnd(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), grammar->mayEnd(placeAt(info, 0)));
  }

  // mask(place: number): Int32Array, bit t % 32 of word t / 32: whether token t may come
  Napi::Value mask(const Napi::CallbackInfo& info) {
    const int32_t place = placeAt(info, 0);
    auto words = Napi::Int32Array::New(info.Env(), static_cast<size_t>((grammar->vocabSize() + 31) / 32));
    guarded(info.Env(), [&] { grammar->mask(place, {reinterpret_cast<uint32_t*>(words.Data()), words.ElementLength()}); });
    return words;
  }
};

}  // namespace

std::shared_ptr<TokenGrammar> grammarOf(Napi::Env env, const Napi::Value& value) {
  if (value.IsUndefined()) return nullptr;
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kGrammarTag)) {
    throwArgument(env, "expected grammar to be a TokenGrammar");
  }
  return TokenGrammarHandle::Unwrap(value.As<Napi::Object>())->grammar;
}

void registerTokenGrammar(Napi::Env env, Napi::Object exports) {
  exports.Set("TokenTree", TokenTreeHandle::define(env));
  exports.Set("TokenGrammar", TokenGrammarHandle::define(env));
}

}  // namespace parl::addon
