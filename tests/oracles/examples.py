#!/usr/bin/env python3
"""The examples zmumu and ttbar_ht computed with awkward, vector and NumPy alone, compared with the folder that ana-sql wrote.

    python tests/oracles/examples.py FOLDER_OF_DATASETS_JSON RESULTS
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

folder, results = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
datasets = json.loads((folder / "datasets.json").read_text())
golden = json.loads((folder / "golden.json").read_text())
archive = zipfile.ZipFile(results / "histograms.zip")
cutflow = {(r["dataset"], r["step"], r["variation"]): r for r in pq.read_table(results / "cutflow.parquet").to_pylist()}
LUMI, WP = {"2017": 41479.68, "2018": 59832.475}, {"2017": 0.3040, "2018": 0.2783}
MASS = {"Muon": 0.1056583755, "Electron": 0.000511}
compared = 0


def objects(tree, name, fields):
    """Values as double precision: a cut compares what is stored with the number as it is written."""
    arrays = {field: tree[f"{name}_{field}"].array() for field in fields}
    floats = {f: ak.values_astype(a, np.float64) for f, a in arrays.items()
              if f in ("pt", "eta", "phi", "mass", "btagDeepFlavB", "pfRelIso04_all")}
    return ak.zip(arrays | floats)


def cartesian(p):
    x, y, z = p.pt * np.cos(p.phi), p.pt * np.sin(p.phi), p.pt * np.sinh(p.eta)
    return ak.zip({"x": x, "y": y, "z": z, "e": np.sqrt(x**2 + y**2 + z**2 + p.mass**2)})


def together(*parts):
    total = {k: sum(part[k] for part in parts) for k in "xyze"}
    m2 = total["e"] ** 2 - total["x"] ** 2 - total["y"] ** 2 - total["z"] ** 2
    return np.sqrt(np.maximum(m2, 0)), np.hypot(total["x"], total["y"])


def first(values, best):
    """The element where `best` is largest; NaN for events with none."""
    return ak.to_numpy(ak.fill_none(ak.firsts(values[ak.argmax(best, axis=1, keepdims=True)]), np.nan))


def compare(name, dataset, sample, category, label, values, edges, weights):
    global compared
    histogram = hist.Hist(uhi.io.zip.read(archive, f"{name}/{sample}/{dataset}"))
    at = {"category": category} | ({"variation": label} if "variation" in histogram.axes.name else {})
    view = histogram[at].view(flow=True)
    values = np.asarray(values, np.float64)
    places = np.searchsorted(edges, values, side="right")
    for got, w in ((view.value, weights), (view.variance, weights**2)):
        sums = np.zeros(len(edges) + 1)
        np.add.at(sums, places, w)
        # Masses come from other orders of operations: an event next to an edge could go either way.
        if name in ("mll", "ptll", "top_mass") and len(values):
            near = np.min(np.abs(values[:, None] - edges), axis=1) < 1e-9 * np.abs(values)
            assert not np.any(near), (name, dataset, "next to an edge")
        scale = max(np.max(np.abs(sums), initial=0), 1e-300)
        assert np.allclose(got, sums, rtol=1e-9, atol=1e-12 * scale), (name, dataset, category, label, got, sums)
        compared += len(sums)


def regular(bins, start, stop):
    return np.append(start + np.arange(bins) * ((stop - start) / bins), stop)


def check(dataset, sample, category, label, selected, weight, histograms):
    row = cutflow[dataset, category, label]
    assert row["events"] == selected.sum(), (dataset, category, label, row, selected.sum())
    assert np.isclose(row["sumw"], weight[selected].sum(), rtol=1e-9), (dataset, category, label)
    for name, (values, edges) in histograms.items():
        if isinstance(values, ak.Array):
            counts = ak.to_numpy(ak.num(values[selected]))
            flat, weights = ak.to_numpy(ak.flatten(values[selected])), np.repeat(weight[selected], counts)
        else:
            flat, weights = values[selected], weight[selected]
        compare(name, dataset, sample, category, label, flat, edges, weights)


def zmumu(tree, meta, dataset):
    mc, year = meta["isMC"] == "True", meta["year"]
    array = lambda name: tree[name].array(library="np")
    muons = objects(tree, "Muon", ["pt", "eta", "phi", "mass", "charge", "tightId"])
    skim = (array("PV_npvsGood") >= 1) & array("Flag_goodVertices") & array("HLT_IsoMu24")
    skim &= ak.to_numpy(ak.any(muons.pt > 15, axis=1))
    if not mc:
        skim &= array("Flag_eeBadScFilter")
        skim &= np.array([any(a <= ls <= b for a, b in golden.get(str(run), []))
                          for run, ls in zip(array("run"), array("luminosityBlock"))], bool)
    assert cutflow[dataset, "skim", "nominal"]["events"] == skim.sum()
    good = muons[(muons.pt > 15) & (abs(muons.eta) < 2.4) & muons.tightId]
    good = good[ak.argsort(-good.pt, axis=1, stable=True)]
    a, b = ak.unzip(ak.combinations(good, 2))
    mass, pt = together(cartesian(a), cartesian(b))
    best = a.pt + b.pt
    mll, ptll, charge = first(mass, best), first(pt, best), first(a.charge + b.charge, best)
    selected = skim & (ak.to_numpy(ak.num(good)) == 2) & (charge == 0) & (mll > 25)
    if mc:
        gen = array("genWeight").astype(np.float64)
        base = gen / gen.sum() * LUMI[year] * float(meta["xsec"])
        weights = {"nominal": base * 0.99, "sf_mu_idUp": base * 1.0, "sf_mu_idDown": base * 0.98}
    else:
        weights = {"nominal": np.ones(len(mll))}
    histograms = {
        "MuonGood_pt": (good.pt, regular(50, 0, 150)), "MuonGood_eta": (good.eta, regular(50, -2.5, 2.5)),
        "MuonGood_pt_1": (good.pt[:, :1], regular(50, 0, 150)), "nMuonGood": (ak.to_numpy(ak.num(good)), regular(5, 0, 5)),
        "mll": (mll, regular(60, 0, 150)), "ptll": (ptll, regular(40, 0, 200)),
    }
    for label, weight in weights.items():
        for category, cut in (("baseline", selected), ("z_window", selected & (mll >= 60) & (mll <= 120))):
            check(dataset, meta["sample"], category, label, cut, weight, histograms)


def ttbar_ht(tree, meta, dataset):
    year = meta["year"]
    electrons = objects(tree, "Electron", ["pt", "eta", "cutBased"])
    muons = objects(tree, "Muon", ["pt", "eta", "tightId", "pfRelIso04_all"])
    stored = objects(tree, "Jet", ["pt", "eta", "phi", "mass", "jetId", "btagDeepFlavB"])
    leptons = ak.num(electrons[(electrons.pt > 30) & (abs(electrons.eta) < 2.1) & (electrons.cutBased >= 4)])
    leptons = leptons + ak.num(muons[(muons.pt > 30) & (abs(muons.eta) < 2.1) & muons.tightId & (muons.pfRelIso04_all < 0.15)])
    gen = tree["genWeight"].array(library="np").astype(np.float64)
    base = gen / gen.sum() * LUMI[year] * float(meta["xsec"])
    for shift, factor in (("nominal", 1.0), ("pt_scaleUp", 1.03), ("pt_scaleDown", 0.97)):
        jets = ak.with_field(stored, stored.pt * factor, "pt")
        good = jets[(jets.pt > 30) & (abs(jets.eta) < 2.4) & (jets.jetId >= 2)]
        tags = ak.to_numpy(ak.sum(good.btagDeepFlavB > WP[year], axis=1))
        selected = (ak.to_numpy(leptons) == 1) & (ak.to_numpy(ak.num(good)) >= 4)
        mass, pt = together(*[cartesian(part) for part in ak.unzip(ak.combinations(good, 3))])
        top = first(mass, pt)
        weights = {shift: base}
        if shift == "nominal":
            weights |= {"jet_sfUp": base * 1.025, "jet_sfDown": base * 0.975}
        ht = ak.to_numpy(ak.sum(good.pt, axis=1))
        for label, weight in weights.items():
            for category, cut, histograms in (("4j1b", tags == 1, {"HT": (ht, regular(25, 50, 550))}),
                                              ("4j2b", tags >= 2, {"top_mass": (top, regular(25, 50, 550))})):
                check(dataset, meta["sample"], category, label, selected & cut, weight, histograms)


for dataset in {key[0] for key in cutflow}:
    meta = datasets[dataset]["metadata"]
    tree = uproot.open(folder / datasets[dataset]["files"][0])["Events"]
    (ttbar_ht if (dataset, "4j1b", "nominal") in cutflow else zmumu)(tree, meta, dataset)
print("agree:", compared, "cells")
