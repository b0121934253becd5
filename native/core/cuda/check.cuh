// Checked calls and owned device memory. Every CUDA call and every launch goes through these.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <string>

namespace parl::cuda {

// Empty for success, else "what: the runtime's text (its name)".
inline std::string failure(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return {};
  return what + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
}

// Leaves the enclosing function, which returns a std::string, when the call fails.
#define PARL_CUDA_CHECK(call, what)                                                       \
  do {                                                                                    \
    if (std::string failed_ = ::parl::cuda::failure((call), (what)); !failed_.empty()) { \
      return failed_;                                                                     \
    }                                                                                     \
  } while (0)

// Device memory for `count` T, freed with the object.
template <typename T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }  // its status could only repeat an earlier failure, which was reported

  cudaError_t allocate(size_t count) { return cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)); }
  cudaError_t fill(const T* host, size_t count) {
    return cudaMemcpy(data_, host, count * sizeof(T), cudaMemcpyHostToDevice);
  }
  cudaError_t read(T* host, size_t count) const {
    return cudaMemcpy(host, data_, count * sizeof(T), cudaMemcpyDeviceToHost);
  }
  T* get() const { return data_; }

 private:
  T* data_ = nullptr;
};

}  // namespace parl::cuda
