#!/usr/bin/env python3
"""Compare oxyroot with ana-root on files: do values arrive, in the right events, and how fast?

    python benches/oxyroot/compare.py [--turns N] [--limit SECONDS] [--json FILE] [FILE.root ...]

Without files: all under $ANA_SHARED/data. Of every TTree the branches of numbers and of lists of numbers that uproot
reads are read by both, each branch on its own; uproot says what is right. A digest that sees which event a value
belongs to is held against uproot's, and where it differs another one that is blind to events: values in the wrong
events are told from wrong values. The times are the least of N turns (default 1), of the branches both read right.
The digest is part of both times. Prints a markdown table. Needs uproot; builds both programs in release mode.
"""
import argparse
import collections
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading

import awkward as ak
import numpy as np
import uproot

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BASIS, PRIME = np.uint64(0xCBF2_9CE4_8422_2325), np.uint64(0x0100_0000_01B3)
TREES = ("TTree", "TNtuple", "TNtupleD")
NUMBERS = {"b": "Boolean", "i": "Int", "u": "UInt", "f": "Float"}


def kind_of(branch):
    """As oxyroot-branches spells it; None for what is neither numbers nor lists of them.

    Arrays of fixed length are left out: oxyroot has their length in the type, so that one has to know it when
    compiling."""
    outer = inner = branch.interpretation
    jagged = isinstance(outer, uproot.interpretation.jagged.AsJagged)
    if jagged:
        inner = outer.content
    if type(inner) is not uproot.interpretation.numerical.AsDtype or inner.inner_shape:
        return None
    dtype = inner.to_dtype
    if dtype.kind not in NUMBERS:
        return None
    number = NUMBERS[dtype.kind] + ("" if dtype.kind == "b" else str(8 * dtype.itemsize))
    if not jagged:
        return number
    # A std::vector has ten bytes ahead of its values; one byte is that of a counted array in a class.
    return f"{'Vector' if outer.header_bytes >= 10 else 'List'}:{number}"


def fold(hashes):
    """The sum of src/digest.rs over the hashes of the events."""
    weights = np.arange(1, len(hashes) + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return f"{int((hashes * weights).sum(dtype=np.uint64)):016x}"


def digests(array):
    """Events, values, and the digests that see events and that do not."""
    with np.errstate(over="ignore"):
        if array.ndim == 1:
            bits = ak.to_numpy(array).astype(np.float64).view(np.uint64)
            digest = fold((BASIS ^ bits) * PRIME)
            return len(bits), len(bits), digest, digest
        counts = ak.to_numpy(ak.num(array))
        bits = ak.to_numpy(ak.flatten(array)).astype(np.float64).view(np.uint64)
        hashes, first = np.full(len(counts), BASIS), np.cumsum(counts) - counts
        for position in range(counts.max(initial=0)):
            longer = np.flatnonzero(counts > position)
            hashes[longer] = (hashes[longer] ^ bits[first[longer] + position]) * PRIME
        return len(counts), len(bits), fold(hashes), fold((BASIS ^ bits) * PRIME)


def readable(tree):
    """What uproot makes of the branches: name -> kind, events, values, digest, flat digest."""
    found = {}
    for branch in tree.itervalues(recursive=True):
        kind = kind_of(branch)
        if kind and branch.name not in found:
            try:
                found[branch.name] = kind, *digests(branch.array(library="ak"))
            except Exception as error:  # not readable by uproot: nothing to compare with
                print(f"uproot does not read {branch.name}: {str(error)[:80]}", file=sys.stderr)
    return found


def ana_root(program, file, tree):
    """name -> events, digest, seconds. Not all: it passes over what it does not take for numbers."""
    done = subprocess.run([program, file, tree], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    rows = (line.rsplit(" ", 4) for line in done.stdout.splitlines())
    return {name: (int(events), digest, float(seconds)) for name, _, events, digest, seconds in rows}


def oxyroot(program, file, tree, asked, limit):
    """The answers, one for each of the (name, kind) asked; a branch may take `limit` seconds."""
    answers = []
    while len(answers) < len(asked):
        child = subprocess.Popen([program, file, tree], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        lines = queue.Queue()

        def ask(stdin=child.stdin, rest=tuple(asked[len(answers):])):
            try:
                with stdin:
                    stdin.writelines(f"{name}\t{kind}\n" for name, kind in rest)
            except BrokenPipeError:
                pass  # the program ended early, which its missing answers show

        def listen(stdout=child.stdout, lines=lines):
            with stdout:
                for line in stdout:
                    lines.put(line)
            lines.put(None)

        for work in (ask, listen):
            threading.Thread(target=work, daemon=True).start()
        while len(answers) < len(asked):
            try:
                line = lines.get(timeout=limit)
            except queue.Empty:
                answers.append(["error", f"no answer in {limit:g} s"])
                break
            if line is None:
                answers.append(["error", f"the program died with {child.wait()}"])
                break
            answers.append(line.split(" ", 1 if line.startswith("error") else 3))
        child.kill()
        child.wait()
    return answers


def compare(programs, file, tree, turns, limit):
    """Counts, times and reasons for one tree."""
    truth = readable(uproot.open(file)[tree])
    asked = [(name, row[0]) for name, row in truth.items()]
    counts, reasons, other = collections.Counter(uproot=len(truth)), collections.Counter(), []
    least = {}
    for turn in range(turns):
        ours = ana_root(programs["ana-root"], file, tree)
        theirs = oxyroot(programs["oxyroot"], file, tree, asked, limit)
        for (name, _), answer in zip(asked, theirs):
            _, events, values, digest, flat = truth[name]
            mine = ours.get(name)
            our_verdict = "missing" if mine is None else "right" if mine[:2] == (events, digest) else "wrong"
            if answer[0] == "error":
                reason = answer[1].strip()
                verdict = ("panic" if "panic" in reason else "silent" if "no answer" in reason else "error")
            elif answer[:2] == [str(events), digest]:
                verdict = "right"
            else:
                verdict = "events" if answer[2] == flat else "wrong"
            if turn == 0:
                counts[verdict] += 1
                counts[f"ours {our_verdict}"] += 1
                if answer[0] == "error":
                    reasons[reason[:100]] += 1
                elif verdict != "right":
                    other.append(name)
            if verdict == our_verdict == "right":
                row = least.setdefault(name, [values, float("inf"), float("inf")])
                row[1:] = min(row[1], float(answer[3])), min(row[2], mine[2])
    times = [sum(column) for column in zip(*least.values())] or [0, 0.0, 0.0]
    kinds = {name: row[0] for name, row in truth.items()}
    split = {}
    for shape in ("scalars", "lists"):
        rows = [row for name, row in least.items() if (":" in kinds[name]) == (shape == "lists")]
        split[shape] = [sum(column) for column in zip(*rows)] or [0, 0.0, 0.0]
    return {"file": pathlib.Path(file).name, "tree": tree, "counts": counts, "reasons": reasons, "other": other,
            "times": times, "split": split}


COLUMNS = [("uproot reads", "uproot"), ("right", "right"), ("right values, wrong events", "events"),
           ("wrong values", "wrong"), ("panic", "panic"), ("error", "error"), ("no answer", "silent"),
           ("ana-root right", "ours right")]


def per_value(times):
    values, theirs, ours = times
    return (f"{theirs / values * 1e9:.1f}", f"{ours / values * 1e9:.1f}", f"{theirs / ours:.1f}") if values else ("–",) * 3


def row(title, counts, times):
    return "| " + " | ".join([title, *(str(counts[key]) for _, key in COLUMNS), *per_value(times)]) + " |"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="*")
    options.add_argument("--turns", type=int, default=1)
    options.add_argument("--limit", type=float, default=20.0)
    options.add_argument("--json", help="also leave every tree's result in this file, a line each")
    options = options.parse_args()
    files = options.files
    if not files:
        if "ANA_SHARED" not in os.environ:
            sys.exit("name files, or set ANA_SHARED to the folder whose data/ holds some")
        files = sorted(map(str, pathlib.Path(os.environ["ANA_SHARED"], "data").rglob("*.root")))

    programs = {}
    for name, folder, arguments in (("oxyroot", HERE, []),
                                    ("ana-root", ROOT, ["-p", "ana-root", "--example", "branch_digests"])):
        built = subprocess.run(["cargo", "build", "-q", "--release", "--message-format=json", *arguments], cwd=folder,
                               check=True, text=True, stdout=subprocess.PIPE).stdout
        programs[name] = [m["executable"] for m in map(json.loads, built.splitlines()) if m.get("executable")][-1]

    print("| file, tree | " + " | ".join(title for title, _ in COLUMNS) + " | oxyroot ns/value | ana-root ns/value | ratio |")
    print("|---" * (len(COLUMNS) + 4) + "|")
    total, reasons, times, other = collections.Counter(), collections.Counter(), [0, 0.0, 0.0], []
    split = {"scalars": [0, 0.0, 0.0], "lists": [0, 0.0, 0.0]}
    for file in files:
        try:
            trees = [name for name, kind in uproot.open(file).classnames(cycle=False).items() if kind in TREES]
        except Exception as error:
            print(f"uproot does not open {file}: {str(error)[:80]}", file=sys.stderr)
            continue
        for tree in trees:
            result = compare(programs, file, tree, options.turns, options.limit)
            print(row(f"{result['file']}, {tree}", result["counts"], result["times"]), flush=True)
            total += result["counts"]
            reasons += result["reasons"]
            other += [f"{result['file']}:{tree}:{name}" for name in result["other"]]
            times = [a + b for a, b in zip(times, result["times"])]
            split = {shape: [a + b for a, b in zip(split[shape], result["split"][shape])] for shape in split}
            if options.json:
                with open(options.json, "a") as out:
                    print(json.dumps(result), file=out)
    print(row("all", total, times))
    for shape, sums in split.items():
        print(f"\n{shape}: oxyroot {per_value(sums)[0]} ns/value, ana-root {per_value(sums)[1]}, ratio {per_value(sums)[2]}")
    print("\nWhat oxyroot said where it read nothing:\n")
    for reason, count in reasons.most_common(12):
        print(f"- {count} × {reason}")
    if other:
        print(f"\nRead without an error, and differently, {len(other)} branches: " + ", ".join(other[:12])
              + (" …" if len(other) > 12 else ""))


if __name__ == "__main__":
    main()
