//! Many histograms in one pass hold what filling them one by one, value by value, gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

use ana_hist::{Axis, ExactHistogram, Histogram};
use ana_kernels::{
    BinPlan, Bitmap, Column, FillPlan, KernelError, PlanBatch, PlanFiller, PlanValue, PlannedFill, Room,
    Selection, Values,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Weights that fit one window, and ones that do not.
fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => 0.5..2.0f64,
        4 => -1.0..1.0f64,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-300, 1e200, 5e-324]),
    ]
}

#[derive(Debug, Clone)]
struct Event {
    met: Option<f64>,
    jets: Option<Vec<Option<f32>>>,
    n: i32,
    group: usize,
    masks: Vec<bool>,
    weights: Vec<Option<f64>>,
}

const MASKS: usize = 70;
const WEIGHTS: usize = 4;

fn event() -> impl Strategy<Value = Event> {
    let maybe = |p: f64| prop::option::weighted(p, weight());
    (
        prop::option::weighted(0.9, -1.0..5.0f64),
        prop::option::weighted(0.9, vec(prop::option::weighted(0.9, -1.0..5.0f32), 0..5)),
        -1..6i32,
        0..3usize,
        // Few sets of categories, or many.
        prop_oneof![Just(vec![true; MASKS]), Just(vec![false; MASKS]), vec(any::<bool>(), MASKS)],
        vec(maybe(0.98), WEIGHTS),
    )
        .prop_map(|(met, jets, n, group, masks, weights)| Event { met, jets, n, group, masks, weights })
}

fn plan() -> FillPlan {
    let regular = |n| Axis::regular(n, 0.0, 4.0).unwrap();
    let bin = |value, axis| BinPlan { value, axis };
    let fill = |bins: &[usize], selection, weights, varied| PlannedFill {
        bins: bins.to_vec(),
        selection,
        weights,
        varied,
    };
    FillPlan {
        bins: vec![
            bin(0, regular(4)),
            bin(1, regular(3)),
            bin(2, Axis::integer(0, 4).unwrap()),
            bin(0, Axis::variable(vec![0.0, 1.0, 3.5]).unwrap()),
            bin(3, regular(4)),
            bin(0, regular(900)),
        ],
        selections: vec![
            Selection::default(),
            Selection { filter: Some(0), categories: None },
            Selection { filter: Some(1), categories: Some(vec![2, 3, 4]) },
            Selection { filter: None, categories: Some((0..MASKS).collect()) },
            Selection { filter: None, categories: Some((5..25).collect()) },
        ],
        weights: vec![vec![0], vec![0, 1, 2, 3], vec![2, 2]],
        formulas: vec![],
        fills: vec![
            fill(&[0], 0, None, false),
            fill(&[0], 1, Some(0), false),
            fill(&[1], 0, Some(1), true),
            fill(&[1, 2], 2, Some(1), true),
            fill(&[3, 2], 3, Some(2), true),
            fill(&[2], 4, Some(0), false),
            fill(&[1], 4, None, false),
            fill(&[], 2, Some(1), true),
            fill(&[4], 2, Some(0), true),
            // Large enough for pages.
            fill(&[5, 2], 2, Some(1), true),
            fill(&[5, 2], 4, Some(0), false),
            fill(&[5, 2], 1, None, false),
        ],
    }
}

fn labels(n: usize) -> Axis {
    Axis::category((0..n).map(|i| i.to_string()).collect()).unwrap()
}

fn empty(plan: &FillPlan, fill: &PlannedFill) -> ExactHistogram {
    let categories = plan.selections[fill.selection].categories.as_ref().map(|masks| labels(masks.len()));
    let variations = fill.weights.filter(|_| fill.varied).map(|set| labels(plan.weights[set].len()));
    plan.histogram(fill, categories, variations).unwrap()
}

/// What one event adds to one histogram.
fn naive(plan: &FillPlan, fill: &PlannedFill, event: &Event, histogram: &mut ExactHistogram) {
    let selection = &plan.selections[fill.selection];
    if selection.filter.is_some_and(|mask| !event.masks[mask]) {
        return;
    }
    let values: Vec<_> = fill.bins.iter().map(|&bin| plan.bins[bin].value).collect();
    let items = match (&event.jets, values.contains(&1)) {
        (_, false) => 1,
        (None, true) => 0,
        (Some(jets), true) => jets.len(),
    };
    let categories = match &selection.categories {
        None => vec![0],
        Some(masks) => (0..masks.len()).filter(|&c| event.masks[masks[c]]).collect(),
    };
    for item in 0..items {
        let value = |value: usize| match value {
            0 => event.met,
            1 => event.jets.as_ref().and_then(|jets| jets[item]).map(f64::from),
            2 => Some(f64::from(event.n)),
            _ => Some(2.5),
        };
        let Some(cell) = fill.bins.iter().try_fold(0, |cell, &bin| {
            let axis = &plan.bins[bin].axis;
            Some(cell * axis.extent() + axis.index(value(plan.bins[bin].value)?))
        }) else {
            continue;
        };
        let cells: usize = fill.bins.iter().map(|&bin| plan.bins[bin].axis.extent()).product();
        for &category in &categories {
            let full = |front: usize| u32::try_from(front * cells + cell).unwrap();
            match fill.weights {
                None => histogram.fill(&[full(category)]),
                Some(set) => {
                    let variations = if fill.varied { plan.weights[set].len() + 1 } else { 1 };
                    for (variation, &weight) in plan.weights[set].iter().enumerate() {
                        if let Some(weight) = event.weights[weight] {
                            histogram.fill_weighted(&[full(category * variations + variation)], &[weight]);
                        }
                    }
                }
            }
        }
    }
}

/// Arrow's layout of a batch.
struct Batch {
    met: Vec<f64>,
    met_valid: Vec<u8>,
    offsets: Vec<i32>,
    lists_valid: Vec<u8>,
    jets: Vec<f32>,
    jets_valid: Vec<u8>,
    n: Vec<i32>,
    groups: Vec<usize>,
    masks: Vec<Vec<u8>>,
    weights: Vec<(Vec<f64>, Vec<u8>)>,
}

fn bits_of(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![];
    for (i, bit) in bits.enumerate() {
        if i % 8 == 0 {
            bytes.push(0);
        }
        *bytes.last_mut().unwrap() |= u8::from(bit) << (i % 8);
    }
    bytes
}

impl Batch {
    /// Items begin at 2, and NULL lists hide one.
    fn new(events: &[Event]) -> Self {
        let mut jets = vec![None, None];
        let mut offsets = vec![2];
        for event in events {
            jets.extend(event.jets.clone().unwrap_or(vec![Some(1.0)]));
            offsets.push(i32::try_from(jets.len()).unwrap());
        }
        Self {
            met: events.iter().map(|event| event.met.unwrap_or(1.0)).collect(),
            met_valid: bits_of(events.iter().map(|event| event.met.is_some())),
            offsets,
            lists_valid: bits_of(events.iter().map(|event| event.jets.is_some())),
            jets: jets.iter().map(|jet| jet.unwrap_or(1.0)).collect(),
            jets_valid: bits_of(jets.iter().map(Option::is_some)),
            n: events.iter().map(|event| event.n).collect(),
            groups: events.iter().map(|event| event.group).collect(),
            masks: (0..MASKS).map(|mask| bits_of(events.iter().map(|event| event.masks[mask]))).collect(),
            weights: (0..WEIGHTS)
                .map(|weight| {
                    let of = |event: &Event| event.weights[weight];
                    let values = events.iter().map(|event| of(event).unwrap_or(7.0)).collect();
                    (values, bits_of(events.iter().map(|event| of(event).is_some())))
                })
                .collect(),
        }
    }

    fn fill(&self, filler: &mut PlanFiller, grouped: bool) -> Result<(), KernelError> {
        let rows = self.met.len();
        let bitmap = |bytes, len| Bitmap::new(bytes, 0, len).unwrap();
        let event = |values, validity| {
            let column = Column::events(values).with_validity(validity);
            PlanValue { column, offsets: None, lists: None }
        };
        let jets = Column::items(Values::F32(&self.jets))
            .with_validity(Some(bitmap(&self.jets_valid, self.jets.len())));
        let constant = Column::constant(Values::F64(&[2.5]));
        let values = [
            event(Values::F64(&self.met), Some(bitmap(&self.met_valid, rows))),
            PlanValue {
                column: jets,
                offsets: Some(&self.offsets),
                lists: Some(bitmap(&self.lists_valid, rows)),
            },
            event(Values::I32(&self.n), None),
            PlanValue { column: constant, offsets: None, lists: None },
        ];
        let masks: Vec<_> = self.masks.iter().map(|bytes| bitmap(bytes, rows)).collect();
        let weights: Vec<_> = self
            .weights
            .iter()
            .map(|(values, valid)| {
                Column::events(Values::F64(values)).with_validity(Some(bitmap(valid, rows)))
            })
            .collect();
        let active = vec![true; filler.plan().fills.len()];
        filler.fill(&PlanBatch {
            rows,
            groups: grouped.then_some(&self.groups),
            group_count: if grouped { 3 } else { 1 },
            values: &values,
            masks: &masks,
            weights: &weights,
            active: &active,
            inputs: &[],
        })
    }
}

fn filler() -> PlanFiller {
    let plan = plan();
    let empty = plan.fills.iter().map(|fill| empty(&plan, fill)).collect();
    PlanFiller::new(plan, empty).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn one_pass_is_as_one_by_one(batches in vec(vec(event(), 0..300), 1..4), grouped: bool) {
        let mut filler = filler();
        for events in &batches {
            Batch::new(events).fill(&mut filler, grouped).unwrap();
        }
        let plan = plan();
        let groups = if grouped { 3 } else { 1 };
        for (number, fill) in plan.fills.iter().enumerate() {
            let mut want = vec![empty(&plan, fill); groups];
            for event in batches.iter().flatten() {
                naive(&plan, fill, event, &mut want[if grouped { event.group } else { 0 }]);
            }
            let got = filler.histograms(number, groups).unwrap();
            for (got, want) in got.iter().zip(&want) {
                prop_assert_eq!(got.to_bytes(), want.to_bytes(), "fill {}", number);
            }
        }
    }
}

/// Counts and sums, one pattern for all NaN.
fn bits(histogram: &Histogram) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
    let bits = |sums: Vec<f64>| sums.iter().map(|s| if s.is_nan() { 1 } else { s.to_bits() }).collect();
    (histogram.counts.clone(), bits(histogram.sumws()), bits(histogram.sumw2s()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn merged_fillers_are_as_one(
        batches in vec(vec(event(), 0..200), 1..6),
        grouped: bool,
        shared: bool,
        early in 0usize..6,
    ) {
        let plan = plan();
        let mut parts = [filler(), filler(), filler()];
        if shared {
            let [first, others @ ..] = &mut parts;
            others.iter_mut().for_each(|other| other.share_windows(first));
        }
        let [mut merged, mut second, third] = parts;
        let mut third = Some(third);
        for (i, events) in batches.iter().enumerate() {
            if i == early && let Some(third) = third.take() {
                merged.merge(third, &[0, 1, 2]).unwrap();
            }
            match (i % 3, &mut third) {
                (0, _) => Batch::new(events).fill(&mut merged, grouped).unwrap(),
                (2, Some(third)) => Batch::new(events).fill(third, grouped).unwrap(),
                _ => {
                    // Its groups are other ones: 1, 2, 0.
                    let mut events = Batch::new(events);
                    events.groups.iter_mut().for_each(|group| *group = (*group + 2) % 3);
                    events.fill(&mut second, grouped).unwrap();
                }
            }
        }
        third.into_iter().for_each(|third| merged.merge(third, &[0, 1, 2]).unwrap());
        merged.merge(second, if grouped { &[1, 2, 0] } else { &[] }).unwrap();
        let groups = if grouped { 3 } else { 1 };
        for (number, fill) in plan.fills.iter().enumerate() {
            let mut want = vec![empty(&plan, fill); groups];
            for event in batches.iter().flatten() {
                naive(&plan, fill, event, &mut want[if grouped { event.group } else { 0 }]);
            }
            let got = merged.finish(number, groups).unwrap();
            for (got, want) in got.iter().zip(&want) {
                prop_assert_eq!(bits(got), bits(&want.finish()), "fill {}", number);
            }
        }
    }
}

/// A hundred categories of a hundred bins with fifteen weights, of which few are filled; then all of them.
#[test]
fn memory_follows_what_is_filled() {
    #[derive(Debug)]
    struct Purse(std::sync::atomic::AtomicUsize);
    impl Room for Purse {
        fn take(&self, bytes: usize) -> bool {
            use std::sync::atomic::Ordering::Relaxed;
            self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok()
        }
    }
    let plan = FillPlan {
        bins: vec![BinPlan { value: 0, axis: Axis::integer(0, 99).unwrap() }],
        selections: vec![Selection { filter: None, categories: Some((0..100).collect()) }],
        weights: vec![(0..15).collect()],
        fills: vec![PlannedFill { bins: vec![0], selection: 0, weights: Some(0), varied: true }],
        formulas: vec![],
    };
    let as_written = 101 * 16 * 102 * 24;
    let empty = || vec![empty(&plan, &plan.fills[0])];
    let fill = |filler: &mut PlanFiller, bins: std::ops::Range<i32>, passed: usize| {
        let bins: Vec<i32> = bins.collect();
        let rows = bins.len();
        let (weights, all) = (vec![1.25; rows], bits_of((0..rows).map(|_| true)));
        let none = vec![0; all.len()];
        let masks: Vec<_> = (0..100)
            .map(|mask| Bitmap::new(if mask < passed { &all } else { &none }, 0, rows).unwrap())
            .collect();
        filler.fill(&PlanBatch {
            rows,
            groups: None,
            group_count: 1,
            values: &[PlanValue { column: Column::events(Values::I32(&bins)), offsets: None, lists: None }],
            masks: &masks,
            weights: &[Column::events(Values::F64(&weights)); 15],
            active: &[true],
            inputs: &[],
        })
    };
    let mut filler = PlanFiller::new(plan.clone(), empty()).unwrap();
    fill(&mut filler, 3..5, 2).unwrap();
    assert!(filler.bytes() < 100_000, "{}", filler.bytes());
    fill(&mut filler, -1..101, 100).unwrap();
    // A third more than as written, and what any batch needs.
    assert!(filler.bytes() < as_written * 130 / 100 + 400_000, "{} of {as_written}", filler.bytes());
    let histogram = &filler.finish(0, 1).unwrap()[0];
    assert_eq!((histogram.sum(true).count, histogram.sum(true).sumw), (15 * 10_204, 15.0 * 10_204.0 * 1.25));
    assert!(filler.bytes() < 400_000, "{}", filler.bytes());
    // Past the room there is.
    filler = PlanFiller::new(plan.clone(), empty()).unwrap();
    filler.ask(std::sync::Arc::new(Purse(2_000_000.into()))).unwrap();
    let error = fill(&mut filler, -1..101, 100).unwrap_err();
    assert!(matches!(error, KernelError::Memory { .. }), "{error}");
    assert!(filler.bytes() < 4_000_000, "{}", filler.bytes());
}

/// More fills than the integers of a cell hold, and windows that change on the way.
#[test]
fn integers_are_emptied_before_they_overflow() {
    let plan = FillPlan {
        bins: vec![],
        selections: vec![Selection::default()],
        weights: vec![vec![0]],
        fills: vec![PlannedFill { bins: vec![], selection: 0, weights: Some(0), varied: false }],
        formulas: vec![],
    };
    let axis = Axis::integer(0, 1).unwrap();
    // No axis of values: one of categories keeps the histogram from having none.
    let plan = FillPlan { bins: vec![BinPlan { value: 0, axis: axis.clone() }], ..plan };
    let plan = FillPlan { fills: vec![PlannedFill { bins: vec![0], ..plan.fills[0].clone() }], ..plan };
    let mut filler =
        PlanFiller::new(plan, vec![ExactHistogram::new(vec![axis.clone()], true).unwrap()]).unwrap();
    let mut want = ExactHistogram::new(vec![axis], true).unwrap();
    let rows = 1 << 16;
    for turn in 0..80u32 {
        let size = if turn < 75 { 1.999_999_9 } else { 1e30 };
        let weights = vec![size; rows];
        let values = [PlanValue { column: Column::constant(Values::I8(&[0])), offsets: None, lists: None }];
        let batch = PlanBatch {
            rows,
            groups: None,
            group_count: 1,
            values: &values,
            masks: &[],
            weights: &[Column::events(Values::F64(&weights))],
            active: &[true],
            inputs: &[],
        };
        filler.fill(&batch).unwrap();
        want.fill_weighted(&vec![1; rows], &weights);
    }
    assert!(filler.bytes() > 0);
    assert_eq!(filler.histograms(0, 1).unwrap()[0].to_bytes(), want.to_bytes());
}

#[test]
fn what_does_not_fit_together_is_an_error() {
    let mut plan = plan();
    let histograms = |plan: &FillPlan| plan.fills.iter().map(|fill| empty(plan, fill)).collect::<Vec<_>>();
    let whole = histograms(&plan);
    assert!(PlanFiller::new(plan.clone(), whole[1..].to_vec()).is_err());
    let mut others = whole.clone();
    others.swap(0, 1);
    assert!(PlanFiller::new(plan.clone(), others).is_err());
    plan.fills[0].bins = vec![9];
    let error = PlanFiller::new(plan, whole).unwrap_err();
    assert_eq!(error.to_string(), "the fill plan has a bin that is not there");
    let event = Event {
        met: None,
        jets: None,
        n: 0,
        group: 2,
        masks: vec![true; MASKS],
        weights: vec![None; WEIGHTS],
    };
    let mut batch = Batch::new(&vec![event; 3]);
    batch.groups[1] = 3;
    assert_eq!(batch.fill(&mut filler(), true).unwrap_err(), KernelError::Group { group: 3, groups: 3 });
    batch.groups.pop();
    assert!(batch.fill(&mut filler(), true).is_err());
    batch.n.pop();
    assert!(batch.fill(&mut filler(), false).is_err());
}
