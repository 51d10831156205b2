#!/usr/bin/env bash
# Reading the columns of the ADL queries side by side, one core each, in one run: CPU seconds of ana-root, of only
# decompressing the same baskets (the floor), and of uproot; a table in Markdown.
# ANA_BENCH_DATA holds gen_1M_{zstd,lz4,zlib,lzma}.root; ANA_PYTHON (default python3) must import uproot and awkward.
# They take turns, codec by codec, so that all see the machine in the same state; the least time of all turns counts.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${ANA_PYTHON:-python3}
turns=${TURNS:-3}
data=$(cd "${ANA_BENCH_DATA:-.}" && pwd)
export ANA_BENCH_DATA=$data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo bench -q -p ana-root --bench ratio --no-run
for turn in $(seq "$turns"); do
    for codec in zstd lz4 zlib lzma; do
        [ -e "$data/gen_1M_$codec.root" ] || { echo "skipped: no gen_1M_$codec.root" >&2; continue; }
        cargo bench -q -p ana-root --bench ratio -- --json "$codec" >>"$work/rows"
        "$python" benches/peers/uproot_scan.py "$codec" >>"$work/rows"
    done
done

"$python" - "$work/rows" <<'EOF'
import json, sys
least, version = {}, ""
for line in open(sys.argv[1]):
    row = json.loads(line)
    version = row.get("version", version)
    times = least.setdefault((row["codec"], row["query"]), {})
    for name, seconds in row.items():
        if name.endswith("_cpu_s"):
            times[name] = min(seconds, times.get(name, seconds))
print(f"| codec | query | ana-root, CPU s | floor, CPU s | uproot {version}, CPU s | ana-root / floor | ana-root / uproot |")
print("|---|---|---|---|---|---|---|")
for (codec, query), times in least.items():
    scan, floor, uproot = (times[name + "_cpu_s"] for name in ("scan", "floor", "uproot"))
    print(f"| {codec} | {query} | {scan:.4f} | {floor:.4f} | {uproot:.4f} | {scan / floor:.2f} | {scan / uproot:.2f} |")
EOF
