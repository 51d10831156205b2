//! The order of a kernel's collections: one may only use those before it.

use ana_kernels::ir::{CollectionId, Expr, Kernel, Query, Reduction, Source};

/// The kernel with its collections of columns first. Those put together from others were bound in their own
/// order already, but their fields may have brought in columns later.
pub(super) fn bases_first(kernel: Kernel) -> Kernel {
    let (bases, unions): (Vec<CollectionId>, Vec<CollectionId>) =
        (0..kernel.collections.len()).partition(|id| kernel.collections[*id].parts.is_empty());
    let order: Vec<CollectionId> = bases.into_iter().chain(unions).collect();
    if order.is_sorted() {
        return kernel;
    }
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let Kernel { mut inputs, mut collections, mut body } = kernel;
    for input in &mut inputs {
        match &mut input.source {
            Source::List(id) | Source::Derived { collection: id, .. } => *id = place[*id],
            Source::Scalar => {}
        }
    }
    for part in collections.iter_mut().flat_map(|collection| &mut collection.parts) {
        query(part, &place);
    }
    query(&mut body, &place);
    let mut sorted: Vec<_> = collections.into_iter().enumerate().collect();
    sorted.sort_by_key(|(old, _)| place[*old]);
    Kernel { inputs, collections: sorted.into_iter().map(|(_, collection)| collection).collect(), body }
}

fn query(query: &mut Query, place: &[CollectionId]) {
    for generator in &mut query.generators {
        generator.collection = place[generator.collection];
    }
    let exprs: Vec<&mut Expr> = match &mut query.reduction {
        Reduction::Exists => vec![],
        Reduction::Aggregates(aggregates) => aggregates
            .iter_mut()
            .flat_map(|aggregate| aggregate.value.iter_mut().chain(&mut aggregate.filter))
            .collect(),
        Reduction::First { values, order_by, .. } | Reduction::List { values, order_by, .. } => {
            values.iter_mut().chain(order_by.iter_mut().map(|key| &mut key.expr)).collect()
        }
    };
    for expr in query.predicate.iter_mut().chain(exprs) {
        expression(expr, place);
    }
}

fn expression(expr: &mut Expr, place: &[CollectionId]) {
    match expr {
        Expr::Const(_) | Expr::Scalar(_) | Expr::Field { .. } | Expr::Index(_) => {}
        Expr::Length(id) => *id = place[*id],
        Expr::Element { index: inner, .. } | Expr::Unary(_, inner) | Expr::Cast(_, inner) => {
            expression(inner, place);
        }
        Expr::Binary(_, left, right) => {
            expression(left, place);
            expression(right, place);
        }
        Expr::And(parts) | Expr::Or(parts) => parts.iter_mut().for_each(|part| expression(part, place)),
        Expr::Case { branches, otherwise } => {
            for (condition, value) in branches {
                expression(condition, place);
                expression(value, place);
            }
            if let Some(value) = otherwise {
                expression(value, place);
            }
        }
        Expr::Subquery { query: inner, .. } => query(inner, place),
    }
}
