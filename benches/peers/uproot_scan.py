#!/usr/bin/env python3
"""CPU seconds of uproot for the columns of the ADL queries Q1-Q8, for `benches/scan.sh`.

    ANA_BENCH_DATA=DIR uproot_scan.py [CODEC ...]

DIR holds gen_1M_{zstd,lz4,zlib,lzma}.root. Writes one JSON object per codec and query, with the least of three reads.
The file is mapped into memory and read once before; uproot decompresses in this thread alone.
"""
import json
import os
import sys
import time

import uproot

def of(prefix, names):
    return [f"{prefix}_{name}" for name in names.split()]

QUERIES = {
    "Q1": ["MET_pt"],
    "Q2": ["Jet_pt"],
    "Q3": of("Jet", "pt eta"),
    "Q4": ["MET_pt", "Jet_pt"],
    "Q5": ["MET_pt"] + of("Muon", "pt eta phi mass charge"),
    "Q6": of("Jet", "pt eta phi mass btagDeepFlavB"),
    "Q7": of("Jet", "pt eta phi") + of("Muon", "pt eta phi") + of("Electron", "pt eta phi"),
    "Q8": ["MET_pt", "MET_phi"] + of("Muon", "pt eta phi mass charge") + of("Electron", "pt eta phi mass charge"),
}


def main():
    folder = os.environ.get("ANA_BENCH_DATA", ".")
    for codec in sys.argv[1:] or ("zstd", "lz4", "zlib", "lzma"):
        path = os.path.join(folder, f"gen_1M_{codec}.root")
        if not os.path.exists(path):
            print(f"skipped: no {path}", file=sys.stderr)
            continue
        with uproot.open(path, array_cache=None) as file:
            tree = file["Events"]
            for query, columns in QUERIES.items():
                best = float("inf")
                for _ in range(3):
                    began = time.process_time()
                    tree.arrays(columns, library="ak")
                    best = min(best, time.process_time() - began)
                row = {"codec": codec, "query": query, "uproot_cpu_s": best, "version": uproot.__version__}
                print(json.dumps(row), flush=True)


main()
