#include "core/cuda/device.h"

#include "core/cuda/check.cuh"

namespace parl::cuda {
namespace {

Report ask() {
  Report result;
  result.built = true;
  int count = 0;
  result.reason = failure(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  if (result.reason.empty() && count == 0) result.reason = "cudaGetDeviceCount: no device";
  for (int i = 0; result.reason.empty() && i < count; ++i) {
    cudaDeviceProp properties;
    result.reason = failure(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties of device " + std::to_string(i));
    if (!result.reason.empty()) break;
    Device device;
    device.name = properties.name;
    device.major = properties.major;
    device.minor = properties.minor;
    device.multiprocessors = properties.multiProcessorCount;
    device.memoryBytes = static_cast<int64_t>(properties.totalGlobalMem);
    result.devices.push_back(device);
  }
  if (!result.reason.empty()) result.devices.clear();
  return result;
}

}  // namespace

// Devices do not come and go within a process, and asking costs milliseconds a device.
Report report() {
  static const Report asked = ask();
  return asked;
}

}  // namespace parl::cuda
