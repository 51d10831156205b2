-- ADL query 6: the trijet with mass nearest to 172.5 GeV: its transverse momentum, its greatest b-tag.
SELECT hist(best.pt, regular(100, 15, 40)) AS trijet_pt,
       hist(best.btag, regular(100, 0, 1)) AS max_btag
FROM (SELECT (SELECT p4(a, b, c).pt AS pt,
                     greatest(a.btagDeepFlavB, b.btagDeepFlavB, c.btagDeepFlavB) AS btag
              FROM Jet a, Jet b, Jet c
              WHERE idx(a) < idx(b) AND idx(b) < idx(c)
              ORDER BY abs(mass(a, b, c) - 172.5) LIMIT 1) AS best
      FROM events) trijets;
