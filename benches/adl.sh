#!/usr/bin/env bash
# The ADL selections side by side, in one run: ana-sql, what only decompressing the same baskets takes (the floor), and
# the peers awkward + uproot (2 processes), ROOT RDataFrame (2 threads) and DuckDB on Parquet (2 threads).
# Prints a markdown table. All take turns, so that all see the machine in the same states; the least wall and the least
# CPU time of all turns count. All are warm: starting, compiling and the first reading of the file are not in the times.
# The floor decompresses every basket whole. It is no lower bound: the reader stops where a basket's values end, and
# leaves out the table of entries behind them.
# On a busy machine compare the CPU times: what others leave of two cores differs from turn to turn.
# Paths are absolute.
#
#   ANA_GENERATED    folder of gen_1M_zstd.root, gen_1M_lz4.root and gen_1M.parquet; needed
#   ANA_SHARED       folder whose peers/ holds the peers' scripts; without it no peers
#   ANA_PYTHON       python that imports uproot, awkward and duckdb (default python3)
#   ANA_PYTHON_ROOT  python that imports ROOT (default ANA_PYTHON)
#   ANA_ADL_TIMES    command that prints our times for a file (default: the example adl-times)
#   ANA_FLOOR        command that prints the floor (default: the bench ratio of ana-root)
#   TURNS            turns (default 3); REPEAT runs of a selection in each (default 2)
#   KEEP             folder in which the JSON lines of all tools are left
set -euo pipefail
cd "$(dirname "$0")/.."
python=${ANA_PYTHON:-python3}
python_root=${ANA_PYTHON_ROOT:-$python}
repeat=${REPEAT:-2}
read -ra ours <<<"${ANA_ADL_TIMES:-cargo run -q --release --workspace --example adl-times --}"
read -ra floor <<<"${ANA_FLOOR:-cargo bench -q -p ana-root --bench ratio --}"
say() { echo "$@" >&2; }

files=${ANA_GENERATED:?folder of gen_1M_zstd.root, gen_1M_lz4.root and gen_1M.parquet (tools/make_nanoaod.py of ANA_SHARED writes them)}
codecs=()
for codec in zstd lz4; do
    if [[ -f $files/gen_1M_$codec.root ]]; then
        codecs+=("$codec")
    else
        say "skipped: no $files/gen_1M_$codec.root"
    fi
done
[[ ${#codecs[@]} -gt 0 ]] || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=${KEEP:-$work}
mkdir -p "$results"
# Lines of an earlier run saw the machine in another state.
rm -f "$results"/{zstd,lz4,parquet}.{ana-sql,floor,awkward,RDataFrame,DuckDB}.jsonl

peers=()
scripts=${ANA_SHARED:-}/peers
if [[ -z ${ANA_SHARED:-} || ! -f $scripts/run_awkward.py ]]; then
    say "skipped: all peers; set ANA_SHARED to the folder whose peers/ holds run_awkward.py, run_rdf.py and run_sql.py"
else
    # What each needs; a peer that cannot start is left out of every turn.
    offer() {
        if "$2" -c "import ${*:3}" 2>"$work/import"; then
            peers+=("$1")
        else
            say "skipped: $1; $2 says: $(tail -n 1 "$work/import")"
        fi
    }
    offer awkward "$python" uproot, awkward, boost_histogram
    offer RDataFrame "$python_root" ROOT
    if [[ -f $files/gen_1M.parquet ]]; then
        offer DuckDB "$python" duckdb
    else
        say "skipped: DuckDB; no $files/gen_1M.parquet"
    fi
fi
has() { [[ " ${peers[*]} " == *" $1 "* ]]; }

# peer NAME OUTPUT COMMAND...: the command with the options all peers' scripts share.
peer() {
    "${@:3}" --queries "$queries" --repeat "$repeat" --json "$results/$2.$1.jsonl" >"$work/log" 2>&1 ||
        say "failed: $1 on $2: $(tail -n 1 "$work/log")"
    # A selection that a peer does not know fails in its table, and has no line.
    grep failed "$work/log" | sed "s/^/$1 on $2: /" >&2 || true
}

load() { cut -d ' ' -f 1-3 /proc/loadavg 2>/dev/null || echo unknown; }
before=$(load)
for turn in $(seq "${TURNS:-3}"); do
    for codec in "${codecs[@]}"; do
        say "turn $turn, $codec, load $(load)"
        file=$files/gen_1M_$codec.root
        "${ours[@]}" "$file" --threads 2 --repeat "$repeat" >>"$results/$codec.ana-sql.jsonl"
        queries=$("$python" -c 'import json, sys; print(",".join(dict.fromkeys(json.loads(l)["query"] for l in sys.stdin)))' \
            <"$results/$codec.ana-sql.jsonl")
        ANA_BENCH_DATA=$files "${floor[@]}" --json "$codec" >>"$results/$codec.floor.jsonl"
        if has awkward; then
            peer awkward "$codec" "$python" "$scripts/run_awkward.py" --workers 2 --mode process --fill boost "$file"
        fi
        if has RDataFrame; then
            peer RDataFrame "$codec" "$python_root" "$scripts/run_rdf.py" --threads 2 "$file"
        fi
    done
    if has DuckDB; then
        peer DuckDB parquet "$python" "$scripts/run_sql.py" --engine duckdb --threads 2 "$files/gen_1M.parquet"
    fi
done

"$python" - "$results" "${codecs[@]}" <<'EOF'
import json, pathlib, sys
results = pathlib.Path(sys.argv[1])

def least(name, *keys):
    """query -> least of each key over all turns, in the order of the file"""
    best = {}
    path = results / f"{name}.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        row = json.loads(line)
        values = [row[key] for key in keys]
        best[row["query"]] = [min(pair) for pair in zip(values, best.get(row["query"], values))]
    return best

print("| file | query | wall s | events/s | CPU s | CPU / floor | fastest peer | its wall s | its / ours "
      "| thriftiest peer | its CPU s | its / ours |")
print("|---|---|--:|--:|--:|--:|---|--:|--:|---|--:|--:|")
parquet = least("parquet.DuckDB", "total_s", "cpu_s")
for codec in sys.argv[2:]:
    floors = least(f"{codec}.floor", "floor_cpu_s")
    peers = {name: least(f"{codec}.{name}", "total_s", "cpu_s") for name in ("awkward", "RDataFrame")}
    peers["DuckDB, Parquet"] = parquet
    for query, (wall, cpu, events) in least(f"{codec}.ana-sql", "total_s", "cpu_s", "events").items():
        floor = floors.get(query)
        cells = [codec, query, f"{wall:.4f}", f"{events / wall / 1e6:.2f}M", f"{cpu:.4f}",
                 f"{cpu / floor[0]:.2f}" if floor else "–"]
        for which, mine in ((0, wall), (1, cpu)):
            times = {name: rows[query][which] for name, rows in peers.items() if query in rows}
            best = min(times, key=times.get, default=None)
            cells += [best, f"{times[best]:.4f}", f"{times[best] / mine:.2f}"] if best else ["–"] * 3
        print("| " + " | ".join(cells) + " |")
EOF
echo
echo "2 threads or processes each on $(nproc) cores; load average $before before, $(load) after;" \
    "least of ${TURNS:-3} turns of $repeat runs."
