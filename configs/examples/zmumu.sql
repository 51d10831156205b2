-- Z → µµ: the mass of the muon pair, its categories, and what goes with it, in one pass over the data.
SELECT
  hist(invariant_mass(Muon_pt, Muon_eta, Muon_phi, Muon_mass), regular(60, 60, 120)) AS m_mumu,
  hist(invariant_mass(Muon_pt, Muon_eta, Muon_phi, Muon_mass), regular(60, 60, 120), genWeight)
    FILTER (WHERE HLT_IsoMu24)                                          AS m_mumu_triggered,
  hist(leading(Muon_pt), regular(50, 0, 100))                           AS muon_pt_leading,
  hist(nJet, integer(0, 10)) FILTER (WHERE n_obj_min(Jet_pt, 1, 30))    AS njet_1j30,
  hist(MET_pt, regular(50, 0, 100), genWeight)                          AS met
FROM events
WHERE n_obj_eq(nMuon, 2) AND Muon_charge[1] + Muon_charge[2] = 0;
