//! `ana-sql devices`: the adapters, their limits and features, and measured rates.

use std::fmt::Write as _;
use std::process::ExitCode;

use ana_engine::calibration;
use ana_engine::device::{AdapterDescription, Rates, adapters};
use anyhow::Result;

use crate::args::DevicesArgs;
use crate::console;

/// Lists the adapters; that there is none is no failure.
pub(crate) fn main(args: &DevicesArgs) -> Result<ExitCode> {
    let adapters = adapters();
    if adapters.is_empty() {
        console::put(
            "no GPU: no adapter was found by Vulkan, Metal or DX12. Either there is none, or its driver is missing \
             (on Linux a Vulkan driver and libvulkan1), or this build is without the feature `gpu`.\n\
             Everything runs on the CPU, with the same results.\n",
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    for (number, adapter) in adapters.iter().enumerate() {
        let rates =
            if args.list { None } else { Some(Rates::measure(number).map_err(|error| error.to_string())) };
        console::put(&shown(number, adapter, rates))?;
    }
    if args.calibrate {
        let hardware = adapters.iter().enumerate().find(|(_, adapter)| !adapter.is_software());
        match hardware {
            Some((number, adapter)) => {
                let file = calibration::calibrate(number, adapter)?;
                console::put(&format!("measured gpu:{number} for --device auto: {}\n", file.display()))?;
            }
            None => console::put("nothing to calibrate: a program on the CPU never pays\n")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(number: usize, adapter: &AdapterDescription, rates: Option<Result<Rates, String>>) -> String {
    let mut out = String::new();
    let AdapterDescription { name, interface, driver, kind, limits, features } = adapter;
    let _infallible = writeln!(out, "gpu:{number}  {name} ({kind}, {interface}, {driver})");
    let limits: Vec<String> = limits.iter().map(|(name, limit)| format!("{name} {limit}")).collect();
    let _infallible = writeln!(out, "       limits: {}", limits.join(", "));
    let has = |wanted: bool| {
        let names = features.iter().filter(|(_, has)| *has == wanted).map(|(name, _)| *name);
        Some(names.collect::<Vec<_>>().join(", "))
            .filter(|names| !names.is_empty())
            .unwrap_or("none".to_owned())
    };
    let _infallible = writeln!(out, "       features: {}; without: {}", has(true), has(false));
    if adapter.is_software() {
        let _infallible =
            writeln!(out, "       a program on the CPU: for tests, never faster than the CPU itself");
    }
    match rates {
        Some(Ok(Rates { copied, filled, filled_by_core })) => {
            let _infallible = writeln!(
                out,
                "       measured: {:.2} GB/s copied to it, {:.1} M weighted fills/s from host memory ({:.1} M/s by one core of the CPU)",
                copied / 1e9,
                filled / 1e6,
                filled_by_core / 1e6
            );
        }
        Some(Err(error)) => {
            let _infallible = writeln!(out, "       cannot be used: {error}");
        }
        None => {}
    }
    out
}
