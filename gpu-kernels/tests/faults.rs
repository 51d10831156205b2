//! A device that fails anywhere: the CPU finishes with the same bits and says so, or it is an error where the device is
//! demanded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::print_stderr, reason = "what was not tested is said")]
#![cfg(feature = "gpu")]

use ana_kernels::backend::{Calibrated, Calibration, Devices};
use ana_kernels::conformance::Case;
use ana_kernels::wgpu::{Injection, Planned};
use ana_kernels::{Backend, DeviceChoice, KernelError};

/// Every fault breaks its device for good, so each needs a new one.
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

/// Cases whose batches go to the device in several submissions.
fn cases() -> Vec<(Case, u64)> {
    let Some(gpu) = device() else { return vec![] };
    let submissions = |case: &Case| {
        let far = Planned { fault: Injection::Lost, submission: u64::MAX };
        gpu.gpu().unwrap().inject(far);
        case.fill(&mut case.filler(&gpu).unwrap()).unwrap();
        u64::MAX - gpu.gpu().unwrap().injected().unwrap().submission
    };
    let cases = (0..400).map(|seed| Case::new(seed, 300).unwrap());
    let several = cases.map(|case| (submissions(&case), case)).filter(|(number, _)| *number >= 4);
    several.take(6).map(|(number, case)| (case, number)).collect()
}

#[test]
fn the_cpu_finishes_with_the_same_bits() {
    let mut tried = 0;
    for (case, submissions) in cases() {
        let want = case.fill(&mut case.filler(&Backend::default()).unwrap()).unwrap();
        for submission in 0..submissions {
            for fault in Injection::ALL {
                let gpu = device().unwrap().forgiving();
                gpu.gpu().unwrap().inject(Planned { fault, submission });
                let mut filler = case.filler(&gpu).unwrap();
                let got = case.fill(&mut filler).unwrap();
                assert!(got == want, "{fault:?} at submission {submission} of {:?}", case.plan());
                assert!(gpu.gpu().unwrap().injected().is_none(), "{fault:?} at {submission} did not come");
                assert!(filler.fault().is_some(), "{fault:?} at {submission}");
                // What is filled afterwards does not even try.
                assert!(case.fill(&mut case.filler(&gpu).unwrap()).unwrap() == want);
                tried += 1;
            }
        }
    }
    eprintln!("{tried} faults");
}

#[test]
fn a_device_that_is_demanded_fails_with_an_error() {
    for (case, submissions) in cases().into_iter().take(1) {
        for submission in 0..submissions {
            for fault in Injection::ALL {
                let gpu = device().unwrap();
                gpu.gpu().unwrap().inject(Planned { fault, submission });
                let error = case.fill(&mut case.filler(&gpu).unwrap()).unwrap_err();
                assert!(matches!(error, KernelError::Device { .. }), "{error}");
            }
        }
    }
}

/// `auto` goes by what was measured, here made up.
#[test]
fn auto_takes_a_device_for_plans_for_which_it_pays() {
    let Some(gpu) = device() else { return };
    let name = gpu.gpu().unwrap().adapter().name.clone();
    let calibrated = |device| {
        let calibration = Calibration { device: [device; 2], core: [1e-8; 2] };
        let devices =
            Devices::calibrated(Calibrated { adapter: 0, name: name.clone(), calibration, cores: 4 });
        devices.open(DeviceChoice::Auto).unwrap()
    };
    let (slow, fast) = (calibrated(1e-8), calibrated(1e-9));
    assert!(fast.place().contains("faster than 4 cores"), "{}", fast.place());
    let case = Case::new(1, 500).unwrap();
    assert!(!case.plan().fills.is_empty());
    let on_device = |backend| {
        let mut filler = case.filler(backend).unwrap();
        case.fill(&mut filler).unwrap();
        filler.events().0 > 0
    };
    assert_eq!((on_device(&gpu), on_device(&slow), on_device(&fast)), (true, false, true));
    // Nothing is demanded, so a fault is none.
    fast.gpu().unwrap().inject(Planned { fault: Injection::Lost, submission: 0 });
    assert_eq!(case.differing(&fast, &slow).unwrap(), 0);
    let other = |adapter, name: &str| {
        let calibration = Calibration { device: [0.0; 2], core: [1.0; 2] };
        let devices =
            Devices::calibrated(Calibrated { adapter, name: name.to_owned(), calibration, cores: 1 });
        devices.open(DeviceChoice::Auto).unwrap().place().to_owned()
    };
    assert!(other(99, &name).starts_with("CPU: no GPU: no adapter 99"), "{}", other(99, &name));
    assert!(
        other(0, "another").starts_with("CPU: another adapter than was measured"),
        "{}",
        other(0, "another")
    );
}

#[test]
fn a_device_that_is_not_there_is_an_error_that_says_so() {
    let error = Backend::open(DeviceChoice::Gpu(Some(99))).unwrap_err();
    assert!(error.to_string().starts_with("no GPU: no adapter"), "{error}");
    assert_eq!("GPU:1".parse(), Ok(DeviceChoice::Gpu(Some(1))));
    let error = "tpu".parse::<DeviceChoice>().unwrap_err();
    assert_eq!(error.to_string(), r#""tpu" is no device: auto, cpu, gpu, or gpu:N for adapter N"#);
}
