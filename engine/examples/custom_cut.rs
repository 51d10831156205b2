//! A cut with a name and parameters of its own: what PocketCoffea writes as `Cut(name, params, function)`.
//!
//! ```sh
//! cargo run --example custom_cut -- tests/data/zmumu.root
//! ```

use std::{io::Write, sync::Arc};

use ana_engine::{RootOptions, Session};
use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray},
    datatypes::{DataType, Field, Float32Type},
};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};

/// `back_to_back(phi)`: the first two objects are more than 2.5 rad apart; false where there are fewer.
fn back_to_back(phi: &dyn Array) -> BooleanArray {
    let lists = phi.as_list::<i32>();
    let values = lists.values().as_primitive::<Float32Type>().values();
    let events = lists.offsets().windows(2);
    events
        .map(|bounds| {
            let range = bounds[0] as usize..bounds[1] as usize;
            let [first, second, ..] = values[range] else { return false };
            let difference = f64::from(first) - f64::from(second);
            let wrapped = difference.sin().atan2(difference.cos());
            wrapped.abs() > 2.5
        })
        .collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "tests/data/zmumu.root".into());
    let session = Session::builder().build()?;
    session.register_root("events", &[&file], RootOptions::default()).await?;
    session.context().register_udf(create_udf(
        "back_to_back",
        vec![DataType::List(Arc::new(Field::new_list_field(DataType::Float32, true)))],
        DataType::Boolean,
        Volatility::Immutable,
        Arc::new(|arguments| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            Ok(ColumnarValue::Array(Arc::new(back_to_back(&arrays[0])) as ArrayRef))
        }),
    ));

    let sql =
        "SELECT hist(MET_pt, regular(10, 0, 50)) FILTER (WHERE back_to_back(Muon_phi)) AS met FROM events";
    let result = session.sql(sql).await?.collect().await?;
    for category in &result.report.categories {
        writeln!(std::io::stdout(), "{}: {} events", category.name, category.events)?;
    }
    Ok(())
}
