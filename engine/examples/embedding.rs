//! A histogram from a NanoAOD file in another program.
//!
//! ```sh
//! cargo run --example embedding -- tests/data/zmumu.root
//! ```

use ana_engine::{RootOptions, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "tests/data/zmumu.root".into());
    let session = Session::builder().threads(2).memory_limit(1 << 30).build()?;
    session.register_root("events", &[&file], RootOptions::default()).await?;

    let query = session
        .sql("SELECT hist(MET_pt, regular(10, 0, 50), genWeight) AS met FROM events WHERE nMuon = 2")
        .await?
        // Called while it runs; this is where a progress bar or a web page would listen.
        .on_progress(|progress| assert!(progress.events <= progress.events_total));
    // Any thread may stop the query through this.
    let _stop = query.cancel_handle();

    let result = query.collect().await?;
    for (name, histogram) in result.histograms()? {
        let edges = histogram.axes[0].edges();
        for (bin, edge) in edges.iter().enumerate() {
            // Cell 0 is the underflow; the last edge begins the overflow.
            let (sumw, error) = (histogram.sumw(bin + 1), histogram.sumw2(bin + 1).sqrt());
            write(&format!("{name} from {edge:4}: {sumw:10.1} ± {error:.1}"))?;
        }
    }
    for level in &result.report.levels {
        write(&format!("{}: {} events", level.name, level.events))?;
    }
    Ok(())
}

fn write(line: &str) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}")
}
