-- Query 9: HT, the sum of the transverse momenta of jets above 25 GeV; 0 where there is none.
SELECT hist(ht(Jet.pt[Jet.pt > 25]), regular(100, 0, 1000)) AS ht
FROM events;
