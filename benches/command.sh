#!/usr/bin/env bash
# Whole commands, from the start of the process to the file written: the ADL selections, and the loads of very many
# histograms that the example many-histograms prints. Prints a markdown table of wall and CPU time (the least of REPEAT
# runs, the file in the page cache) and of the most memory a run held.
#
#   benches/command.sh FILE [NAME ...]      FILE of the ADL selections; NAMEs of selections or loads, default all
#
#   ANA_PYTHON    python (default python3)
#   ANA_SQL       the command (default: built here)
#   ANA_MANY      the example many-histograms (default: built here)
#   THREADS       threads (default 2); REPEAT runs of each (default 3)
set -euo pipefail
file=$(realpath "${1:?a ROOT file of NanoAOD}")
shift
cd "$(dirname "$0")/.."
python=${ANA_PYTHON:-python3}
if [[ -z ${ANA_SQL:-} || -z ${ANA_MANY:-} ]]; then
    cargo build -q --release --workspace --bin ana-sql --example many-histograms
    target=$(cargo metadata --format-version 1 --no-deps | "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
fi
export ANA_SQL=${ANA_SQL:-$target/release/ana-sql} THREADS=${THREADS:-2} REPEAT=${REPEAT:-3} FILE=$file
many=${ANA_MANY:-$target/release/examples/many-histograms}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export WORK=$work
for load in thousand filled sparse; do "$many" print "$load" >"$work/$load.sql"; done
cp configs/adl/*.sql "$work"

"$python" - "$@" <<'EOF'
import os, re, subprocess, sys, time
from pathlib import Path

work = Path(os.environ["WORK"])
order = lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.stem)]
wanted = sys.argv[1:] or [path.stem for path in sorted(work.glob("*.sql"), key=order)]
print("| statement | wall, s | CPU, s | most memory, MB |", "|---|--:|--:|--:|", sep="\n", flush=True)
for name in wanted:
    least, cpu, memory = float("inf"), float("inf"), 0
    command = [os.environ["ANA_SQL"], "-j", os.environ["THREADS"], "-t", f"events={os.environ['FILE']}"]
    command += ["-f", str(work / f"{name}.sql"), "-o", str(work / "out.json")]
    for _ in range(int(os.environ["REPEAT"])):
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{name}: {said}")
        least = min(least, time.monotonic() - started)
        cpu = min(cpu, used.ru_utime + used.ru_stime)
        memory = max(memory, used.ru_maxrss / 1000)
    print(f"| {name} | {least:.3f} | {cpu:.3f} | {memory:.0f} |", flush=True)
EOF
