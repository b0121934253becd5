// Keeps the kernel libraries from being empty until the first kernel lands.
#include "core/kernels/vec.h"
