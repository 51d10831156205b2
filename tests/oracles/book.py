"""Runs the Python blocks of a chapter one after the other and prints what each calls `answer`.

usage: book.py BLOCKS.json      (in a folder where the files lie that the blocks open)

BLOCKS.json holds {"file": name, "blocks": [{"line": n, "code": text}]}; the names of one block are there for the next. Prints one
JSON list with one entry per block, null where a block has no answer. Floats that JSON cannot hold are written as text. A
histogram is {"values": …, "variances": …}, flow bins included.
"""

import json
import sys
from pathlib import Path

import awkward as ak
import hist
import numpy as np


def plain(value):
    if isinstance(value, hist.Hist):
        return {"values": plain(value.values(flow=True)), "variances": plain(value.variances(flow=True))}
    if isinstance(value, ak.Array | np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def main():
    given = json.loads(Path(sys.argv[1]).read_text())
    names, answers = {}, []
    for block in given["blocks"]:
        names.pop("answer", None)
        # Empty lines before, so that a traceback tells the line of the page.
        exec(compile("\n" * block["line"] + block["code"], given["file"], "exec"), names)
        answers.append(plain(names.get("answer")))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
