"""Reads the files that `ana-sql` writes with the libraries physicists use and compares every number.

usage: outputs.py FOLDER

FOLDER holds `expected.json` and `out.json`, `out.zip`, `out.root`, `out.parquet`. In `expected.json` floats are their 64 bits as
integers, so that no printing or parsing of decimals is between. Prints one line per check and exits 1 at the first difference.
"""

import json
import struct
import sys
import zipfile
from pathlib import Path

import hist
import numpy as np
import uhi.io.json
import uhi.io.zip
import uhi.schema
import uproot


def floats(bits):
    return np.array([struct.unpack("<d", struct.pack("<Q", b))[0] for b in bits])


def same(a, b, what):
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or not np.array_equal(a.view(np.uint64), b.view(np.uint64)):
        sys.exit(f"{what}: differs\n  found    {a}\n  expected {b}")


def check_hist(h, want, what):
    """A `hist.Hist` against the expected contents, flow bins included."""
    shape = tuple(want["extents"])
    values = floats(want["sumw"]).reshape(shape)
    same(h.values(flow=True), values, f"{what} values")
    if want["weighted"]:
        same(h.variances(flow=True), floats(want["sumw2"]).reshape(shape), f"{what} variances")
        assert h.storage_type is hist.storage.Weight, what
    else:
        assert h.storage_type is hist.storage.Int64, what
    assert h.name == want["name"], (what, h.name)
    for axis, wanted in zip(h.axes, want["axes"], strict=True):
        if wanted["labels"]:
            if isinstance(axis, hist.axis.Boolean):
                assert wanted["labels"] == ["false", "true"]
            else:
                assert list(axis) == wanted["labels"], (what, list(axis))
        elif wanted["edges_are_written"]:
            same(axis.edges, floats(wanted["edges"]), f"{what} edges")
        else:
            # boost-histogram computes the inner edges by a formula of its own
            edges = floats(wanted["edges"])
            same([axis.edges[0], axis.edges[-1]], [edges[0], edges[-1]], f"{what} ends")
            assert np.allclose(axis.edges, edges, rtol=1e-14, atol=1e-300), what


def check_uhi(folder, expected):
    document = json.loads((folder / "out.json").read_text(), object_hook=uhi.io.json.object_hook)
    assert list(document) == [w["name"] for w in expected], list(document)
    for want in expected:
        check_hist(hist.Hist(document[want["name"]]), want, f"json {want['name']}")
    with zipfile.ZipFile(folder / "out.zip") as archive:
        assert archive.testzip() is None
        for want in expected:
            check_hist(hist.Hist(uhi.io.zip.read(archive, want["name"])), want, f"zip {want['name']}")
    for name in ("out.json", "out.zip"):
        uhi.schema.main(str(folder / name))  # exits on a fault


def flows(values, axes):
    """Adds the underflow that ROOT has on every axis and we only on numeric ones."""
    for i, axis in enumerate(axes):
        if axis["labels"]:
            pad = [(0, 0)] * values.ndim
            pad[i] = (1, len(axis["labels"]) + 2 - values.shape[i] - 1)
            values = np.pad(values, pad)
    return values


def check_root(folder, expected):
    with uproot.open(folder / "out.root") as file:
        for want in expected:
            h = file[want["name"]]
            dimensions = len(want["axes"])
            assert h.classname == f"TH{dimensions}D", (want["name"], h.classname)
            shape = tuple(want["extents"])
            same(h.values(flow=True), flows(floats(want["sumw"]).reshape(shape), want["axes"]), f"root {want['name']}")
            variances = flows(floats(want["sumw2"]).reshape(shape), want["axes"])
            same(h.variances(flow=True), variances, f"root variances {want['name']}")
            assert h.member("fEntries") == sum(want["counts"]), want["name"]
            for i, wanted in enumerate(want["axes"]):
                axis = h.axis(i)
                assert axis.member("fTitle") == (wanted["name"] or ""), want["name"]
                if wanted["labels"]:
                    assert axis.labels() == wanted["labels"], axis.labels()
                else:
                    same_or_near(axis.edges(), floats(wanted["edges"]), wanted["edges_are_written"], want["name"])
            h.to_hist()


def same_or_near(found, edges, exact, what):
    if exact:
        same(found, edges, f"root edges {what}")
    else:
        assert np.allclose(found, edges, rtol=1e-14, atol=1e-15), what


def check_parquet(folder, expected):
    try:
        import pyarrow.parquet
    except ImportError:
        import awkward as ak

        rows = ak.from_parquet(folder / "out.parquet").to_list()
    else:
        rows = pyarrow.parquet.read_table(folder / "out.parquet").to_pylist()
    found = [cell for row in rows for cell in row.values() if isinstance(cell, dict)]
    assert len(found) == len(expected)
    for cell, want in zip(found, expected, strict=True):
        assert cell["count"] == want["counts"], want["name"]
        if want["weighted"]:
            same(cell["sumw"], floats(want["sumw"]), f"parquet {want['name']}")
        else:
            assert cell["sumw"] is None


def main(folder):
    expected = json.loads((folder / "expected.json").read_text())
    for check in (check_uhi, check_root, check_parquet):
        check(folder, expected)
        print(f"{check.__name__}: {len(expected)} histograms agree")


main(Path(sys.argv[1]))
