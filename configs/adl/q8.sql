-- ADL query 8: transverse mass of the missing energy and the hardest lepton outside the same-flavour
-- opposite-charge pair nearest to the Z mass, in events with three leptons.
CREATE OR REPLACE COLLECTION Lepton AS
  SELECT *, 11 AS flavour FROM Electron UNION ALL SELECT *, 13 AS flavour FROM Muon;

SELECT hist((SELECT transverse_mass(l, MET) FROM Lepton l
             WHERE idx(l) <> z.a AND idx(l) <> z.b ORDER BY l.pt DESC LIMIT 1),
            regular(100, 0, 200)) AS mt
FROM (SELECT *, (SELECT idx(a) AS a, idx(b) AS b FROM Lepton a, Lepton b
                 WHERE idx(a) < idx(b) AND a.flavour = b.flavour AND a.charge <> b.charge
                 ORDER BY abs(mass(a, b) - 91.2) LIMIT 1) AS z
      FROM events
      WHERE nLepton >= 3) three_leptons;
