//! Smaller forms of an expression of the same type, for finding the smallest that still fails.

use super::{
    catalog::Catalog,
    syntax::{E, Kind, Node, Sub},
    value::{Ty, V, exact},
};

/// How much there is of it.
pub(crate) fn size(expr: &E) -> usize {
    let more = super::syntax::more_parts(&expr.node);
    1 + expr.node.parts().into_iter().chain(more).map(size).sum::<usize>() + query_size(expr)
}

fn query_size(expr: &E) -> usize {
    match expr.node.as_ref() {
        Node::Query(sub) => {
            let calls = if let Kind::Aggregates(calls, _) = &sub.kind { calls.len() } else { 0 };
            4 * sub.from.len()
                + sub.bounds.len()
                + sub.conditions.len()
                + 2 * sub.order.len()
                + sub.offset
                + calls
        }
        _ => 0,
    }
}

/// The expression with its types made anew.
fn renewed(expr: &E, catalog: &Catalog) -> E {
    let mut node = expr.node.as_ref().clone();
    for part in node.parts_mut() {
        *part = renewed(part, catalog);
    }
    if let Node::Query(sub) = &mut node {
        renew_query(sub, catalog);
    }
    E::new(node, catalog)
}

fn renew_query(sub: &mut Sub, catalog: &Catalog) {
    for part in sub.parts_mut() {
        *part = renewed(part, catalog);
    }
    if let Kind::Aggregates(calls, item) = &mut sub.kind {
        let types: Vec<Ty> = calls.iter().map(super::syntax::Call::ty).collect();
        retype(item, &types);
        *item = renewed(item, catalog);
    }
}

fn retype(expr: &mut E, types: &[Ty]) {
    if let Node::Aggregate(call, ty) = expr.node.as_mut() {
        *ty = types[*call];
    }
    expr.node.parts_mut().into_iter().for_each(|part| retype(part, types));
}

/// Smaller expressions that may stand in its place, those that take away most first.
pub(crate) fn smaller(expr: &E, catalog: &Catalog) -> Vec<E> {
    let mut all = candidates(expr, catalog);
    all.iter_mut().for_each(|candidate| *candidate = renewed(candidate, catalog));
    let most = size(expr);
    all.retain(|candidate| size(candidate) < most && is_query(candidate));
    all.sort_by_key(size);
    all
}

fn candidates(expr: &E, catalog: &Catalog) -> Vec<E> {
    let mut all = vec![];
    let fits = |part: &E| (part.ty == Ty::Bool) == (expr.ty == Ty::Bool) && part.list == expr.list;
    all.extend(expr.node.parts().into_iter().filter(|part| fits(part)).cloned());
    if !expr.list && !matches!(expr.node.as_ref(), Node::Lit(..)) {
        let literal = match expr.ty {
            Ty::Bool => Node::Lit(V::B(true), Ty::Bool),
            Ty::I32 | Ty::I64 => Node::Lit(V::I(1), Ty::I64),
            Ty::F32 | Ty::F64 => Node::Lit(exact(1.0), Ty::F64),
        };
        all.push(E::new(literal, catalog));
    }
    for place in 0..expr.node.parts().len() {
        for candidate in candidates(expr.node.parts()[place], catalog) {
            let mut node = expr.node.as_ref().clone();
            *node.parts_mut()[place] = candidate;
            all.push(E { node: Box::new(node), ..expr.clone() });
        }
    }
    if let Node::Query(sub) = expr.node.as_ref() {
        let whole = |sub: Sub| E { node: Box::new(Node::Query(Box::new(sub))), ..expr.clone() };
        let mut change = |change: &dyn Fn(&mut Sub)| {
            let mut sub = sub.as_ref().clone();
            change(&mut sub);
            all.push(whole(sub));
        };
        for at in 0..sub.conditions.len() {
            change(&|sub| {
                sub.conditions.remove(at);
            });
        }
        for at in 0..sub.order.len() {
            change(&|sub| {
                sub.order.remove(at);
            });
        }
        for at in 0..sub.bounds.len() {
            change(&|sub| {
                sub.bounds.remove(at);
            });
        }
        for at in 0..sub.from.len() {
            if sub.from.len() > 1 && !mentions(sub, sub.from[at].0) {
                change(&|sub| {
                    sub.from.remove(at);
                });
            }
        }
        change(&|sub| sub.offset = 0);
        if let Kind::Aggregates(calls, _) = &sub.kind {
            for at in 0..calls.len() {
                change(&|sub| {
                    if let Kind::Aggregates(calls, _) = &mut sub.kind {
                        calls[at].filter = None;
                    }
                });
            }
        }
        for place in 0..sub.parts().len() {
            for candidate in candidates(sub.parts()[place], catalog) {
                change(&|sub| *sub.parts_mut()[place] = candidate.clone());
            }
        }
    }
    all
}

/// Whether the engine would take it: a SELECT list of aggregates has one, and every loop of several is named.
fn is_query(expr: &E) -> bool {
    let own = match expr.node.as_ref() {
        Node::Query(sub) => {
            let aggregates = match &sub.kind {
                Kind::Aggregates(_, item) => item.inside,
                _ => true,
            };
            let keys = sub.order.iter().all(|key| key.expr.inside);
            aggregates && keys && (sub.from.len() == 1 || sub.from.iter().all(|(var, _)| mentions(sub, *var)))
        }
        _ => true,
    };
    own && expr.node.parts().into_iter().chain(super::syntax::more_parts(&expr.node)).all(is_query)
}

fn mentions(sub: &Sub, var: u32) -> bool {
    let parts = format!("{:?}", sub.parts());
    sub.bounds.iter().any(|(a, b)| *a == var || *b == var)
        || [format!("Field({var}, "), format!("Var({var}, "), format!("Index({var})")]
            .iter()
            .any(|named| parts.contains(named))
}
