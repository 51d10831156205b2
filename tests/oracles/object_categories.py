#!/usr/bin/env python3
"""Categories of objects computed with awkward and NumPy alone, compared with the folder that ana-sql wrote.

    python tests/oracles/object_categories.py FOLDER_OF_THE_SAMPLES RESULTS
"""
import json
import pathlib
import sys
import zipfile

import awkward as ak
import hist
import numpy as np
import pyarrow.parquet as pq
import uhi.io.zip
import uproot

examples, results = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
datasets = json.loads((examples / "datasets.json").read_text())
archive = zipfile.ZipFile(results / "histograms.zip")
cutflow = {(r["dataset"], r["step"], r["variation"]): r for r in pq.read_table(results / "cutflow.parquet").to_pylist()}
SHIFTS = {"nominal": 1.0, "JESUp": 1.05, "JESDown": 0.95}
compared = 0


def place(values, bins, start, stop):
    edges = np.append(start + np.arange(bins) * ((stop - start) / bins), stop)
    return np.searchsorted(edges, np.asarray(values, np.float64), side="right")


def check(name, dataset, sample, category, shift, shape, places, weights):
    global compared
    histogram = hist.Hist(uhi.io.zip.read(archive, f"{name}/{sample}/{dataset}"))
    at = {"category": category} | ({"variation": shift} if "variation" in histogram.axes.name else {})
    view = histogram[at].view(flow=True)
    for got, w in ((view.value, weights), (view.variance, weights**2)):
        sums = np.zeros(shape)
        np.add.at(sums, places, w)
        assert np.allclose(got, sums, rtol=1e-9, atol=1e-12), (name, dataset, category, shift, got, sums)
        compared += sums.size


for dataset, sample, mc in (("TTToSemiLeptonic_2018", "TTToSemiLeptonic", True),
                            ("DATA_SingleMuon_2018_EraA", "DATA_SingleMuon", False)):
    tree = uproot.open(examples / datasets[dataset]["files"][0])["Events"]
    stored = {f: ak.values_astype(tree[f"Jet_{f}"].array(), np.float64) for f in ("pt", "eta", "btagDeepFlavB")}
    met = tree["MET_pt"].array(library="np").astype(np.float64)
    gen = tree["genWeight"].array(library="np").astype(np.float64) if mc else np.ones(len(met))
    weight = gen / gen.sum() if mc else gen
    muons = tree["Muon_pt"].array()
    for shift, factor in SHIFTS.items() if mc else [("nominal", 1.0)]:
        jets = ak.zip(stored | {"pt": stored["pt"] * factor})
        hard = ak.to_numpy(ak.sum(jets.pt > 60, axis=1)) >= 1
        everything = jets.eta == jets.eta
        central = (jets.pt > 40) & (abs(jets.eta) < 1.5)
        plus, minus = jets.eta >= 0, jets.eta < 0
        events = np.ones(len(met), bool)
        categories = {
            "all": (events, everything), "central": (events, central), "central_met": (met > 40, central),
            "plus_hard": (hard, plus), "plus_soft": (~hard, plus),
            "minus_hard": (hard, minus), "minus_soft": (~hard, minus),
        }
        presel = ak.to_numpy(ak.num(jets)) >= 2
        for category, (cut, mask) in categories.items():
            per_event = category == "all"
            any_passes = events if per_event else ak.to_numpy(ak.any(mask, axis=1))
            all_pass = events if per_event else ak.to_numpy(ak.all(mask, axis=1))
            chosen = presel & cut & any_passes
            row = cutflow[dataset, category, shift]
            assert row["events"] == chosen.sum(), (dataset, category, shift, row, chosen.sum())
            assert np.isclose(row["sumw"], weight[chosen].sum(), rtol=1e-9), (dataset, category, shift)
            inside = jets[chosen][mask[chosen]]
            repeated = np.repeat(weight[chosen], ak.to_numpy(ak.num(inside)))
            flat = ak.flatten(inside)
            where = (dataset, sample, category, shift)
            check("jet_pt", *where, (22,), place(flat.pt, 20, 0, 200), repeated)
            plane = (place(flat.eta, 10, -2.5, 2.5), place(flat.btagDeepFlavB, 5, 0, 1))
            check("jet_map", *where, (12, 7), plane, repeated)
            check("met_any", *where, (22,), place(met[chosen], 20, 0, 200), weight[chosen])
            # All jets pass, also where there is none.
            chosen_all = presel & cut & all_pass
            check("met_all", *where, (22,), place(met[chosen_all], 20, 0, 200), weight[chosen_all])
            if category == "all":
                first = jets.eta[chosen][:, 0]
                check("jet1_eta", *where, (12,), place(first, 10, -2.5, 2.5), weight[chosen])
            if category == "central" and shift == "nominal":
                files = (results / "columns" / f"dataset={dataset}" / f"category={category}").glob("*.parquet")
                rows = [row for file in sorted(files) for row in pq.ParquetFile(file).read().to_pylist()]
                want = sorted(zip(ak.to_list(tree["Jet_pt"].array()[chosen][mask[chosen]]),
                                  ak.to_list(tree["Jet_eta"].array()[chosen][mask[chosen]]), ak.to_list(muons[chosen])))
                got = sorted((row["Jet_pt"], row["Jet_eta"], row["Muon_pt"]) for row in rows)
                assert got == want, (dataset, len(got), len(want))
                assert all(row["Jet_N"] == len(row["Jet_pt"]) for row in rows)
print("agree:", compared, "cells")
