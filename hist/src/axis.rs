//! Axes: how values become bins, and what the bins are called.
//!
//! Storage index of a value (what [`Axis::index`] returns and what arrays are laid out by):
//!
//! | kind | 0 | … | last | extent |
//! |---|---|---|---|---|
//! | regular, variable, integer | underflow | bins 1 ..= n | n + 1: overflow and NaN | n + 2 |
//! | category | first label | … | n: every other label | n + 1 |
//! | boolean | false | | true | 2 |

use crate::edges;
use crate::error::{HistError, Result};

/// One axis of a histogram. Made by the constructors, which check; a value put together by hand is checked
/// with [`Axis::validate`] wherever a histogram is made from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What the axis is called, if anything.
    pub name: Option<String>,
    /// How values become bins.
    pub kind: AxisKind,
}

/// How values become bins.
#[derive(Debug, Clone, PartialEq)]
pub enum AxisKind {
    /// `n` bins between `lo` and `hi`, equal under the transform.
    Regular {
        /// Number of bins, at least 1.
        n: usize,
        /// Lower end; finite.
        lo: f64,
        /// Upper end; finite, above `lo`. A value equal to it is overflow.
        hi: f64,
        /// Where the bins are equally wide.
        transform: Transform,
    },
    /// Bins between given edges.
    Variable {
        /// Strictly increasing and finite; one more than there are bins.
        edges: Vec<f64>,
    },
    /// One bin per integer `lo ..= hi - 1`. A floating-point value belongs to the integer below it (2.7 to
    /// 2, −0.5 to −1); boost-histogram refuses floating-point input here.
    Integer {
        /// First integer.
        lo: i64,
        /// First integer beyond the axis.
        hi: i64,
    },
    /// One bin per label, and one for every other label.
    Category {
        /// Distinct labels.
        labels: Vec<String>,
    },
    /// False and true; no flow bins.
    Boolean,
}

/// Where a regular axis has bins of equal width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transform {
    /// In the value itself.
    #[default]
    None,
    /// In its natural logarithm; `lo` > 0.
    Log,
    /// In its square root; `lo` ≥ 0.
    Sqrt,
}

/// Integers up to this size are exact in f64, so an integer axis may not go beyond.
const MAX_EXACT: i64 = 1 << 53;

impl Axis {
    /// `n` equal bins in [`lo`, `hi`): edge(i) = lo + i·((hi − lo)/n) in f64, the last edge exactly `hi`.
    ///
    /// # Errors
    /// No bins, bounds not finite or not increasing, or bins narrower than f64 can tell apart.
    pub fn regular(n: usize, lo: f64, hi: f64) -> Result<Self> {
        Self::transformed(n, lo, hi, Transform::None)
    }

    /// `n` bins in [`lo`, `hi`), of equal width under the transform: edge(i) = exp(log lo + i·((log hi − log
    /// lo)/n)) for [`Transform::Log`], the square of the same in √ for [`Transform::Sqrt`], with both ends
    /// exact. Edges, not transformed values, decide.
    ///
    /// # Errors
    /// As [`Axis::regular`], and bounds outside the transform's domain.
    pub fn transformed(n: usize, lo: f64, hi: f64, transform: Transform) -> Result<Self> {
        Self::checked(AxisKind::Regular { n, lo, hi, transform })
    }

    /// Bins between `edges`: bin i holds `edges[i]` ≤ x < `edges[i + 1]`.
    ///
    /// # Errors
    /// Fewer than two edges, an edge that is not finite, or edges that do not increase.
    pub fn variable(edges: Vec<f64>) -> Result<Self> {
        Self::checked(AxisKind::Variable { edges })
    }

    /// One bin per integer in `lo ..= hi - 1`.
    ///
    /// # Errors
    /// An empty range, or bounds beyond ±2⁵³.
    pub fn integer(lo: i64, hi: i64) -> Result<Self> {
        Self::checked(AxisKind::Integer { lo, hi })
    }

    /// One bin per label, and one for every other label.
    ///
    /// # Errors
    /// No label, or one given twice.
    pub fn category(labels: Vec<String>) -> Result<Self> {
        Self::checked(AxisKind::Category { labels })
    }

    /// False and true.
    #[must_use]
    pub fn boolean() -> Self {
        Self { name: None, kind: AxisKind::Boolean }
    }

    /// The same axis under a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    fn checked(kind: AxisKind) -> Result<Self> {
        let axis = Self { name: None, kind };
        axis.validate()?;
        Ok(axis)
    }

    /// Whether the axis keeps what its constructors promise.
    ///
    /// # Errors
    /// The same as the constructors'.
    pub fn validate(&self) -> Result<()> {
        let kind = self.kind_name();
        match &self.kind {
            AxisKind::Regular { n, lo, hi, transform } => {
                let range = |reason| HistError::Range { kind, lo: *lo, hi: *hi, reason };
                if *n == 0 {
                    return Err(HistError::NoBins { kind });
                }
                if *n > crate::MAX_CELLS {
                    let cells = u64::try_from(*n).unwrap_or(u64::MAX);
                    return Err(HistError::TooManyCells { cells, limit: crate::MAX_CELLS });
                }
                if !(hi - lo).is_finite() {
                    return Err(range("the bounds and their difference must be finite"));
                }
                if *lo >= *hi {
                    return Err(range("the lower bound must be below the upper one"));
                }
                match transform {
                    Transform::Log if *lo <= 0.0 => return Err(range("a log axis starts above 0")),
                    Transform::Sqrt if *lo < 0.0 => {
                        return Err(range("a sqrt axis starts at 0 or above"));
                    }
                    _ => {}
                }
                if (0..*n).any(|i| self.edge(i) >= self.edge(i + 1)) {
                    return Err(range("the bins are narrower than f64 can tell apart"));
                }
            }
            AxisKind::Variable { edges } => {
                if edges.len() < 2 {
                    return Err(HistError::NoBins { kind });
                }
                if let Some(bad) = edges.iter().find(|e| !e.is_finite()) {
                    let reason = "every edge must be finite";
                    return Err(HistError::Range { kind, lo: *bad, hi: *bad, reason });
                }
                if let Some(i) = edges.windows(2).position(|w| w[0] >= w[1]) {
                    return Err(HistError::EdgeOrder {
                        position: i + 1,
                        value: edges[i + 1],
                        previous: edges[i],
                    });
                }
            }
            AxisKind::Integer { lo, hi } => {
                #[allow(clippy::cast_precision_loss, reason = "for the message only")]
                let range = |reason| HistError::Range { kind, lo: *lo as f64, hi: *hi as f64, reason };
                if lo >= hi {
                    return Err(range("the lower bound must be below the upper one"));
                }
                if *lo < -MAX_EXACT || *hi > MAX_EXACT {
                    return Err(range("integers beyond 2^53 are not exact in f64"));
                }
            }
            AxisKind::Category { labels } => {
                if labels.is_empty() {
                    return Err(HistError::NoBins { kind });
                }
                let mut seen = std::collections::HashSet::new();
                if let Some(twice) = labels.iter().find(|l| !seen.insert(l.as_str())) {
                    return Err(HistError::DuplicateLabel { label: twice.clone() });
                }
            }
            AxisKind::Boolean => {}
        }
        Ok(())
    }

    /// The kind as SQL spells it: `regular`, `variable`, `integer`, `category`, `boolean`.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            AxisKind::Regular { .. } => "regular",
            AxisKind::Variable { .. } => "variable",
            AxisKind::Integer { .. } => "integer",
            AxisKind::Category { .. } => "category",
            AxisKind::Boolean => "boolean",
        }
    }

    /// Number of bins without the flow bins.
    #[must_use]
    pub fn bins(&self) -> usize {
        match &self.kind {
            AxisKind::Regular { n, .. } => *n,
            AxisKind::Variable { edges } => edges.len().saturating_sub(1),
            AxisKind::Integer { lo, hi } => usize::try_from(hi.saturating_sub(*lo)).unwrap_or(0),
            AxisKind::Category { labels } => labels.len(),
            AxisKind::Boolean => 2,
        }
    }

    /// Length of the axis in storage, flow bins included.
    #[must_use]
    pub fn extent(&self) -> usize {
        match self.kind {
            AxisKind::Boolean => 2,
            AxisKind::Category { .. } => self.bins().saturating_add(1),
            _ => self.bins().saturating_add(2),
        }
    }

    /// Whether the axis has numeric edges with an underflow and an overflow bin.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        !matches!(self.kind, AxisKind::Category { .. } | AxisKind::Boolean)
    }

    /// Storage indices of the bins proper, without the flow bins.
    #[must_use]
    pub fn in_range(&self) -> std::ops::Range<usize> {
        if self.is_numeric() { 1..self.bins() + 1 } else { 0..self.bins() }
    }

    /// Edge `i` in 0 ..= [`bins`](Self::bins). Beyond: the last edge. A category or boolean axis is numbered
    /// 0, 1, 2, ….
    #[must_use]
    pub fn edge(&self, i: usize) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "axes have at most 2^53 in either")]
        match &self.kind {
            AxisKind::Regular { n, lo, hi, transform } => edges::regular_edge(*n, *lo, *hi, *transform, i),
            AxisKind::Variable { edges } => edges.get(i).or(edges.last()).copied().unwrap_or(f64::NAN),
            AxisKind::Integer { lo, .. } => *lo as f64 + i.min(self.bins()) as f64,
            AxisKind::Category { .. } | AxisKind::Boolean => i.min(self.bins()) as f64,
        }
    }

    /// All [`bins`](Self::bins) + 1 edges.
    #[must_use]
    pub fn edges(&self) -> Vec<f64> {
        (0..=self.bins()).map(|i| self.edge(i)).collect()
    }

    /// Bounds of the bin at a storage index: (−∞, first edge) for underflow, (last edge, +∞) for overflow.
    /// `None` for a category or boolean axis and beyond the extent.
    #[must_use]
    pub fn bounds(&self, index: usize) -> Option<(f64, f64)> {
        if !self.is_numeric() || index >= self.extent() {
            return None;
        }
        let lo = if index == 0 { f64::NEG_INFINITY } else { self.edge(index - 1) };
        let hi = if index > self.bins() { f64::INFINITY } else { self.edge(index) };
        Some((lo, hi))
    }

    /// Centre of the bin at a storage index, as `mean` and `std` use it: the midpoint of its edges; on an
    /// integer axis the integer itself; 0 and 1 on a boolean axis. `None` for flow bins and categories.
    #[must_use]
    pub fn center(&self, index: usize) -> Option<f64> {
        if !self.in_range().contains(&index) {
            return None;
        }
        match self.kind {
            AxisKind::Category { .. } => None,
            AxisKind::Boolean => Some(self.edge(index)),
            AxisKind::Integer { .. } => Some(self.edge(index - 1)),
            _ => Some(f64::midpoint(self.edge(index - 1), self.edge(index))),
        }
    }

    /// What the bin at a storage index is called on a category or boolean axis; `None` for a numeric axis and
    /// for the bin of all other labels.
    #[must_use]
    pub fn label(&self, index: usize) -> Option<&str> {
        match &self.kind {
            AxisKind::Category { labels } => labels.get(index).map(String::as_str),
            AxisKind::Boolean => ["false", "true"].get(index).copied(),
            _ => None,
        }
    }

    /// Storage index of one value: the plain statement of the rule, which the fast ways must agree with. NaN
    /// and values not below the last edge are overflow. On a boolean axis everything but 0 is true. On a
    /// category axis the value is the number of a label.
    #[must_use]
    pub fn index(&self, x: f64) -> usize {
        let n = self.bins();
        match &self.kind {
            AxisKind::Boolean => usize::from(x != 0.0),
            AxisKind::Category { .. } => (0..n).find(|&i| self.edge(i) == x).unwrap_or(n),
            _ => edges::index_by_edges(n, |i| self.edge(i), x),
        }
    }

    /// Storage index of a label on a category axis (n for an unknown one); `None` on other axes.
    #[must_use]
    pub fn label_index(&self, label: &str) -> Option<usize> {
        match &self.kind {
            AxisKind::Category { labels } => {
                Some(labels.iter().position(|l| l == label).unwrap_or(labels.len()))
            }
            _ => None,
        }
    }

    /// Heap memory of the axis, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let name = self.name.as_ref().map_or(0, String::capacity);
        name + match &self.kind {
            AxisKind::Variable { edges } => edges.capacity() * size_of::<f64>(),
            AxisKind::Category { labels } => labels.iter().map(|l| size_of::<String>() + l.capacity()).sum(),
            _ => 0,
        }
    }

    /// Whether two axes have the same bins, whatever they are called.
    #[must_use]
    pub fn same_bins(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl std::fmt::Display for Axis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            AxisKind::Regular { n, lo, hi, transform } => {
                let suffix = match transform {
                    Transform::None => "",
                    Transform::Log => ", 'log'",
                    Transform::Sqrt => ", 'sqrt'",
                };
                write!(f, "regular({n}, {lo}, {hi}{suffix})")
            }
            AxisKind::Variable { edges } => {
                let (first, last) = (edges.first().unwrap_or(&0.0), edges.last().unwrap_or(&0.0));
                write!(f, "variable({} edges from {first} to {last})", edges.len())
            }
            AxisKind::Integer { lo, hi } => write!(f, "integer({lo}, {hi})"),
            AxisKind::Category { labels } => write!(f, "category({labels:?})"),
            AxisKind::Boolean => write!(f, "boolean()"),
        }
    }
}

/// Refuses axes whose bins differ; names may.
pub(crate) fn check_same(left: &[Axis], right: &[Axis]) -> Result<()> {
    if left.len() == right.len() && left.iter().zip(right).all(|(a, b)| a.same_bins(b)) {
        return Ok(());
    }
    Err(HistError::AxesDiffer { left: describe(left), right: describe(right) })
}

/// Axes in words, for messages: `regular(100, 0, 200) × boolean()`.
fn describe(axes: &[Axis]) -> String {
    axes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}
