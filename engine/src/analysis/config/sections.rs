//! The sections of an analysis file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Categories, Cut, Ordered};
use crate::analysis::schema::{Schema, object};

/// A section: the type that serde reads and its JSON schema, from one description.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $name:ident { $( $(#[doc = $doc:literal])* $field:ident $(($key:literal))? : $type:ty, )* }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $( $(#[doc = $doc])* $(#[serde(rename = $key)])? #[serde(skip_serializing_if = "is_nothing")] pub $field: $type, )*
        }

        impl Schema for $name {
            fn schema() -> Value {
                object(
                    concat!($($about),*),
                    vec![ $( (key!($field $($key)?), concat!($($doc),*), <$type>::schema()), )* ],
                )
            }
        }
    };
}

macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

/// Whether a value is what it would be if nobody had written it.
fn is_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

section! {
    /// A whole analysis.
    Raw {
        /// What the analysis is called.
        name: String,
        /// Which files, and what is known about them.
        datasets: Datasets,
        /// Values that expressions name as `${a.b}`.
        parameters: Parameters,
        /// Collections made from those of the files.
        objects: Ordered<Object>,
        /// One value per event, by name.
        variables: Ordered<String>,
        /// Cuts by name, for use in several places.
        cuts: Ordered<Cut>,
        /// Cuts on the events of the files.
        skim: Vec<Cut>,
        /// Cuts on objects and variables.
        preselections: Vec<Cut>,
        /// Selections that histograms are filled for, side by side.
        categories: Categories,
        /// What an event counts.
        weights: Weights,
        /// What is done again with something shifted.
        variations: Variations,
        /// How simulation is brought to the luminosity of the data.
        normalisation: Normalisation,
        /// Histograms by name, or factories that make several.
        histograms: Ordered<Histogram>,
        /// Values of single events, written to Parquet.
        columns: Columns,
        /// How it is computed.
        run: Run,
        /// The folder of the results.
        output: Option<String>,
    }
}

section! {
    /// Which files, and what is known about them.
    Datasets {
        /// Datasets files of PocketCoffea, coffea or CoffeaRunner, relative to this file.
        jsons: Vec<String>,
        /// Which of their datasets.
        filter: Filter,
        /// Parts of samples, by sample and name, each with its cuts.
        subsamples: Ordered<Ordered<Vec<Cut>>>,
        /// The tree of events.
        tree: Option<String>,
        /// What to do about a branch that some files lack: error or null.
        missing_branch: Option<String>,
    }
}

section! {
    /// Which datasets.
    Filter {
        /// Only these samples.
        samples: Vec<String>,
        /// Not these samples.
        samples_exclude: Vec<String>,
        /// Only these years.
        year: Vec<String>,
    }
}

section! {
    /// Values that expressions name as `${a.b}`.
    Parameters {
        /// YAML files, relative to this file; later ones win.
        files: Vec<String>,
        /// Values given here, which win over the files.
        values: serde_yaml::Value,
    }
}

section! {
    /// A collection made from others.
    Object {
        /// The collection it is chosen from.
        from: Option<String>,
        /// Collections it is put together from, one behind the other.
        union: Vec<String>,
        /// A name for the object in expressions; that of the collection unless told, for a union `object`.
        alias: Option<String>,
        /// A condition on the object.
        r#where ("where"): Option<String>,
        /// Collections from whose objects it must be farther away than this in delta R.
        clean: Ordered<f64>,
        /// The order: `Jet.pt DESC`.
        order_by: Option<String>,
        /// Fields to add or to replace.
        fields: Ordered<String>,
    }
}

section! {
    /// What an event counts.
    Weights {
        /// Weights by name, beside genWeight, signOf_genWeight, lumi and XS.
        define: Ordered<Weight>,
        /// For all simulated samples.
        common: Scope,
        /// For single samples or subsamples, also of data.
        bysample: Ordered<Scope>,
    }
}

section! {
    /// A weight.
    Weight {
        /// The factor.
        nominal: String,
        /// The factor shifted up.
        up: Option<String>,
        /// The factor shifted down.
        down: Option<String>,
        /// Several pairs of shifts, by name.
        variations: Ordered<Varied>,
    }
}

section! {
    /// A pair of shifts.
    Varied {
        /// Up.
        up: Option<String>,
        /// Down.
        down: Option<String>,
    }
}

section! {
    /// Names for all categories and for single ones.
    Scope {
        /// For all categories.
        inclusive: Vec<String>,
        /// For single categories.
        bycategory: Ordered<Vec<String>>,
    }
}

section! {
    /// What is done again with something shifted.
    Variations {
        /// Weights whose shifts are filled.
        weights: ScopedNames,
        /// Shifts of the events themselves.
        shape: Shapes,
    }
}

section! {
    /// Names for all simulated samples and for single ones.
    ScopedNames {
        /// For all simulated samples.
        common: Scope,
        /// For single samples or subsamples.
        bysample: Ordered<Scope>,
    }
}

/// By collection (or `events`), by field: the shifted values.
pub type Definitions = Ordered<Ordered<Varied>>;

section! {
    /// Shifts of the events themselves.
    Shapes {
        /// Shifts by name: which fields of which collection (or `events`) take which values.
        define: Ordered<Definitions>,
        /// For all simulated samples.
        common: Scope,
        /// For single samples.
        bysample: Ordered<Scope>,
    }
}

section! {
    /// How simulation is brought to the luminosity of the data.
    Normalisation {
        /// Where the sum of genWeight before any cut comes from: events (the default), metadata (sum_genweights of the datasets file), runs (the Runs trees of the files) or none.
        sum_genweights: Option<String>,
        /// Branches of the Runs trees with that sum, of which the first that a file has counts: genEventSumw unless told, genEventSumw_ in older files.
        runs_branches: Vec<String>,
    }
}

section! {
    /// A histogram, or a factory that makes one per field.
    Histogram {
        /// jet_hists, ele_hists, muon_hists, lepton_hists, fatjet_hists, genjet_hists, parton_hists, met_hists, sv_hists or count_hist.
        factory: Option<String>,
        /// Of the factory: the collection.
        coll: Option<String>,
        /// Of the factory: the place of the object, from 0.
        pos: Option<i64>,
        /// Of the factory: only these fields.
        fields: Option<Vec<String>>,
        /// Of the factory: the beginning of the names.
        name: Option<String>,
        /// Of the factory: settings of axes that differ, by `jet_pt`.
        axis_settings: Ordered<Axis>,
        /// Of count_hist: bins.
        bins: Option<u64>,
        /// Of count_hist: first edge.
        start: Option<f64>,
        /// Of count_hist: last edge.
        stop: Option<f64>,
        /// Of count_hist: label.
        label: Option<String>,
        /// The axes.
        axes: Vec<Axis>,
        /// weight (sums of weights and of their squares), double (the same) or int64 (counts).
        storage: Option<String>,
        /// Whether it is filled without user code; it always is.
        autofill: Option<bool>,
        /// Whether it has variations; true unless told.
        variations: Option<bool>,
        /// Only these variations, beside nominal.
        only_variations: Option<Vec<String>>,
        /// Not these samples.
        exclude_samples: Option<Vec<String>>,
        /// Only these samples.
        only_samples: Option<Vec<String>>,
        /// Not these categories.
        exclude_categories: Option<Vec<String>>,
        /// Only these categories.
        only_categories: Option<Vec<String>>,
        /// Whether it counts events instead of weights.
        no_weights: Option<bool>,
        /// Histograms of the processing itself; not supported.
        metadata_hist: Option<bool>,
        /// Whether categories of objects are made categories of events.
        collapse_masks ("collapse_2D_masks"): Option<bool>,
        /// How: OR or AND.
        collapse_masks_mode ("collapse_2D_masks_mode"): Option<String>,
    }
}

section! {
    /// An axis.
    Axis {
        /// What to fill, in SQL, in place of coll and field.
        expr: Option<String>,
        /// The field.
        field: Option<String>,
        /// Its collection; events, or metadata for what the datasets file says.
        coll: Option<String>,
        /// What the axis is called; coll.field unless told.
        name: Option<String>,
        /// What people read.
        label: Option<String>,
        /// The place of the object, from 0; all objects unless told.
        pos: Option<i64>,
        /// The number of bins, or the edges, or the names.
        bins: Option<serde_yaml::Value>,
        /// First edge.
        start: Option<f64>,
        /// Last edge.
        stop: Option<f64>,
        /// regular, variable, int or strcat.
        r#type ("type"): Option<String>,
        /// log or sqrt: bins of equal width in that.
        transform: Option<String>,
        /// The range that plots show.
        lim: Option<Vec<f64>>,
        /// Whether values below are kept; they are.
        underflow: Option<bool>,
        /// Whether values above are kept; they are.
        overflow: Option<bool>,
        /// Whether the axis grows; not supported.
        growth: Option<bool>,
    }
}

section! {
    /// Values of single events, written to Parquet.
    Columns {
        /// For all samples.
        common: ColumnsScope,
        /// For single samples.
        bysample: Ordered<ColumnsScope>,
    }
}

section! {
    /// Columns for all categories and for single ones.
    ColumnsScope {
        /// For all categories.
        inclusive: Vec<Collection>,
        /// For single categories.
        bycategory: Ordered<Vec<Collection>>,
    }
}

section! {
    /// Columns of one collection.
    Collection {
        /// The collection; events for variables and branches of the event.
        collection: String,
        /// Its fields.
        columns: Vec<String>,
        /// Whether PocketCoffea flattens the lists; here they stay lists.
        flatten: Option<bool>,
        /// Whether the number of objects is written too, as coll_N; true unless told.
        store_size: Option<bool>,
        /// Whether objects that are missing are filled; true unless told.
        fill_none: Option<bool>,
        /// With what; -999 unless told.
        fill_value: Option<f64>,
        /// The first object, from 0.
        pos_start: Option<u64>,
        /// The first object not taken.
        pos_end: Option<u64>,
    }
}

section! {
    /// How it is computed.
    Run {
        /// Cores.
        threads: Option<u64>,
        /// auto, cpu, gpu or gpu:N.
        device: Option<String>,
        /// Events computed at a time.
        chunk: Option<u64>,
        /// Files per dataset, at most.
        limit: Option<u64>,
        /// Chunks per dataset; not supported.
        max: Option<u64>,
        /// Whether to go on without files that cannot be read.
        skipbadfiles: Option<bool>,
        /// How often a run that failed while reading is tried again.
        retries: Option<u64>,
    }
}
