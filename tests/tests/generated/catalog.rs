//! The table of the test: names and types, random events, and the same as an Arrow batch.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    },
    buffer::OffsetBuffer,
    datatypes::Field,
};

use super::{
    random::Random,
    value::{Ty, V, exact},
};

#[derive(Debug, Clone)]
pub(crate) struct Collection {
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, Ty)>,
    /// Type of its counter.
    pub(crate) counter: Ty,
}

impl Collection {
    pub(crate) fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|(field, _)| field == name)
    }

    pub(crate) fn is_derived(&self) -> bool {
        self.name.starts_with("Derived")
    }

    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.field(name).is_some())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    pub(crate) scalars: Vec<(&'static str, Ty)>,
    pub(crate) collections: Vec<Collection>,
}

/// The objects of one collection in one event: for each field the values of all.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    pub(crate) count: usize,
    pub(crate) fields: Vec<Vec<V>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) scalars: Vec<V>,
    /// `None` where a decision that makes the collection is too close to call.
    pub(crate) collections: Vec<Option<Objects>>,
}

impl Catalog {
    pub(crate) fn branches() -> Self {
        use Ty::{Bool, F32, F64, I32, I64};
        let collection = |name: &str, fields: &[(&str, Ty)]| Collection {
            name: name.to_owned(),
            fields: fields.iter().map(|(field, ty)| ((*field).to_owned(), *ty)).collect(),
            counter: I32,
        };
        let kinematics = [("pt", F32), ("eta", F32), ("phi", F32), ("mass", F32)];
        let with = |more: &[(&'static str, Ty)]| [&kinematics[..], more].concat();
        Self {
            scalars: vec![
                ("MET_pt", F32),
                ("MET_phi", F32),
                ("weight", F64),
                ("ev_odd", F64),
                ("run", I32),
                ("ev_big", I64),
                ("flag", Bool),
                ("ev_maybe", F32),
            ],
            collections: vec![
                collection(
                    "Jet",
                    &with(&[("id", I32), ("odd", F64), ("big", I64), ("tight", Bool), ("maybe", F32)]),
                ),
                collection("Muon", &with(&[("charge", I32), ("jetIdx", I32), ("iso", F32), ("tight", Bool)])),
                collection("Electron", &with(&[("charge", I32), ("jetIdx", I32), ("dxy", F64)])),
            ],
        }
    }
}

const COMMON: [f64; 12] = [0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 20.0, 25.0, 30.0, 30.5, 45.0, -2.5];
const EXTREME: [f64; 16] = [
    f64::NAN,
    f64::NAN,
    -f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    -0.0,
    f32::MAX as f64,
    f32::MIN as f64,
    f32::MIN_POSITIVE as f64,
    1e-45,
    -1e-40,
    16_777_217.0,
    1e30,
    0.1,
    1e300,
    5e-324,
];
const INTEGERS: [i64; 10] = [0, 1, -1, 2, 3, 4, 6, 7, -5, 12];
const LARGE: [i64; 6] = [i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 40), 1 << 31, 16_777_217];

/// A random value of a type; `name` decides what is usual.
fn value(random: &mut Random, name: &str, ty: Ty) -> V {
    let name = name.trim_start_matches("ev_");
    if name == "maybe" && random.chance(30) {
        return V::Null;
    }
    let number = |random: &mut Random| {
        let odd = if matches!(name, "odd" | "maybe" | "iso" | "dxy") { 35 } else { 4 };
        if random.chance(odd) {
            return *random.pick(&EXTREME);
        }
        match name {
            "phi" | "MET_phi" => random.unit() * 6.25 - 3.125,
            "eta" => random.unit() * 5.0 - 2.5,
            "mass" => random.unit() * 10.0,
            // Few values, so that there are ties.
            _ if random.chance(60) => *random.pick(&COMMON),
            _ => random.unit() * 100.0,
        }
    };
    match ty {
        Ty::Bool => V::B(random.chance(50)),
        Ty::I32 if name == "charge" => V::I(if random.chance(50) { 1 } else { -1 }),
        Ty::I32 if name == "jetIdx" => V::I(random.below(6) as i64 - 1),
        Ty::I64 if random.chance(30) => V::I(*random.pick(&LARGE)),
        Ty::I32 | Ty::I64 => V::I(*random.pick(&INTEGERS)),
        Ty::F32 => exact(f64::from(number(random) as f32)),
        Ty::F64 => exact(number(random)),
    }
}

pub(crate) fn events(random: &mut Random, catalog: &Catalog, count: usize) -> Vec<Event> {
    let event = |random: &mut Random| Event {
        scalars: catalog.scalars.iter().map(|(name, ty)| value(random, name, *ty)).collect(),
        collections: catalog
            .collections
            .iter()
            .map(|collection| {
                let count = if random.chance(20) { 0 } else { random.below(6) };
                let fields = collection.fields.iter();
                let fields = fields.map(|(name, ty)| (0..count).map(|_| value(random, name, *ty)).collect());
                Some(Objects { count, fields: fields.collect() })
            })
            .collect(),
    };
    (0..count).map(|_| event(random)).collect()
}

fn array(values: &[V], ty: Ty) -> ArrayRef {
    let float = |value: &V| match value {
        V::F(x, _) => Some(*x),
        _ => None,
    };
    let integer = |value: &V| match value {
        V::I(i) => Some(*i),
        _ => None,
    };
    let values = values.iter();
    match ty {
        Ty::Bool => {
            Arc::new(values.map(|v| if let V::B(b) = v { Some(*b) } else { None }).collect::<BooleanArray>())
        }
        Ty::I32 => Arc::new(values.map(|v| integer(v).map(|i| i as i32)).collect::<Int32Array>()),
        Ty::I64 => Arc::new(values.map(integer).collect::<Int64Array>()),
        Ty::F32 => Arc::new(values.map(|v| float(v).map(|x| x as f32)).collect::<Float32Array>()),
        Ty::F64 => Arc::new(values.map(float).collect::<Float64Array>()),
    }
}

/// The events as a table.
pub(crate) fn batch(catalog: &Catalog, events: &[Event]) -> RecordBatch {
    let numbers: ArrayRef = Arc::new((0..).take(events.len()).collect::<Int64Array>());
    let mut columns = vec![("event".to_owned(), numbers)];
    for (column, (name, ty)) in catalog.scalars.iter().enumerate() {
        let values: Vec<V> = events.iter().map(|event| event.scalars[column]).collect();
        columns.push(((*name).to_owned(), array(&values, *ty)));
    }
    for (place, collection) in catalog.collections.iter().enumerate() {
        let objects = || events.iter().filter_map(|event| event.collections[place].as_ref());
        let counts: Vec<V> = objects().map(|objects| V::I(objects.count as i64)).collect();
        columns.push((format!("n{}", collection.name), array(&counts, Ty::I32)));
        for (field, (name, ty)) in collection.fields.iter().enumerate() {
            let values: Vec<V> =
                objects().flat_map(|objects| objects.fields[field].iter().copied()).collect();
            let values = array(&values, *ty);
            let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            let offsets = OffsetBuffer::from_lengths(objects().map(|objects| objects.count));
            let list: ArrayRef = Arc::new(ListArray::new(item, offsets, values, None));
            columns.push((format!("{}_{name}", collection.name), list));
        }
    }
    RecordBatch::try_from_iter(columns).unwrap()
}
