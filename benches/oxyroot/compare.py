#!/usr/bin/env python3
"""Compare oxyroot with ana-root on a file: speed, and whether values land in the right events.

    python benches/oxyroot/compare.py FILE.root [TREE]

Both read every branch of numbers or lists of numbers, each on its own, and print a digest that sees which
event a value belongs to. Builds both in release mode.
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def run(command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def main():
    file, tree = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "Events"
    subprocess.run(["cargo", "build", "-q", "--release"], check=True, cwd=HERE)
    ours = {}
    lines = run(["cargo", "run", "-q", "--release", "-p", "ana-root", "--example", "branch_digests", "--",
                 str(pathlib.Path(file).resolve()), tree], cwd=ROOT)
    for line in lines.splitlines():
        name, kind, events, digest, seconds = line.split()
        ours[name] = kind, events, digest, float(seconds)
    asked = "".join(f"{name} {kind}\n" for name, (kind, *_) in ours.items())
    theirs = {}
    for line in run([HERE / "target/release/oxyroot-branches", file, tree], input=asked).splitlines():
        name, rest = line.split(" ", 1)
        theirs[name] = rest.split(" ", 2)
    failed, wrong, equal, time_ours, time_theirs = [], [], 0, 0.0, 0.0
    for name, (_, events, digest, seconds) in ours.items():
        answer = theirs.get(name, ["error", "no answer"])
        if answer[0] == "error":
            failed.append(f"{name}: {' '.join(answer[1:])[:80]}")
        elif answer[:2] != [events, digest]:
            wrong.append(name)
        else:
            equal += 1
            time_ours, time_theirs = time_ours + seconds, time_theirs + float(answer[2])
    print(f"{len(ours)} branches: {equal} equal, {len(wrong)} with other values or events, {len(failed)} not read")
    if equal:
        print(f"time on the equal ones: oxyroot {time_theirs:.4f} s, ana-root {time_ours:.4f} s, "
              f"ratio {time_theirs / time_ours:.1f}")
    for title, names in (("other values or events", wrong), ("not read by oxyroot", failed)):
        if names:
            print(f"{title}: " + "; ".join(names[:8]) + (" …" if len(names) > 8 else ""))


if __name__ == "__main__":
    main()
