#!/usr/bin/env python3
"""Digests of every branch that uproot reads as numbers, booleans, strings or (nested) lists of them.

    root_digests.py FILE...  →  JSON on standard output: file → "tree;cycle" → branch path → {type, digest}

The digest is a wrapping sum over values and list lengths of mix(mix(event, position in the event, level) ^ bits), so it
changes when a value moves to another event or another place. engine/root/tests/digests.rs computes the same.
"""
import json
import os
import sys

import awkward as ak
import numpy as np
import uproot

U = np.uint64
EVENT, POSITION, LEVEL = U(0x9E3779B97F4A7C15), U(0xD1B54A32D192ED03), U(0x8CB92BA72F3D8DD7)


def mix(x):
    """splitmix64"""
    x = x + U(0x9E3779B97F4A7C15)
    x = (x ^ (x >> U(30))) * U(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> U(27))) * U(0x94D049BB133111EB)
    return x ^ (x >> U(31))


def hashed(events, level, bits):
    n = len(events)
    if n == 0:
        return U(0)
    index = np.arange(n, dtype=np.uint64)
    first = np.zeros(n, dtype=np.uint64)
    new = np.flatnonzero(events[1:] != events[:-1]) + 1
    first[new] = new
    position = index - np.maximum.accumulate(first)
    place = events * EVENT + position * POSITION + U(level) * LEVEL
    return np.add.reduce(mix(mix(place) ^ bits), dtype=np.uint64)


def values(array, events, level):
    """A flat NumPy array of numbers."""
    if array.dtype == np.bool_:
        bits = (array.view(np.uint8) != 0).astype(np.uint64)
        name = "bool"
    else:
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        bits = array.view(f"u{array.dtype.itemsize}").astype(np.uint64)
        name = f"{array.dtype.kind}{array.dtype.itemsize}"
    return name, hashed(events, level, bits)


def regular(array, events, level):
    """A NumPy array of any number of dimensions: the inner ones are fixed-size lists."""
    suffix = "".join(f"[{n}]" for n in array.shape[1:])
    flat = array.reshape(-1)
    inner = int(np.prod(array.shape[1:], dtype=np.int64))
    name, digest = values(flat, np.repeat(events, inner) if inner != 1 else events, level)
    return name + suffix, digest


class Unreadable(Exception):
    pass


def walk(layout, events, level=0):
    if layout.is_unknown:
        return "?", U(0)
    if layout.is_numpy:
        return regular(layout.data, events, level)
    if layout.is_regular:
        if layout.parameter("__array__") is not None:
            raise Unreadable("fixed-size text")
        inner, digest = walk(layout.content[: len(layout) * layout.size], np.repeat(events, layout.size), level)
        base, _, rest = inner.partition("[")
        if inner.startswith("list") or inner == "str":
            return f"{inner}[{layout.size}]", digest
        return f"{base}[{layout.size}]" + ("[" + rest if rest else ""), digest
    if layout.is_list:
        layout = layout.to_ListOffsetArray64(True)
        offsets = np.asarray(layout.offsets.data)
        lengths = np.diff(offsets)
        own = hashed(events, level, lengths.astype(np.uint64))
        content = layout.content[offsets[0] : offsets[-1]]
        text = layout.parameter("__array__") in ("string", "bytestring")
        inner, digest = walk(content, np.repeat(events, lengths), level + 1)
        return ("str" if text else f"list({inner})"), own + digest
    raise Unreadable(type(layout).__name__)


def as_root_unpacks(branch, interpretation):
    """uproot takes 2^bits steps also for 32 bits and multiplies by their size; ROOT divides by steps per unit."""
    raw = branch.array(uproot.interpretation.numerical.AsDtype(np.dtype((">u4", interpretation.to_dims))), library="np")
    bits = interpretation.num_bits
    steps = float(1 << bits) if bits < 32 else float(0xFFFFFFFF)
    factor = steps / (interpretation.high - interpretation.low)
    unpacked = raw.astype(np.float64) / factor + interpretation.low
    return unpacked.astype(interpretation.to_dtype.base)


def digest_branch(branch, interpretation):
    """Yields (suffix of the path, type, digest)."""
    numerical = uproot.interpretation.numerical
    entries = np.arange(branch.num_entries, dtype=np.uint64)
    packed = isinstance(interpretation, (numerical.AsDouble32, numerical.AsFloat16))
    if packed and not interpretation.is_truncated:
        yield "", *regular(as_root_unpacks(branch, interpretation), entries, 0)
    elif isinstance(interpretation, numerical.Numerical):
        array = branch.array(interpretation, library="np")
        if array.dtype.names is None:
            yield "", *regular(array, entries, 0)
        else:
            for name in array.dtype.names:
                yield "." + name, *regular(array[name], entries, 0)
    else:
        array = branch.array(interpretation, library="ak")
        yield "", *walk(ak.to_layout(array, allow_record=False), entries)


def digest_tree(tree):
    out = {}
    for path, branch in tree.iteritems(recursive=True, full_paths=True):
        if len(branch.branches) > 0:
            continue
        try:
            for suffix, name, digest in digest_branch(branch, branch.interpretation):
                out[path + suffix] = {"type": name, "digest": f"{int(digest):016x}", "entries": branch.num_entries}
        except Exception as problem:  # noqa: BLE001: whatever uproot cannot read is not compared
            out[path] = {"unreadable": f"{type(problem).__name__}: {problem}".splitlines()[0][:200]}
    return out


def main():
    np.seterr(over="ignore")
    result = {}
    for name in sys.argv[1:]:
        trees = {}
        try:
            with uproot.open(name) as file:
                for key, classname in file.classnames(recursive=True).items():
                    if classname in ("TTree", "TNtuple", "TNtupleD"):
                        trees[key] = {"entries": file[key].num_entries, "branches": digest_tree(file[key])}
        except Exception as problem:  # noqa: BLE001
            trees = {"error": f"{type(problem).__name__}: {problem}".splitlines()[0][:200]}
        result[os.path.abspath(name)] = trees
    json.dump(result, sys.stdout)


main()
