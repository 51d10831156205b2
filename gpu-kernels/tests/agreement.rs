//! Every way a batch can come gives what the plain rule gives, value by value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

use ana_hist::{Axis, ExactHistogram, Transform};
use ana_kernels::{Bitmap, Column, Fill, Filler, KernelError, Values};
use proptest::collection::vec;
use proptest::prelude::*;

fn axes() -> impl Strategy<Value = Axis> {
    prop_oneof![
        (1usize..60, -50.0..50.0f64, 0.1..80.0f64)
            .prop_map(|(n, lo, w)| Axis::regular(n, lo, lo + w).unwrap()),
        (1usize..20, 0.1..5.0f64).prop_map(|(n, lo)| Axis::transformed(n, lo, 90.0, Transform::Log).unwrap()),
        (1usize..20, 0.0..5.0f64)
            .prop_map(|(n, lo)| Axis::transformed(n, lo, 90.0, Transform::Sqrt).unwrap()),
        vec(-60.0..60.0f64, 2..40).prop_map(|mut edges| {
            edges.sort_by(f64::total_cmp);
            edges.dedup();
            edges.push(61.0);
            Axis::variable(edges).unwrap()
        }),
        (-20i64..20, 1i64..30).prop_map(|(lo, n)| Axis::integer(lo, lo + n).unwrap()),
        Just(Axis::boolean()),
        (1usize..6).prop_map(|n| Axis::category((0..n).map(|i| i.to_string()).collect()).unwrap()),
    ]
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -70.0..100.0f64,
        3 => (-70i32..100).prop_map(f64::from),
        1 => prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300, -1e300]),
    ]
}

/// One axis with values for events and items, of a type that suits the axis.
#[derive(Debug, Clone)]
struct Data {
    axis: Axis,
    values: Vec<f64>,
    valid: Vec<u8>,
    kind: u8,
    per_item: bool,
    nulls: bool,
}

fn data(items: usize) -> impl Strategy<Value = Data> {
    let bits = vec(any::<u8>(), items.div_ceil(8) + 1);
    (axes(), vec(value(), items.max(1)), bits, 0u8..11, any::<bool>(), any::<bool>()).prop_map(
        |(axis, values, valid, kind, per_item, nulls)| Data { axis, values, valid, kind, per_item, nulls },
    )
}

/// Storage for all types, so that slices can be borrowed.
struct Typed {
    f64: Vec<f64>,
    f32: Vec<f32>,
    i8: Vec<i8>,
    i16: Vec<i16>,
    i32: Vec<i32>,
    i64: Vec<i64>,
    u8: Vec<u8>,
    u16: Vec<u16>,
    u32: Vec<u32>,
    u64: Vec<u64>,
    bits: Vec<u8>,
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturating casts make test values"
)]
impl Typed {
    fn new(v: &[f64]) -> Self {
        let mut bits = vec![0u8; v.len().div_ceil(8) + 1];
        v.iter().enumerate().filter(|(_, x)| **x > 10.0).for_each(|(i, _)| bits[i / 8] |= 1 << (i % 8));
        Self {
            f64: v.to_vec(),
            f32: v.iter().map(|&x| x as f32).collect(),
            i8: v.iter().map(|&x| x as i8).collect(),
            i16: v.iter().map(|&x| x as i16).collect(),
            i32: v.iter().map(|&x| x as i32).collect(),
            i64: v.iter().map(|&x| x as i64).collect(),
            u8: v.iter().map(|&x| x as u8).collect(),
            u16: v.iter().map(|&x| x as u16).collect(),
            u32: v.iter().map(|&x| x as u32).collect(),
            u64: v.iter().map(|&x| x as u64).collect(),
            bits,
        }
    }

    /// Values for an axis, and the same as f64 for the plain rule.
    #[allow(clippy::cast_precision_loss, reason = "the kernel rounds likewise")]
    fn values(&self, axis: &Axis, kind: u8) -> (Values<'_>, Vec<f64>) {
        let n = self.f64.len();
        let bits = || Bitmap::new(&self.bits, 0, n).unwrap();
        let bools = || (0..n).map(|i| f64::from(u8::from(bits().get(i)))).collect();
        match axis.kind_name() {
            "boolean" => return (Values::Bool(bits()), bools()),
            "category" => {
                return (Values::Codes(&self.u32), self.u32.iter().map(|&x| f64::from(x)).collect());
            }
            _ => {}
        }
        match kind {
            0 => (Values::F64(&self.f64), self.f64.clone()),
            1 => (Values::F32(&self.f32), self.f32.iter().map(|&x| f64::from(x)).collect()),
            2 => (Values::I8(&self.i8), self.i8.iter().map(|&x| f64::from(x)).collect()),
            3 => (Values::I16(&self.i16), self.i16.iter().map(|&x| f64::from(x)).collect()),
            4 => (Values::I32(&self.i32), self.i32.iter().map(|&x| f64::from(x)).collect()),
            5 => (Values::I64(&self.i64), self.i64.iter().map(|&x| x as f64).collect()),
            6 => (Values::U8(&self.u8), self.u8.iter().map(|&x| f64::from(x)).collect()),
            7 => (Values::U16(&self.u16), self.u16.iter().map(|&x| f64::from(x)).collect()),
            8 => (Values::U32(&self.u32), self.u32.iter().map(|&x| f64::from(x)).collect()),
            9 => (Values::U64(&self.u64), self.u64.iter().map(|&x| x as f64).collect()),
            _ => (Values::Bool(bits()), bools()),
        }
    }
}

fn bit(bits: &[u8], i: usize) -> bool {
    bits[i / 8] >> (i % 8) & 1 == 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any axes, any types, NULLs, lists or not, weights of any level, a selection, groups.
    #[test]
    fn equals_one_by_one(
        lens in vec(0usize..14, 0..60),
        columns in vec(data(900), 1..4),
        weight in prop::option::of(data(900)),
        lists in any::<bool>(),
        selection in prop::option::of(vec(any::<u8>(), 120)),
        groups in 1usize..4,
    ) {
        let mut offsets = vec![3i32];
        for &len in &lens {
            offsets.push(offsets.last().unwrap() + i32::try_from(len).unwrap());
        }
        let rows = if lists { lens.len() } else { 900 };
        let axes: Vec<Axis> = columns.iter().map(|d| d.axis.clone()).collect();
        let typed: Vec<Typed> = columns.iter().map(|d| Typed::new(&d.values)).collect();
        let values: Vec<(Values<'_>, Vec<f64>)> =
            columns.iter().zip(&typed).map(|(d, t)| t.values(&d.axis, d.kind)).collect();
        let column = |d: &Data, values| {
            let column = if !lists || !d.per_item { Column::events(values) } else { Column::items(values) };
            column.with_validity(d.nulls.then(|| Bitmap::new(Box::leak(d.valid.clone().into_boxed_slice()), 1, 900).unwrap()))
        };
        let cols: Vec<Column<'_>> = columns.iter().zip(&values).map(|(d, v)| column(d, v.0)).collect();
        let w = weight.as_ref().map(|d| column(d, Values::F64(&d.values)));
        let select = selection.as_ref().map(|bits| Bitmap::new(bits, 2, 900).unwrap());
        let fill = Fill {
            rows,
            offsets: lists.then_some(&offsets[..]),
            columns: &cols,
            weight: w,
            selection: select,
        };

        let fresh = || ExactHistogram::new(axes.clone(), weight.is_some()).unwrap();
        let mut want = vec![fresh(); groups];
        let mut number = 0u64;
        for row in 0..rows {
            let items = if lists {
                usize::try_from(offsets[row]).unwrap()..usize::try_from(offsets[row + 1]).unwrap()
            } else {
                row..row + 1
            };
            for item in items {
                let place = |d: &Data| if lists && d.per_item { item } else { row };
                let alive = columns.iter().chain(&weight).all(|d| !d.nulls || bit(&d.valid, place(d) + 1))
                    && selection.as_ref().is_none_or(|bits| bit(bits, row + 2));
                if alive {
                    let point: Vec<f64> = columns.iter().zip(&values).map(|(d, v)| v.1[place(d)]).collect();
                    want[row % groups].fill_one(&point, weight.as_ref().map_or(1.0, |d| d.values[place(d)]));
                    number += 1;
                }
            }
        }
        let mut filler = Filler::new(&axes).unwrap();
        let assigned: Vec<usize> = (0..rows).map(|row| row % groups).collect();
        let mut got = vec![fresh(); groups];
        prop_assert_eq!(filler.fill_groups(&mut got, &assigned, &fill).unwrap(), number);
        for (got, want) in got.iter().zip(&want) {
            prop_assert!(got == want);
        }
        let mut one = fresh();
        prop_assert_eq!(filler.fill(&mut one, &fill).unwrap(), number);
        let mut sum = fresh();
        want.iter().for_each(|part| sum.merge(part).unwrap());
        prop_assert!(one == sum);
    }
}

#[test]
fn constants_are_for_everything() {
    let axes = [Axis::regular(2, 0.0, 2.0).unwrap(), Axis::integer(0, 3).unwrap()];
    let mut histogram = ExactHistogram::new(axes.to_vec(), true).unwrap();
    let columns = [Column::events(Values::F32(&[0.5, 1.5, 9.0])), Column::constant(Values::I32(&[2]))];
    let weight = Some(Column::constant(Values::F64(&[0.5])));
    let fill = Fill { rows: 3, offsets: None, columns: &columns, weight, selection: None };
    assert_eq!(Filler::new(&axes).unwrap().fill(&mut histogram, &fill).unwrap(), 3);
    let done = histogram.finish();
    assert_eq!(done.sumw(done.cell(&[3, 3]).unwrap()).to_bits(), 0.5f64.to_bits());
    assert_eq!(done.counts.iter().sum::<u64>(), 3);
}

#[test]
fn empty_batches_fill_nothing() {
    let axes = [Axis::regular(2, 0.0, 2.0).unwrap()];
    let mut histogram = ExactHistogram::new(axes.to_vec(), false).unwrap();
    let mut filler = Filler::new(&axes).unwrap();
    let columns = [Column::events(Values::F64(&[]))];
    let fill = Fill { rows: 0, offsets: None, columns: &columns, weight: None, selection: None };
    assert_eq!(filler.fill(&mut histogram, &fill).unwrap(), 0);
    let columns = [Column::items(Values::F64(&[]))];
    let fill =
        Fill { rows: 3, offsets: Some(&[0, 0, 0, 0]), columns: &columns, weight: None, selection: None };
    assert_eq!(filler.fill(&mut histogram, &fill).unwrap(), 0);
}

#[test]
fn faults_are_named_and_leave_the_histogram_alone() {
    let axes = [Axis::regular(2, 0.0, 2.0).unwrap()];
    let mut histogram = ExactHistogram::new(axes.to_vec(), false).unwrap();
    let mut filler = Filler::new(&axes).unwrap();
    let items = [Column::items(Values::F64(&[1.0, 1.0]))];
    let events = [Column::events(Values::F64(&[1.0, 1.0]))];
    let codes = [Column::events(Values::Codes(&[1, 1]))];
    let fill = Fill { rows: 2, offsets: None, columns: &events, weight: None, selection: None };
    let mut fault = |fill: &Fill<'_>| filler.fill(&mut histogram, fill).unwrap_err();
    assert_eq!(fault(&Fill { columns: &[], ..fill }), KernelError::Columns { columns: 0, axes: 1 });
    assert_eq!(fault(&Fill { columns: &items, ..fill }), KernelError::NoOffsets);
    assert_eq!(
        fault(&Fill { columns: &codes, ..fill }),
        KernelError::AxisValues { axis: "regular", values: "category" }
    );
    assert_eq!(
        fault(&Fill { rows: 3, ..fill }),
        KernelError::Length { what: "column", expected: 3, found: 2 }
    );
    let offsets = Fill { columns: &items, ..fill };
    assert_eq!(fault(&Fill { offsets: Some(&[0, 2, 1]), ..offsets }), KernelError::Offsets { row: 1 });
    assert_eq!(fault(&Fill { offsets: Some(&[-1, 2, 2]), ..offsets }), KernelError::Offsets { row: 0 });
    assert_eq!(
        fault(&Fill { offsets: Some(&[0, 2]), ..offsets }),
        KernelError::Length { what: "offsets", expected: 3, found: 2 }
    );
    assert_eq!(
        fault(&Fill { offsets: Some(&[0, 2, 3]), ..offsets }),
        KernelError::Length { what: "column", expected: 3, found: 2 }
    );
    assert_eq!(fault(&Fill { weight: Some(events[0]), ..fill }), KernelError::Weight);
    assert!(Bitmap::new(&[0], 5, 4).is_err());
    assert!(histogram.counts().iter().all(|&c| c == 0));
}
