-- ADL query 4: missing transverse energy of events with two jets above 40 GeV.
SELECT hist(MET_pt, regular(100, 0, 200)) AS met
FROM events
WHERE (SELECT count(*) FROM Jet j WHERE j.pt > 40) >= 2;
