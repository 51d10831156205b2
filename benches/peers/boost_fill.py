"""Time per fill of boost-histogram on one core, for `benches/fill.sh`.

The distributions of gpu-kernels/benches/fill.rs: values exponential of mean 40 (f64, and the same as f32), a second
axis Gaussian of width 1.2, weights Gaussian of mean 1 and width 0.1; 2^17 of each. Writes {name: ns per fill, the
least of many} as JSON. Each repetition fills everything in one call, which is what suits boost-histogram best.
"""

import json
import sys
import time

import boost_histogram as bh
import numpy as np

N = 1 << 17
REPETITIONS = 300


def least(fill):
    """ns per value, the least of many repetitions: what the machine does when nobody disturbs it."""
    best = float("inf")
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        fill()
        best = min(best, time.perf_counter() - start)
    return best / N * 1e9


def main():
    random = np.random.default_rng(1)
    x = random.exponential(40.0, N)
    y = random.normal(0.0, 1.2, N)
    w = random.normal(1.0, 0.1, N)
    x32, y32 = x.astype(np.float32), y.astype(np.float32)
    regular = [bh.axis.Regular(100, 0, 200)]
    variable = [bh.axis.Variable(200.0 ** (np.arange(100) / 99))]
    plane = [bh.axis.Regular(40, 0, 200), bh.axis.Regular(40, -2.4, 2.4)]
    uneven = [
        bh.axis.Variable(
            np.concatenate([np.arange(20.0), 20 + 0.01 * np.arange(50), 20.5 + 50.0 * np.arange(1, 31)])
        )
    ]
    cases = {
        "regular counts f64": (regular, [x], None),
        "regular counts f32": (regular, [x32], None),
        "regular weighted f64": (regular, [x], w),
        "regular weighted f32": (regular, [x32], w),
        "variable counts f64": (variable, [x], None),
        "variable counts f32": (variable, [x32], None),
        "variable weighted f64": (variable, [x], w),
        "uneven variable counts f64": (uneven, [x], None),
        "2-D counts f64": (plane, [x, y], None),
        "2-D weighted f64": (plane, [x, y], w),
        "2-D weighted f32": (plane, [x32, y32], w),
    }
    times = {}
    for name, (axes, values, weight) in cases.items():
        storage = bh.storage.Double() if weight is None else bh.storage.Weight()
        histogram = bh.Histogram(*axes, storage=storage)
        times[name] = least(lambda: histogram.fill(*values, weight=weight, threads=1))
    json.dump({"version": bh.__version__, "ns": times}, sys.stdout)


if __name__ == "__main__":
    main()
