-- ADL query 3: transverse momentum of jets with |eta| < 1.
SELECT hist(Jet.pt[abs(Jet.eta) < 1], regular(100, 15, 60)) AS jet_pt
FROM events;
