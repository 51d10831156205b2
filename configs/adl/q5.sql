-- ADL query 5: missing transverse energy of events with an opposite-charge muon pair of 60 to 120 GeV.
SELECT hist(MET_pt, regular(100, 0, 200)) AS met
FROM events
WHERE EXISTS (SELECT 1 FROM Muon a, Muon b
              WHERE idx(a) < idx(b) AND a.charge <> b.charge AND mass(a, b) > 60 AND mass(a, b) < 120);
