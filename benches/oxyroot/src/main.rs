//! `oxyroot-branches FILE TREE < branches`: reads the branches named on standard input, one `NAME<tab>KIND` a line
//! (kinds as `compare.py` spells them), and answers each with `EVENTS DIGEST FLAT SECONDS` or `error REASON`.
//!
//! DIGEST sees which event a value belongs to, FLAT only the values and their order. SECONDS are those of the reading
//! that went into DIGEST.

mod digest;

use std::{
    any::Any,
    fmt::Debug,
    io::{BufRead, Write},
    panic::{self, AssertUnwindSafe},
    time::Instant,
};

use digest::Digest;
use oxyroot::{Branch, ReaderTree, RootFile, Slice};

/// Where the values of a branch go.
trait Sink {
    fn event(&mut self, values: impl Iterator<Item = f64>);
}

impl Sink for Digest {
    fn event(&mut self, values: impl Iterator<Item = f64>) {
        Digest::event(self, values);
    }
}

/// Blind to events: every value counts as one of its own.
#[derive(Default)]
struct Flat(Digest);

impl Sink for Flat {
    fn event(&mut self, values: impl Iterator<Item = f64>) {
        values.for_each(|value| self.0.event(std::iter::once(value)));
    }
}

fn explained<T, E: Debug>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|e| format!("{e:?}"))
}

macro_rules! scalar {
    ($branch:expr, $sink:expr, $t:ty, $f:expr) => {{
        for value in explained($branch.as_iter::<$t>())? {
            $sink.event(std::iter::once($f(value)));
        }
        Ok(())
    }};
}

macro_rules! list {
    ($branch:expr, $sink:expr, $t:ty, $f:expr) => {{
        for values in explained($branch.as_iter::<$t>())? {
            $sink.event(Vec::from(values).into_iter().map($f));
        }
        Ok(())
    }};
}

fn read(branch: &Branch, kind: &str, sink: &mut impl Sink) -> Result<(), String> {
    match kind {
        "Boolean" => scalar!(branch, sink, bool, |v| f64::from(u8::from(v))),
        "Int8" => scalar!(branch, sink, i8, f64::from),
        "UInt8" => scalar!(branch, sink, u8, f64::from),
        "Int16" => scalar!(branch, sink, i16, f64::from),
        "UInt16" => scalar!(branch, sink, u16, f64::from),
        "Int32" => scalar!(branch, sink, i32, f64::from),
        "UInt32" => scalar!(branch, sink, u32, f64::from),
        "Int64" => scalar!(branch, sink, i64, |v| v as f64),
        "UInt64" => scalar!(branch, sink, u64, |v| v as f64),
        "Float32" => scalar!(branch, sink, f32, f64::from),
        "Float64" => scalar!(branch, sink, f64, f64::from),
        "List:Boolean" => list!(branch, sink, Slice<bool>, |v| f64::from(u8::from(v))),
        "List:Int8" => list!(branch, sink, Slice<i8>, f64::from),
        "List:UInt8" => list!(branch, sink, Slice<u8>, f64::from),
        "List:Int16" => list!(branch, sink, Slice<i16>, f64::from),
        "List:UInt16" => list!(branch, sink, Slice<u16>, f64::from),
        "List:Int32" => list!(branch, sink, Slice<i32>, f64::from),
        "List:UInt32" => list!(branch, sink, Slice<u32>, f64::from),
        "List:Int64" => list!(branch, sink, Slice<i64>, |v| v as f64),
        "List:UInt64" => list!(branch, sink, Slice<u64>, |v| v as f64),
        "List:Float32" => list!(branch, sink, Slice<f32>, f64::from),
        "List:Float64" => list!(branch, sink, Slice<f64>, f64::from),
        "Vector:Boolean" => list!(branch, sink, Vec<bool>, |v| f64::from(u8::from(v))),
        "Vector:Int8" => list!(branch, sink, Vec<i8>, f64::from),
        "Vector:UInt8" => list!(branch, sink, Vec<u8>, f64::from),
        "Vector:Int16" => list!(branch, sink, Vec<i16>, f64::from),
        "Vector:UInt16" => list!(branch, sink, Vec<u16>, f64::from),
        "Vector:Int32" => list!(branch, sink, Vec<i32>, f64::from),
        "Vector:UInt32" => list!(branch, sink, Vec<u32>, f64::from),
        "Vector:Int64" => list!(branch, sink, Vec<i64>, |v| v as f64),
        "Vector:UInt64" => list!(branch, sink, Vec<u64>, |v| v as f64),
        "Vector:Float32" => list!(branch, sink, Vec<f32>, f64::from),
        "Vector:Float64" => list!(branch, sink, Vec<f64>, f64::from),
        other => Err(format!("kind {other} is not compared")),
    }
}

/// A panic becomes an error, with what it said.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic: Box<dyn Any + Send>| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panic: {}", said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("silent")))
    })
}

fn open(file: &str, tree: &str) -> Result<ReaderTree, String> {
    caught(|| explained(explained(RootFile::open(file))?.get_tree(tree)))
        .map_err(|reason| format!("the tree does not open: {reason}"))
}

/// The digest, the one blind to events, and the seconds the first took.
fn digests(branch: &Branch, kind: &str) -> Result<(Digest, Digest, f64), String> {
    let (mut digest, mut flat) = (Digest::default(), Flat::default());
    let started = Instant::now();
    read(branch, kind, &mut digest)?;
    let seconds = started.elapsed().as_secs_f64();
    read(branch, kind, &mut flat)?;
    Ok((digest, flat.0, seconds))
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, name] = arguments.as_slice() else { panic!("usage: oxyroot-branches FILE TREE") };
    let mut tree = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input is text");
        let (branch, kind) = line.split_once('\t').expect("NAME<tab>KIND");
        let answer = match tree.get_or_insert_with(|| open(file, name)) {
            Err(reason) => Err(reason.clone()),
            Ok(tree) => caught(|| digests(tree.branch(branch).ok_or("no such branch")?, kind)),
        };
        let mut out = std::io::stdout().lock();
        match answer {
            Ok((digest, flat, seconds)) => {
                let ((events, digest), (_, flat)) = (digest.finish(), flat.finish());
                writeln!(out, "{events} {digest} {flat} {seconds:.6}")
            }
            Err(reason) => {
                // After a panic its state is not to be trusted. A tree that did not open will not open next time.
                if reason.starts_with("panic") {
                    tree = None;
                }
                writeln!(out, "error {}", reason.replace('\n', " "))
            }
        }
        .and_then(|()| out.flush())
        .expect("standard output is open");
    }
}
