#!/bin/bash
# cuda-toolchain.sh CACHE_DIR: puts nvcc into CACHE_DIR, from pip wheels (300 MB, no driver or device needed), and prints
# its path, for CUDACXX. A finished one is reused. Everything is pinned: with a newer nvvm or crt, which pip would pick by
# itself, ptxas refuses the code.
set -euo pipefail
cache=${1:?expected a cache directory, received none}
packages=(nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85)
key=$(printf '%s\n' "${packages[@]}" | sha256sum | cut -c1-12)
venv=$cache/cuda-$key
if [ ! -e "$venv/finished" ]; then
  mkdir -p "$cache"
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --no-deps --disable-pip-version-check "${packages[@]}" >&2
  toolkit=$(dirname "$(dirname "$(find "$venv" -path '*/nvidia/cu13/bin/nvcc')")")
  # CMake looks for the runtime in lib64.
  [ -e "$toolkit/lib64" ] || ln -s lib "$toolkit/lib64"
  "$toolkit/bin/nvcc" --version >&2
  touch "$venv/finished"
fi
find "$venv" -path '*/nvidia/cu13/bin/nvcc'
