//! Histograms as values in SQL: how they are carried, and the functions on them.

mod as_histogram;
mod at;
mod bins;
mod bins_nd;
mod divide;
mod each;
mod hist_add;
mod hist_mean;
mod hist_std;
mod hist_sum;
mod project;
mod rebin;
mod value;

pub(crate) use as_histogram::AsHistogram;
pub use at::At;
pub use bins::Bins;
pub use bins_nd::BinsNd;
pub use divide::Divide;
pub use hist_add::HistAdd;
pub use hist_mean::HistMean;
pub use hist_std::HistStd;
pub use hist_sum::HistSum;
pub use project::Project;
pub use rebin::Rebin;
pub use value::{
    EXTENSION_NAME, histogram_array, histogram_at, histogram_data_type, histogram_field, is_histogram,
};
