// CUDA devices of this machine, asked through the statically linked runtime: no driver, no device and no CUDA at build
// time are all answers, never failures to load.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace parl::cuda {

struct Device {
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
  int multiprocessors = 0;
  int64_t memoryBytes = 0;
};

struct Report {
  bool built = false;           // the kernels are in this binary
  std::vector<Device> devices;  // empty: `reason` says why
  std::string reason;
};

Report report();

}  // namespace parl::cuda
