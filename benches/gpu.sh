#!/usr/bin/env bash
# The GPU of this machine in one command: conformance with the CPU on generated fill plans (ANA_CASES, default 5000) and
# event subqueries (ANA_KERNELS, default 5000), the bounds of shaders at values that are edges, and faults at every
# submission, then a table of fill rates beside one core. Fails where there is no adapter.
#
#   benches/gpu.sh [gpu:N]
set -euo pipefail
cd "$(dirname "$0")/.."
# Mesa's layer that sorts devices complains where there is no display server.
export NODEVICE_SELECT=1
export ANA_REQUIRE_GPU=1 ANA_CASES="${ANA_CASES:-5000}" ANA_KERNELS="${ANA_KERNELS:-5000}"
cargo test --release -p ana-kernels --test conformance --test formula --test bounds --test faults -- --nocapture
cargo run -q --release -p ana-kernels --example device-rates -- "$@"
