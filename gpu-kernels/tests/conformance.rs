//! Both back ends give the same bits. Without an adapter there is nothing to compare with, which is said, and is a failure
//! where `ANA_REQUIRE_GPU` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::print_stderr, reason = "what was not tested is said")]
#![cfg(feature = "gpu")]

use ana_kernels::conformance::Case;
use ana_kernels::{Backend, DeviceChoice};

fn device() -> Option<Backend> {
    match Backend::open(DeviceChoice::Gpu(None)) {
        Ok(backend) => Some(backend),
        Err(error) if std::env::var_os("ANA_REQUIRE_GPU").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not tested: {error}");
            None
        }
    }
}

#[test]
fn generated_plans() {
    let Some(gpu) = device() else { return };
    let cpu = Backend::default();
    let number: u64 = std::env::var("ANA_CASES").map_or(400, |n| n.parse().unwrap());
    let mut on_device = 0;
    for seed in 0..number {
        let case = Case::new(seed, 2000).unwrap();
        let want = case.fill(&mut case.filler(&cpu).unwrap()).unwrap();
        let mut filler = case.filler(&gpu).unwrap();
        let got = case.fill(&mut filler).unwrap();
        assert!(got == want, "case {seed}: {:?}", case.plan());
        on_device += filler.events().0;
    }
    eprintln!("{number} plans, {on_device} events on {}", gpu.place());
    assert!(on_device > 0);
}
