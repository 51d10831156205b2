#!/usr/bin/env python3
"""The ttHbb example computed with awkward and NumPy alone, compared with the folder that ana-sql wrote.

    python tests/oracles/tthbb.py configs/examples RESULTS
"""
import json
import math
import pathlib
import sys

import awkward as ak
import hist
import numpy as np
import pyarrow.parquet as pq
import uhi.io.zip
import uproot
import zipfile

examples, results = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
datasets = json.loads((examples / "datasets.json").read_text())
golden = json.loads((examples / "golden.json").read_text())

LUMI = {"2017": 41479.68, "2018": 59832.475}
WP = {"2017": 0.3040, "2018": 0.2783}
TRIGGERS = {"2017": {"SingleMuon": "HLT_IsoMu27", "SingleEle": "HLT_Ele32_WPTight_Gsf"},
            "2018": {"SingleMuon": "HLT_IsoMu24", "SingleEle": "HLT_Ele32_WPTight_Gsf"}}
SAMPLES = ["ttHTobb", "TTToSemiLeptonic", "DATA_SingleMuon", "DATA_SingleEle"]


def collection(tree, name, fields):
    """Values as double precision: a cut compares what is stored with the number as it is written."""
    out = {}
    for field in fields:
        values = tree[f"{name}_{field}"].array()
        out[field] = ak.values_astype(values, np.float64) if field in ("pt", "eta", "phi", "btagDeepFlavB",
                                                                       "pfRelIso04_all", "pfRelIso03_all") else values
    return ak.zip(out)


def delta_r(a, b):
    dphi = (a.phi - b.phi + np.pi) % (2 * np.pi) - np.pi
    return np.sqrt((a.eta - b.eta) ** 2 + dphi**2)


def by_pt(objects):
    return objects[ak.argsort(-objects.pt, axis=1, stable=True)]


def select(tree, year, mc, jets, met):
    """Everything that depends on jets and missing energy."""
    mu = collection(tree, "Muon", ["pt", "eta", "phi", "pfRelIso04_all", "tightId"])
    mu = mu[(mu.pt > 29) & (abs(mu.eta) < 2.4) & mu.tightId & (mu.pfRelIso04_all < 0.15)]
    el = collection(tree, "Electron", ["pt", "eta", "phi", "pfRelIso03_all", "cutBased"])
    el = el[(el.pt > 29) & (abs(el.eta) < 2.4) & (el.cutBased >= 4) & (el.pfRelIso03_all < 0.06)]
    lep = by_pt(ak.concatenate([mu[["pt", "eta", "phi"]], el[["pt", "eta", "phi"]]], axis=1))
    good = jets[(jets.pt > 30) & (abs(jets.eta) < 2.4) & (jets.jetId >= 2)]
    pairs = ak.cartesian({"j": good, "l": lep}, nested=True)
    near = ak.any(delta_r(pairs.j, pairs.l) <= 0.4, axis=2)
    good = by_pt(good[~near])
    b = good[good.btagDeepFlavB > WP[year]]
    nb, nj = ak.to_numpy(ak.num(b)), ak.to_numpy(ak.num(good))
    presel = (ak.to_numpy(ak.num(lep)) == 1) & (nj >= 4) & (met > 20)
    cats = {"baseline": nj >= 0, "1b": nb == 1, "2b": nb == 2, "3b": nb == 3, "4b": nb >= 4}
    for jname, jcut in (("4j", nj == 4), ("5j", nj == 5), ("6j", nj >= 6)):
        for bname, bcut in (("2b", nb < 3), ("3b", nb >= 3)):
            cats[f"{jname}_{bname}"] = jcut & bcut
    cats["inclusive"] = nj >= 0
    cats["4jets_40pt"] = ak.to_numpy(ak.sum(good.pt >= 40, axis=1)) >= 4
    lead = ak.to_numpy(ak.fill_none(ak.max(lep.pt, axis=1), 0))
    return dict(mu=mu, el=el, lep=lep, jets=good, nj=nj, nb=nb, met=met, presel=presel, cats=cats, leppt=lead,
                ht=ak.to_numpy(ak.sum(good.pt, axis=1)))


VALUES = {  # histogram: value per event or list, edges
    "JetGood_pt": (lambda s: s["jets"].pt, np.linspace(0, 300, 51)),
    "JetGood_eta": (lambda s: s["jets"].eta, np.linspace(-2.5, 2.5, 51)),
    "JetGood_btagDeepFlavB": (lambda s: s["jets"].btagDeepFlavB, np.linspace(0, 1, 51)),
    "JetGood_pt_1": (lambda s: s["jets"].pt[:, :1], np.linspace(0, 300, 51)),
    "JetGood_eta_1": (lambda s: s["jets"].eta[:, :1], np.linspace(-2.5, 2.5, 51)),
    "ElectronGood_pt_1": (lambda s: s["el"].pt[:, :1], np.linspace(0, 500, 51)),
    "ElectronGood_eta_1": (lambda s: s["el"].eta[:, :1], np.linspace(-2.5, 2.5, 51)),
    "MuonGood_pt_1": (lambda s: s["mu"].pt[:, :1], np.linspace(0, 150, 51)),
    "MuonGood_eta_1": (lambda s: s["mu"].eta[:, :1], np.linspace(-2.5, 2.5, 51)),
    "MuonGood_phi_1": (lambda s: s["mu"].phi[:, :1], np.linspace(-math.pi, math.pi, 65)),
    "nJetGood": (lambda s: s["nj"], np.linspace(4, 14, 11)),
    "nBJets": (lambda s: s["nb"], np.linspace(0, 8, 9)),
    "MET_pt": (lambda s: s["met"], np.linspace(20, 300, 29)),
    "ht": (lambda s: s["ht"], np.linspace(0, 1500, 61)),
}


def fill(value, edges, mask, weight):
    """Sums per bin, underflow first; bin i holds edge(i) <= x < edge(i+1)."""
    if isinstance(value, ak.Array):
        counts = ak.to_numpy(ak.num(value[mask]))
        x, w = ak.to_numpy(ak.flatten(value[mask])), np.repeat(weight[mask], counts)
    else:
        x, w = value[mask], weight[mask]
    n = len(edges) - 1
    width = (edges[-1] - edges[0]) / n
    exact = np.append(edges[0] + np.arange(n) * width, edges[-1])
    place = np.searchsorted(exact, x.astype(np.float64), side="right")
    sumw, sumw2 = np.zeros(n + 2), np.zeros(n + 2)
    np.add.at(sumw, place, w)
    np.add.at(sumw2, place, w * w)
    return sumw, sumw2


archive = zipfile.ZipFile(results / "histograms.zip")
compared = {"histograms": 0, "cells": 0, "cutflow": 0, "columns": 0}


def read(name):
    return hist.Hist(uhi.io.zip.read(archive, name))


def same(found, expected, what):
    scale = max(np.max(np.abs(expected), initial=0), 1e-300)
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-12 * scale), (what, found, expected)


cutflow = {}
for row in pq.read_table(results / "cutflow.parquet").to_pylist():
    cutflow[row["dataset"], row["sample"], row["step"], row["variation"]] = row

for name, entry in datasets.items():
    meta = entry["metadata"]
    sample, year, mc = meta["sample"], meta["year"], meta["isMC"] == "True"
    if sample not in SAMPLES:
        continue
    tree = uproot.open(examples / entry["files"][0])["Events"]
    n = tree.num_entries
    arrays = {k: tree[k].array(library="np") for k in ("run", "luminosityBlock", "MET_pt", "PV_npvsGood",
              "Flag_goodVertices", "Flag_eeBadScFilter", "HLT_IsoMu24", "HLT_IsoMu27", "HLT_Ele32_WPTight_Gsf")}
    jets = collection(tree, "Jet", ["pt", "eta", "phi", "btagDeepFlavB", "jetId"])
    raw_jets = ak.to_numpy(ak.sum(jets.pt >= 15, axis=1)) >= 3
    skim = (arrays["PV_npvsGood"] >= 1) & arrays["Flag_goodVertices"] & raw_jets
    fired = {pd: arrays[path] for pd, path in TRIGGERS[year].items()}
    if mc:
        skim &= fired["SingleMuon"] | fired["SingleEle"]
    else:
        skim &= arrays["Flag_eeBadScFilter"] & fired[meta["primaryDataset"]]
        good = [any(a <= ls <= b for a, b in golden.get(str(run), []))
                for run, ls in zip(arrays["run"], arrays["luminosityBlock"])]
        skim &= np.array(good, bool)
    met = arrays["MET_pt"].astype(np.float64)
    shapes = {"nominal": (jets, met)}
    if mc:
        # The shift of a stored f32 by literals: f32 * f64 is f64; abs(eta) likewise.
        for sign, label in ((1, "Up"), (-1, "Down")):
            factor = 1 + sign * 0.02 + sign * 0.01 * abs(jets.eta)
            shapes[f"JES_Total{label}"] = (ak.with_field(jets, jets.pt * factor, "pt"), met * (1 + sign * 0.03))
    if mc:
        gen = tree["genWeight"].array(library="np").astype(np.float64)
        npu = tree["Pileup_nTrueInt"].array(library="np").astype(np.float64)
        norm = gen.sum()
        nbh = ak.to_numpy(ak.sum(tree["Jet_hadronFlavour"].array() == 5, axis=1))
    parts = {sample: np.ones(n, bool)}
    if sample == "TTToSemiLeptonic":
        parts = {f"{sample}__ttbb": nbh >= 2, f"{sample}__ttlf": nbh < 2}
    if sample == "DATA_SingleEle":
        parts = {f"{sample}__clean": fired["SingleEle"] & ~fired["SingleMuon"]}
    assert cutflow[name, sample, "initial", "nominal"]["events"] == n, name
    assert cutflow[name, sample, "skim", "nominal"]["events"] == skim.sum(), name
    for shape, (shifted, shifted_met) in shapes.items():
        s = select(tree, year, mc, shifted, shifted_met)
        for part, inside in parts.items():
            chosen = skim & s["presel"] & inside
            found = cutflow.get((name, part, "presel", shape))
            if found is not None:
                assert found["events"] == chosen.sum(), (name, part, shape)
            for cat, mask in s["cats"].items():
                variations = {"nominal": np.ones(n)}
                if mc:
                    base = gen * LUMI[year] * float(meta["xsec"]) * (1.05 if sample == "TTToSemiLeptonic" else 1.0)
                    pu = {"": 1 + 0.001 * (npu - 30), "Up": 1 + 0.002 * (npu - 30), "Down": np.ones(n)}
                    sf = {k: c + 0.0001 * s["leppt"] for k, c in (("", 0.98), ("Up", 1.0), ("Down", 0.96))}
                    bt = {"": 0.99**s["nb"], "_hfUp": 1.01**s["nb"], "_hfDown": 0.97**s["nb"],
                          "_lfUp": 0.99**s["nb"] * 1.02, "_lfDown": 0.99**s["nb"] * 0.98}
                    tagged = cat in ("3b", "4b")

                    def weight(p="", l="", b=""):
                        return base * pu[p] * sf[l] * (bt[b] if tagged else 1) / norm

                    variations = {"nominal": weight()}
                    if shape == "nominal":
                        variations |= {f"pileup{k}": weight(p=k) for k in ("Up", "Down")}
                        variations |= {f"sf_lepton{k}": weight(l=k) for k in ("Up", "Down")}
                        # Filled with the nominal weight where the category does not have it.
                        variations |= {f"sf_btag{k}": weight(b=k if tagged else "") for k in bt if k}
                for variation, w in variations.items():
                    label = shape if shape != "nominal" else variation
                    events = chosen & mask
                    row = cutflow[name, part, cat, label]
                    assert row["events"] == events.sum(), (name, part, cat, label, row, events.sum())
                    same(row["sumw"], w[events].sum(), ("sumw", name, part, cat, label))
                    same(row["sumw2"], (w[events] ** 2).sum(), ("sumw2", name, part, cat, label))
                    compared["cutflow"] += 1
                    for h, (value, edges) in VALUES.items():
                        got = read(f"{h}/{part}/{name}")
                        at = {"category": cat} | ({"variation": label} if mc else {})
                        view = got[at].view(flow=True)
                        sumw, sumw2 = fill(value(s), edges, events, w)
                        same(view.value, sumw, (h, name, part, cat, label))
                        same(view.variance, sumw2, (h, name, part, cat, label, "variance"))
                        compared["cells"] += len(sumw)
                    if cat in ("baseline", "4b") and (label in ("nominal", "JES_TotalUp") or label.startswith("pileup")):
                        plane = read(f"ht_njets/{part}/{name}")
                        assert list(plane.axes[0])[:2] == ["baseline", "4b"]
                        view = plane[at].view(flow=True)
                        x = np.searchsorted([0, 200, 400, 600, 1000, 2000], s["ht"][events], side="right")
                        y = np.searchsorted([4, 5, 6, 7, 8, 9], s["nj"][events], side="right")
                        sums = np.zeros(view.value.shape)
                        np.add.at(sums, (x, y), w[events])
                        same(view.value, sums, ("ht_njets", name, part, cat, label))
                        compared["cells"] += sums.size
            if shape == "nominal" and sample == "TTToSemiLeptonic":
                counted = read(f"events_by_flavour/{part}/{name}")
                view = counted[{"category": "baseline", "variation": "nominal"}].view(flow=True)
                place = np.searchsorted(np.arange(7), nbh[chosen], side="right")
                assert np.array_equal(view, np.bincount(place, minlength=8)), (name, part, view)
            if shape == "nominal":
                check = {"4b": ["JetGood_pt", "LeptonGood_pt"], "baseline": ["LeptonGood_pt"]}
                for cat, columns in check.items():
                    folder = results / "columns" / f"dataset={name}" / f"category={cat}"
                    events = chosen & s["cats"][cat]
                    tables = [pq.ParquetFile(f).read().to_pylist() for f in sorted(folder.glob("*.parquet"))]
                    rows = [r for t in tables for r in t if r.get("subsample") in (None, part.split("__")[-1])]
                    assert len(rows) == events.sum(), (name, part, cat, len(rows), events.sum())
                    lists = {"JetGood_pt": s["jets"].pt, "LeptonGood_pt": s["lep"].pt[:, :1]}
                    for column in columns:
                        want = ak.to_list(lists[column][events])
                        assert sorted(r[column] for r in rows) == sorted(want), (name, part, cat, column)
                        compared["columns"] += len(want)
compared["histograms"] = len([n for n in archive.namelist() if n.endswith(".json")])
print("agree:", compared)
