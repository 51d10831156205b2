//! The progress bar: events, events per second, bytes, time left. On standard error, if that is a terminal.

use std::sync::Mutex;
use std::time::Duration;

use ana_engine::Progress;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console;
use crate::report::{rate, thousands};

/// A query that ends sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(300);

/// A bar that appears when a query takes long.
#[derive(Debug)]
pub(crate) struct Bar {
    /// `None` until it is shown.
    bar: Mutex<Option<ProgressBar>>,
    shown: bool,
}

impl Bar {
    /// A bar, or nothing where nobody would see it.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { bar: Mutex::new(None), shown: !quiet && console::stderr_is_terminal() }
    }

    /// Shows how far the query is.
    pub(crate) fn update(&self, progress: &Progress) {
        if !self.shown || progress.seconds < PATIENCE.as_secs_f64() {
            return;
        }
        let Ok(mut slot) = self.bar.lock() else { return };
        let bar = slot.get_or_insert_with(new_bar);
        bar.set_length(progress.events_total.max(progress.events));
        bar.set_position(progress.events);
        bar.set_message(line(progress));
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Ok(mut slot) = self.bar.lock()
            && let Some(bar) = slot.take()
        {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3}%  {msg}") {
        bar.set_style(style);
    }
    bar
}

fn line(progress: &Progress) -> String {
    let per_second = progress.events as f64 / progress.seconds.max(1e-9);
    let mut line = format!(
        "{} of {} events  {}  {}",
        thousands(progress.events),
        thousands(progress.events_total),
        rate(per_second),
        HumanBytes(progress.bytes),
    );
    if progress.files_total > 1 {
        line += &format!("  {}/{} files", progress.files_done, progress.files_total);
    }
    let left = progress.events_total.saturating_sub(progress.events);
    if left > 0 && per_second > 0.0 {
        line += &format!("  {} left", duration(left as f64 / per_second));
    }
    line
}

fn duration(seconds: f64) -> String {
    let whole = seconds.ceil();
    if whole < 60.0 {
        format!("{whole:.0} s")
    } else if whole < 3600.0 {
        format!("{:.0} min {:02.0} s", (whole / 60.0).floor(), whole % 60.0)
    } else {
        format!("{:.0} h {:02.0} min", (whole / 3600.0).floor(), (whole % 3600.0 / 60.0).floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_long() {
        let progress = Progress {
            events: 1_000_000,
            events_total: 4_000_000,
            bytes: 3 << 20,
            files_done: 1,
            files_total: 4,
            seconds: 2.0,
        };
        assert_eq!(line(&progress), "1,000,000 of 4,000,000 events  500 kHz  3.00 MiB  1/4 files  6 s left");
        assert_eq!(duration(61.0), "1 min 01 s");
        assert_eq!(duration(7260.0), "2 h 01 min");
    }
}
