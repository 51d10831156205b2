-- ADL query 1: missing transverse energy of all events.
SELECT hist(MET_pt, regular(100, 0, 200)) AS met
FROM events;
