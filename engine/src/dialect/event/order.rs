//! The order of a kernel's collections: one may only use those before it.

use ana_kernels::ir::{Collection, CollectionId, Expr, Input, InputId, Kernel, Query, Reduction, Source};

/// The kernel with every collection after those it uses. They were bound in that order, but the fields of those
/// put together from others may have brought in more later.
pub(super) fn bases_first(mut kernel: Kernel) -> Kernel {
    let uses = uses(&mut kernel);
    let mut order: Vec<CollectionId> = vec![];
    while order.len() < uses.len() {
        let ready =
            |id: &CollectionId| !order.contains(id) && uses[*id].iter().all(|used| order.contains(used));
        match (0..uses.len()).find(ready) {
            Some(next) => order.push(next),
            // A circle, which the check of the kernel tells.
            None => return kernel,
        }
    }
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
    let mut moved = |name: Name| {
        if let Name::Collection(id) = name {
            *id = place[*id];
        }
    };
    for part in collections.iter_mut().flat_map(|collection| &mut collection.parts) {
        query(part, &mut moved);
    }
    query(&mut body, &mut moved);
    let mut sorted: Vec<_> = collections.into_iter().enumerate().collect();
    sorted.sort_by_key(|(old, _)| place[*old]);
    Kernel { inputs, collections: sorted.into_iter().map(|(_, collection)| collection).collect(), body }
}

/// What a query names.
enum Name<'a> {
    Collection(&'a mut CollectionId),
    Input(InputId),
}

/// For each collection those that its parts name.
fn uses(kernel: &mut Kernel) -> Vec<Vec<CollectionId>> {
    let inputs = &kernel.inputs;
    let of_parts = |collection: &mut Collection| {
        let mut used = vec![];
        for part in &mut collection.parts {
            query(part, &mut |name| match name {
                Name::Collection(id) => used.push(*id),
                Name::Input(input) => used.extend(inputs.get(input).and_then(Input::collection)),
            });
        }
        used
    };
    kernel.collections.iter_mut().map(of_parts).collect()
}

fn query(query: &mut Query, visit: &mut dyn FnMut(Name)) {
    for generator in &mut query.generators {
        visit(Name::Collection(&mut generator.collection));
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
        expression(expr, visit);
    }
}

fn expression(expr: &mut Expr, visit: &mut dyn FnMut(Name)) {
    match expr {
        Expr::Const(_) | Expr::Scalar(_) | Expr::Field { .. } | Expr::Index(_) => {}
        Expr::Length(id) => visit(Name::Collection(id)),
        Expr::Element { input, index } => {
            visit(Name::Input(*input));
            expression(index, visit);
        }
        Expr::Unary(_, inner) | Expr::Cast(_, inner) => expression(inner, visit),
        Expr::Binary(_, left, right) => {
            expression(left, visit);
            expression(right, visit);
        }
        Expr::And(parts) | Expr::Or(parts) => parts.iter_mut().for_each(|part| expression(part, visit)),
        Expr::Case { branches, otherwise } => {
            for (condition, value) in branches {
                expression(condition, visit);
                expression(value, visit);
            }
            if let Some(value) = otherwise {
                expression(value, visit);
            }
        }
        Expr::Subquery { query: inner, .. } => query(inner, visit),
    }
}
