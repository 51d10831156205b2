//! `oxyroot-branches FILE TREE < branches`: reads the branches named on standard input, one `NAME KIND` a
//! line (kinds as ana-root's example `branch_digests` prints them), and prints `NAME EVENTS DIGEST SECONDS`
//! or `NAME error REASON`.

mod digest;

use std::{io::BufRead, panic, time::Instant};

use digest::Digest;
use oxyroot::{Branch, RootFile, Slice};

type Outcome = Result<Digest, String>;

macro_rules! scalar {
    ($branch:expr, $t:ty, $f:expr) => {{
        let mut digest = Digest::default();
        for value in $branch.as_iter::<$t>().map_err(|e| format!("{e:?}"))? {
            digest.event(std::iter::once($f(value)));
        }
        Ok(digest)
    }};
}

macro_rules! list {
    ($branch:expr, $t:ty, $f:expr) => {{
        let mut digest = Digest::default();
        for values in $branch.as_iter::<Slice<$t>>().map_err(|e| format!("{e:?}"))? {
            digest.event(values.into_vec().into_iter().map($f));
        }
        Ok(digest)
    }};
}

fn read(branch: &Branch, kind: &str) -> Outcome {
    match kind {
        "Boolean" => scalar!(branch, bool, |v| f64::from(u8::from(v))),
        "Int8" => scalar!(branch, i8, f64::from),
        "UInt8" => scalar!(branch, u8, f64::from),
        "Int16" => scalar!(branch, i16, f64::from),
        "UInt16" => scalar!(branch, u16, f64::from),
        "Int32" => scalar!(branch, i32, f64::from),
        "UInt32" => scalar!(branch, u32, f64::from),
        "Int64" => scalar!(branch, i64, |v| v as f64),
        "UInt64" => scalar!(branch, u64, |v| v as f64),
        "Float32" => scalar!(branch, f32, f64::from),
        "Float64" => scalar!(branch, f64, f64::from),
        "List:Boolean" => list!(branch, bool, |v| f64::from(u8::from(v))),
        "List:Int8" => list!(branch, i8, f64::from),
        "List:UInt8" => list!(branch, u8, f64::from),
        "List:Int16" => list!(branch, i16, f64::from),
        "List:Int32" => list!(branch, i32, f64::from),
        "List:UInt32" => list!(branch, u32, f64::from),
        "List:Float32" => list!(branch, f32, f64::from),
        "List:Float64" => list!(branch, f64, f64::from),
        other => Err(format!("kind {other} is not compared")),
    }
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, tree] = arguments.as_slice() else { panic!("usage: oxyroot-branches FILE TREE") };
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input is text");
        let (name, kind) = line.split_once(' ').expect("NAME KIND");
        // Opened anew for every branch: after a panic its state is not to be trusted.
        let outcome = panic::catch_unwind(|| {
            let tree = RootFile::open(file).map_err(|e| format!("{e:?}"))?.get_tree(tree).map_err(|e| format!("{e:?}"))?;
            let branch = tree.branch(name).ok_or("no such branch")?;
            let started = Instant::now();
            Ok::<_, String>((read(branch, kind)?, started.elapsed()))
        });
        match outcome {
            Ok(Ok((digest, time))) => {
                let (events, digest) = digest.finish();
                println!("{name} {events} {digest} {:.6}", time.as_secs_f64());
            }
            Ok(Err(reason)) => println!("{name} error {}", reason.replace('\n', " ")),
            Err(_) => println!("{name} error panicked"),
        }
    }
}
