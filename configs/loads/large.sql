-- A load of the kind PocketCoffea is measured with, large: 14 categories, 15 weights, 5 histograms, 3 subsamples.
-- Selection and weights are those of ADL query 10.
CREATE OR REPLACE COLLECTION GoodLepton AS
  SELECT * FROM Muon m
  WHERE m.pt > 29 AND abs(m.eta) < 2.4 AND m.tightId AND m.pfRelIso04_all < 0.15
  UNION ALL
  SELECT * FROM Electron e
  WHERE e.pt > 29 AND abs(e.eta) < 2.4 AND e.cutBased >= 4 AND e.pfRelIso03_all < 0.06;

CREATE OR REPLACE COLLECTION GoodJet AS
  SELECT * FROM Jet j
  WHERE j.pt > 30 AND abs(j.eta) < 2.4
    AND NOT EXISTS (SELECT 1 FROM GoodLepton l WHERE delta_r(j, l) <= 0.4);

WITH preselection AS (
  SELECT nGoodJet, MET_pt, genWeight AS w, Pileup_nTrueInt,
         (SELECT sum(j.pt) AS ht, count(*) FILTER (WHERE j.btagDeepFlavB > 0.2783) AS nb FROM GoodJet j) AS jets,
         (SELECT j.pt, j.eta FROM GoodJet j ORDER BY j.pt DESC LIMIT 1) AS jet0,
         (SELECT 0.01 + 0.0002 * l.pt AS id, 0.005 * (1 + abs(l.eta)) AS iso FROM GoodLepton l LIMIT 1) AS lepton,
         0.002 * (Pileup_nTrueInt - 30) AS pileup,
         CASE WHEN HLT_IsoMu24 OR HLT_Ele32_WPTight_Gsf THEN 0.02 ELSE 0.05 END AS trg
  FROM events
  WHERE n_obj_min(Jet.pt, 4, 15) AND nGoodLepton = 1 AND MET_pt > 20 AND nGoodJet >= 4
), weighted AS (
  SELECT *,
         {'baseline': true, '1b': jets.nb >= 1, '2b': jets.nb >= 2, '3b': jets.nb >= 3, '4b': jets.nb >= 4,
          '4j': nGoodJet = 4, '5j': nGoodJet = 5, '6j': nGoodJet = 6, '7j': nGoodJet >= 7,
          '4j_2b': nGoodJet = 4 AND jets.nb = 2, '5j_3b': nGoodJet = 5 AND jets.nb >= 3,
          '6j_3b': nGoodJet >= 6 AND jets.nb = 3, '6j_4b': nGoodJet >= 6 AND jets.nb >= 4, 'met100': MET_pt > 100} AS category,
         CASE WHEN Pileup_nTrueInt < 25 THEN 'low' WHEN Pileup_nTrueInt < 35 THEN 'middle' ELSE 'high' END AS subsample,
         {'nominal': w,
          'pileup_up': w * (1 + pileup), 'pileup_down': w * (1 - pileup),
          'lepId_up': w * (1 + lepton.id), 'lepId_down': w * (1 - lepton.id),
          'lepIso_up': w * (1 + lepton.iso), 'lepIso_down': w * (1 - lepton.iso),
          'trigger_up': w * (1 + trg), 'trigger_down': w * (1 - trg),
          'btag_up': w * power(1.03, jets.nb), 'btag_down': w * power(0.97, jets.nb),
          'jetHT_up': w * (1 + 0.05 * least(jets.ht / 1000, 1)), 'jetHT_down': w * (1 - 0.05 * least(jets.ht / 1000, 1)),
          'met_up': w * (1 + 0.02 * tanh(CAST(MET_pt AS DOUBLE) / 100)), 'met_down': w * (1 - 0.02 * tanh(CAST(MET_pt AS DOUBLE) / 100))} AS weight
  FROM preselection
)
SELECT subsample, hist(nGoodJet, regular(12, 4, 16), weights => weight, categories => category) AS "nJets",
       hist(jets.ht, regular(80, 0, 2000), weights => weight, categories => category) AS "HT",
       hist(jet0.pt, regular(50, 0, 500), weights => weight, categories => category) AS "jet0_pt",
       hist(jet0.eta, regular(48, -2.4, 2.4), weights => weight, categories => category) AS "jet0_eta",
       hist(MET_pt, regular(50, 0, 500), weights => weight, categories => category) AS "MET"
FROM weighted
GROUP BY subsample
ORDER BY subsample;
