#!/usr/bin/env python3
"""Write tests/data/zmumu.root: a small, synthetic NanoAOD file with a Z peak.

    pip install numpy awkward uproot cramjam
    python tests/data/make_zmumu.py            # writes zmumu.root beside this script

Layout as NanoAOD's: one counter branch nX per collection and jagged branches X_* that share it, event
scalars, trigger bits, several clusters (one basket per branch and cluster), a Runs tree with the sum of
generator weights. Physics: Z -> mumu with detector smearing on top of same-flavour continuum, soft jets, MET.
The values depend on the seed alone; the bytes also carry a UUID and a date, which is why the file is kept.
"""
import pathlib

import awkward as ak
import numpy as np
import uproot

EVENTS, CLUSTER, SEED = 5_000, 1_250, 91
MUON_MASS = np.float32(0.10565837)


def truncate(values, bits):
    """Keep `bits` bits of the float32 mantissa, as NanoAOD does to compress better."""
    raw = np.asarray(values, np.float32).view(np.uint32)
    shift = np.uint32(23 - bits)
    rounded = raw + (np.uint32(1) << (shift - np.uint32(1)))
    return (rounded >> shift << shift).view(np.float32)


def z_decay(rng, n):
    """Two muons per Z: (pt, eta, phi), each of shape (n, 2), opposite charges in a random order."""
    mass = np.where(rng.random(n) < 0.08, rng.uniform(20, 160, n), 91.19 + 1.25 * rng.standard_t(2.2, n))
    mass = np.clip(mass, 15, 250)
    pt, phi, rapidity = rng.gamma(1.4, 10, n), rng.uniform(-np.pi, np.pi, n), rng.normal(0, 1.1, n)
    cos_t, phi_t = rng.uniform(-1, 1, n), rng.uniform(-np.pi, np.pi, n)
    sin_t = np.sqrt(1 - cos_t**2)
    direction = np.stack([sin_t * np.cos(phi_t), sin_t * np.sin(phi_t), cos_t])
    transverse_mass = np.hypot(mass, pt)
    energy = transverse_mass * np.cosh(rapidity)
    boson = np.stack([pt * np.cos(phi), pt * np.sin(phi), transverse_mass * np.sinh(rapidity)])
    beta, gamma = boson / energy, energy / mass
    legs = []
    for sign in (1, -1):
        momentum = sign * direction * mass / 2
        along = (beta * momentum).sum(0)
        momentum = momentum + (gamma**2 / (gamma + 1) * along + gamma * mass / 2) * beta
        legs.append((np.hypot(momentum[0], momentum[1]), np.arcsinh(momentum[2] / np.hypot(momentum[0], momentum[1])),
                     np.arctan2(momentum[1], momentum[0])))
    return [np.stack(part, axis=1) for part in zip(*legs)]


def jagged(rng, counts, **fields):
    """Records of `fields`, each made by a function of the number of objects, grouped by `counts`."""
    total = int(counts.sum())
    return ak.unflatten(ak.zip({name: make(total) for name, make in fields.items()}, depth_limit=1), counts)


def make(rng, n, first):
    pt, eta, phi = z_decay(rng, n)
    pt *= rng.normal(1, 0.015, pt.shape)
    charge = rng.choice([-1, 1], n)[:, None] * np.array([1, -1])
    seen = (pt > 3) & (np.abs(eta) < 2.4) & (rng.random(pt.shape) < 0.97)
    order = np.argsort(-pt, axis=1)

    def of(values):
        return ak.drop_none(ak.mask(ak.Array(np.take_along_axis(values, order, 1)),
                                    ak.Array(np.take_along_axis(seen, order, 1))))

    isolation = rng.exponential(0.04, pt.shape)
    muon = ak.zip({
        "pt": of(truncate(pt, 14)), "eta": of(truncate(eta, 12)), "phi": of(truncate(phi, 12)),
        "mass": of(np.full(pt.shape, MUON_MASS)), "charge": of(charge.astype(np.int32)),
        "pfRelIso04_all": of(truncate(isolation, 10)), "tightId": of(rng.random(pt.shape) < 0.95),
    }, depth_limit=2)
    jet = jagged(
        rng, rng.poisson(2.1, n),
        pt=lambda k: truncate(15 * (1 - rng.random(k)) ** (-1 / 2.2), 10),
        eta=lambda k: truncate(np.clip(rng.normal(0, 1.9, k), -4.7, 4.7), 12),
        phi=lambda k: truncate(rng.uniform(-np.pi, np.pi, k), 12),
        mass=lambda k: truncate(rng.gamma(4, 2, k), 10),
        btagDeepFlavB=lambda k: truncate(rng.beta(0.5, 4, k), 10),
        jetId=lambda k: np.where(rng.random(k) < 0.98, 6, 2).astype(np.int32),
    )
    number = first + np.arange(n)
    return {
        "run": np.full(n, 1, np.uint32), "luminosityBlock": (1 + number // 500).astype(np.uint32),
        "event": (number + 1).astype(np.uint64),
        "genWeight": (rng.choice([1, 1, 1, 1, -1], n) * rng.normal(25, 1, n)).astype(np.float32),
        "MET_pt": truncate(np.hypot(*rng.normal(0, 14, (2, n))), 10),
        "MET_phi": truncate(rng.uniform(-np.pi, np.pi, n), 10),
        "PV_npvsGood": rng.poisson(25, n).astype(np.int32),
        "HLT_IsoMu24": np.asarray(ak.fill_none(ak.max(muon["pt"], axis=1), 0) > 24) & (rng.random(n) < 0.93),
        "Muon": muon, "Jet": jet,
    }


def main():
    rng = np.random.default_rng(SEED)
    path = pathlib.Path(__file__).with_name("zmumu.root")
    with uproot.recreate(path, compression=uproot.ZSTD(9)) as file:
        weights = 0.0, 0.0
        for first in range(0, EVENTS, CLUSTER):
            data = make(rng, min(CLUSTER, EVENTS - first), first)
            w = data["genWeight"].astype(np.float64)
            weights = weights[0] + w.sum(), weights[1] + (w * w).sum()
            if first == 0:
                types = {k: (v.type.content if isinstance(v, ak.Array) else v.dtype) for k, v in data.items()}
                tree = file.mktree("Events", types, title="Events", counter_name=lambda c: "n" + c,
                                   field_name=lambda outer, inner: f"{outer}_{inner}" if outer else inner)
            tree.extend(data)
        # A TTree by name: assignment would make an RNTuple.
        runs = {"run": np.array([1], np.uint32), "genEventCount": np.array([EVENTS], np.int64),
                "genEventSumw": np.array([weights[0]]), "genEventSumw2": np.array([weights[1]])}
        file.mktree("Runs", {name: values.dtype for name, values in runs.items()}).extend(runs)


if __name__ == "__main__":
    main()
