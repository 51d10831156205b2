-- ADL query 2: transverse momentum of all jets.
SELECT hist(Jet_pt, regular(100, 15, 60)) AS jet_pt
FROM events;
