//! `branch_digests FILE TREE`: reads every branch of numbers, or lists of numbers, on its own and prints
//! `NAME KIND EVENTS DIGEST SECONDS`; the counterpart of `benches/oxyroot`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on has failed"
)]

#[path = "../../../benches/oxyroot/src/digest.rs"]
mod digest;

use std::{sync::Arc, time::Instant};

use ana_root::{ByteStore, Progress, RootFile, TreeReader};
use arrow::{
    array::{ArrayRef, AsArray, Float64Array},
    compute::cast,
    datatypes::{DataType, Float64Type},
};
use digest::Digest;

fn numbers(values: &ArrayRef) -> Float64Array {
    cast(values, &DataType::Float64).unwrap().as_primitive::<Float64Type>().clone()
}

/// The kind as `benches/oxyroot` spells it, for what both can read.
fn kind(data_type: &DataType) -> Option<String> {
    let comparable = |t: &DataType| t.is_numeric() || *t == DataType::Boolean;
    match data_type {
        t if comparable(t) => Some(format!("{t:?}")),
        DataType::List(item) if comparable(item.data_type()) => Some(format!("List:{:?}", item.data_type())),
        _ => None,
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, tree] = arguments.as_slice() else { panic!("usage: branch_digests FILE TREE") };
    let bytes = bytes::Bytes::from(std::fs::read(path).expect("the file is readable"));
    let mut store = ByteStore::new();
    store.insert(0, bytes.clone());
    let Progress::Ready(file) = RootFile::open(path, bytes.len() as u64, &store).unwrap() else {
        panic!("short")
    };
    let Progress::Ready(tree) = file.tree(tree, &store).unwrap() else { panic!("short") };
    let tree = Arc::new(tree);
    for (column, branch) in tree.branches.iter().enumerate() {
        let Some(kind) = branch.data_type.as_ref().ok().and_then(kind) else { continue };
        let started = Instant::now();
        let mut reader = TreeReader::new(Arc::clone(&tree), &[column]).unwrap();
        let array = reader.read(&[0], 0..tree.entries, &store).unwrap().remove(0);
        let mut digest = Digest::default();
        match array.as_list_opt::<i32>() {
            Some(lists) => {
                let values = numbers(lists.values());
                for bounds in lists.offsets().windows(2) {
                    digest.event((bounds[0]..bounds[1]).map(|i| values.value(usize::try_from(i).unwrap())));
                }
            }
            None => numbers(&array).values().iter().for_each(|&v| digest.event(std::iter::once(v))),
        }
        let seconds = started.elapsed().as_secs_f64();
        let (events, digest) = digest.finish();
        println!("{} {kind} {events} {digest} {seconds:.6}", branch.name);
    }
}
