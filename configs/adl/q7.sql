-- ADL query 7: sum of the transverse momenta of jets above 30 GeV away from leptons above 10 GeV.
CREATE OR REPLACE COLLECTION Lepton AS
  SELECT * FROM Muon m WHERE m.pt > 10 UNION ALL SELECT * FROM Electron e WHERE e.pt > 10;

SELECT hist((SELECT coalesce(sum(j.pt), 0) FROM Jet j
             WHERE j.pt > 30 AND NOT EXISTS (SELECT 1 FROM Lepton l WHERE delta_r(j, l) < 0.4)),
            regular(100, 15, 200)) AS sum_pt
FROM events;
