#!/usr/bin/env bash
# Fills side by side with boost-histogram, one core each, in one run: ns per fill and the ratio.
# ANA_PYTHON (default python3) must import boost_histogram. The two take turns, so that both see the machine in the
# same state; the least time of all turns counts.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${ANA_PYTHON:-python3}
turns=${TURNS:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target=$(cargo metadata --format-version 1 --no-deps | "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

cargo bench -q -p ana-kernels --bench fill --no-run
for turn in $(seq "$turns"); do
    "$python" benches/peers/boost_fill.py >"$work/boost$turn.json"
    cargo bench -q -p ana-kernels --bench fill -- --quiet --noplot >/dev/null 2>&1
    "$python" - "$target/criterion/fill" >"$work/ours$turn.json" <<'EOF'
import json, pathlib, sys
times = {}
for new in pathlib.Path(sys.argv[1]).glob("*/new"):
    bench = json.loads((new / "benchmark.json").read_text())
    sample = json.loads((new / "sample.json").read_text())
    least = min(t / i for t, i in zip(sample["times"], sample["iters"]))
    times[bench["function_id"]] = least / bench["throughput"]["Elements"]
json.dump({"ns": times}, sys.stdout)
EOF
done

"$python" - "$work" <<'EOF'
import json, pathlib, sys
def least(prefix):
    runs = [json.loads(p.read_text()) for p in pathlib.Path(sys.argv[1]).glob(prefix + "*.json")]
    return {name: min(run["ns"][name] for run in runs) for name in runs[0]["ns"]}, runs[0].get("version")
ours, _ = least("ours")
boost, version = least("boost")
goals = {"regular counts f64": 0.6, "regular weighted f64": 0.9, "variable counts f64": 0.3}
print(f"{'ns per fill':32}{'ana-sql':>9}{'boost ' + version:>14}{'ratio':>8}{'goal':>7}")
for name in sorted(ours, key=lambda n: (n not in boost, n)):
    row = f"{name:32}{ours[name]:9.2f}"
    if name in boost:
        row += f"{boost[name]:14.2f}{ours[name] / boost[name]:8.2f}"
        row += f"{goals[name]:7.1f}" if name in goals else ""
    print(row)
EOF
