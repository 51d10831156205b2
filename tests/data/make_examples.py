#!/usr/bin/env python3
"""Write the samples that configs/examples run on: small synthetic NanoAOD files, data and simulation of two years.

    pip install numpy awkward uproot cramjam
    python tests/data/make_examples.py         # writes configs/examples/samples/*.root
    python tests/data/make_examples.py DIR 20  # twenty times the events, elsewhere

The values depend on the seeds alone; the bytes also carry a UUID and a date, which is why the files are kept.
"""
import pathlib
import sys

import awkward as ak
import numpy as np
import uproot

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "configs" / "examples" / "samples"

# name, seed, events, year, mean jets, b fraction, mean leptons, is simulation, first run
SAMPLES = [
    ("ttHTobb_2017", 1, 240, 6.5, 0.55, 1.2, True, 1),
    ("ttHTobb_2018", 2, 240, 6.5, 0.55, 1.2, True, 1),
    ("TTToSemiLeptonic_2017", 3, 300, 5.0, 0.35, 1.2, True, 1),
    ("TTToSemiLeptonic_2018", 4, 300, 5.0, 0.35, 1.2, True, 1),
    ("DYJetsToLL_2018", 5, 250, 2.0, 0.05, 2.0, True, 1),
    ("SingleMuon_2017", 6, 150, 4.5, 0.3, 1.4, False, 297050),
    ("SingleMuon_2018", 7, 150, 4.5, 0.3, 1.4, False, 315257),
    ("SingleElectron_2018", 8, 150, 4.5, 0.3, 1.4, False, 315257),
]


def truncate(values, bits):
    """Keep `bits` bits of the float32 mantissa, as NanoAOD does to compress better."""
    raw = np.asarray(values, np.float32).view(np.uint32)
    shift = np.uint32(23 - bits)
    return (((raw + (np.uint32(1) << (shift - np.uint32(1)))) >> shift) << shift).view(np.float32)


def jagged(counts, **fields):
    total = int(counts.sum())
    return ak.unflatten(ak.zip({name: make(total) for name, make in fields.items()}, depth_limit=1), counts)


def leptons(rng, counts, mass, extra):
    return jagged(
        counts,
        pt=lambda k: truncate(10 + rng.exponential(28, k), 7),
        eta=lambda k: truncate(np.clip(rng.normal(0, 1.3, k), -2.6, 2.6), 7),
        phi=lambda k: truncate(rng.uniform(-np.pi, np.pi, k), 7),
        mass=lambda k: np.full(k, mass, np.float32),
        charge=lambda k: rng.choice([-1, 1], k).astype(np.int32),
        **extra,
    )


def make(rng, n, jets, bs, leps, simulated, run):
    n_jet = rng.poisson(jets, n)
    total = int(n_jet.sum())
    flavour = np.where(rng.random(total) < bs, 5, np.where(rng.random(total) < 0.15, 4, 0)).astype(np.int32)
    tag = np.where(flavour == 5, rng.beta(4, 1.2, total), rng.beta(0.5, 5, total))
    jet = {
        "pt": truncate(20 + rng.exponential(45, total), 7),
        "eta": truncate(np.clip(rng.normal(0, 1.5, total), -4.7, 4.7), 7),
        "phi": truncate(rng.uniform(-np.pi, np.pi, total), 7),
        "mass": truncate(rng.gamma(4, 2, total), 5),
        "btagDeepFlavB": truncate(tag, 7),
        "jetId": np.where(rng.random(total) < 0.97, 6, 0).astype(np.int32),
    }
    if simulated:
        jet["hadronFlavour"] = flavour
    data = {
        "run": np.full(n, run, np.uint32),
        "luminosityBlock": (1 + np.arange(n) // 50).astype(np.uint32),
        "event": np.arange(1, n + 1, dtype=np.uint64),
        "MET_pt": truncate(rng.exponential(45, n), 7),
        "MET_phi": truncate(rng.uniform(-np.pi, np.pi, n), 7),
        "PV_npvsGood": np.maximum(0, rng.poisson(25, n) - 12).astype(np.int32),
        "HLT_IsoMu24": rng.random(n) < 0.6,
        "HLT_IsoMu27": rng.random(n) < 0.55,
        "HLT_Ele32_WPTight_Gsf": rng.random(n) < 0.5,
        "Flag_goodVertices": rng.random(n) < 0.99,
        "Flag_eeBadScFilter": rng.random(n) < 0.99,
        "Jet": ak.unflatten(ak.zip(jet, depth_limit=1), n_jet),
        "Muon": leptons(rng, rng.poisson(leps * 0.6, n), 0.10565837, {
            "pfRelIso04_all": lambda k: truncate(rng.exponential(0.08, k), 5),
            "tightId": lambda k: rng.random(k) < 0.9}),
        "Electron": leptons(rng, rng.poisson(leps * 0.5, n), 0.000511, {
            "pfRelIso03_all": lambda k: truncate(rng.exponential(0.05, k), 5),
            "cutBased": lambda k: rng.integers(0, 5, k).astype(np.int32)}),
    }
    if simulated:
        data["genWeight"] = (rng.choice([1, 1, 1, -1], n) * truncate(rng.normal(5, 0.5, n), 6)).astype(np.float32)
        data["Pileup_nTrueInt"] = truncate(rng.normal(30, 8, n), 7)
        data["LHE_HT"] = truncate(rng.exponential(120, n), 7)
    return data


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed, n, jets, bs, leps, simulated, run in SAMPLES:
        data = make(np.random.default_rng(seed), n * times, jets, bs, leps, simulated, run)
        types = {k: (v.type.content if isinstance(v, ak.Array) else v.dtype) for k, v in data.items()}
        with uproot.recreate(folder / f"{name}.root", compression=uproot.LZMA(9)) as file:
            tree = file.mktree("Events", types, title="Events", counter_name=lambda c: "n" + c,
                               field_name=lambda outer, inner: f"{outer}_{inner}" if outer else inner)
            tree.extend(data)


if __name__ == "__main__":
    main()
