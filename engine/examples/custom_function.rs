//! A function of one's own, in SQL beside the built-in ones: works on lists through DataFusion's lambdas.
//!
//! ```sh
//! cargo run --example custom_function -- tests/data/zmumu.root
//! ```

use std::{io::Write, sync::Arc};

use ana_engine::{RootOptions, Session};
use arrow::{
    array::{ArrayRef, AsArray, Float64Array},
    datatypes::{DataType, Float64Type},
};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "tests/data/zmumu.root".into());
    let session = Session::builder().build()?;
    session.register_root("events", &[&file], RootOptions::default()).await?;

    // Jet energy resolution in per cent, as a toy: N/pt ⊕ S/√pt ⊕ C.
    let resolution = create_udf(
        "jet_resolution",
        vec![DataType::Float64],
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(|arguments| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            let pt = arrays[0].as_primitive::<Float64Type>();
            let sigma: Float64Array =
                pt.iter().map(|pt| pt.map(|pt| (4.0 / pt).hypot(0.8 / pt.sqrt()).hypot(0.04))).collect();
            Ok(ColumnarValue::Array(Arc::new(sigma) as ArrayRef))
        }),
    );
    session.context().register_udf(resolution);

    let sql = "SELECT hist(array_transform(Jet_pt, pt -> jet_resolution(pt)), regular(8, 0, 0.4)) AS resolution FROM events";
    let result = session.sql(sql).await?.collect().await?;
    for (name, histogram) in result.histograms()? {
        writeln!(std::io::stdout(), "{name}: {:?}", histogram.counts)?;
    }
    Ok(())
}
