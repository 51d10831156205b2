//! The meaning of subqueries: every combination, then what is asked of those that are taken.

use std::cmp::Ordering;

use super::{
    catalog::{Catalog, Event, Objects},
    functions,
    interpret::Place,
    syntax::{Call, E, Kind, Object, Physics, Sub, common},
    value::{
        EPS, Mode, Op, Out, Res, Skip, Ty, V, arithmetic, compare, exact, float, is_true, logical, negate,
        order, widen,
    },
};

impl Place<'_> {
    /// Where the loops stand in every combination that is taken, in the order of the loops.
    fn taken(&self, sub: &Sub) -> Res<Vec<Self>> {
        let mut all = vec![self.clone()];
        for (var, collection) in &sub.from {
            let count = self.objects(*collection)?.count;
            all = all
                .into_iter()
                .flat_map(|outer| {
                    (0..count).map(move |at| {
                        let mut place = outer.clone();
                        place.vars.push((*var, at));
                        place
                    })
                })
                .collect();
        }
        let mut taken = vec![];
        for place in all {
            let mut holds = sub.bounds.iter().all(|(a, b)| place.at(*a) < place.at(*b));
            for condition in &sub.conditions {
                holds = holds && is_true(place.one(condition)?);
            }
            if holds {
                taken.push(place);
            }
        }
        Ok(taken)
    }

    /// The combinations in the order asked for.
    fn rows(&self, sub: &Sub) -> Res<Vec<Self>> {
        let mut rows = vec![];
        for place in self.taken(sub)? {
            let keys = sub.order.iter().map(|key| place.one(&key.expr)).collect::<Res<Vec<_>>>()?;
            rows.push((keys, place));
        }
        let mut close = false;
        rows.sort_by(|(a, _), (b, _)| {
            let keys = sub.order.iter().zip(a.iter().zip(b));
            keys.fold(Ordering::Equal, |known, (key, (a, b))| {
                let nulls_first = key.nulls_first.unwrap_or(key.descending);
                known.then_with(|| match (a, b) {
                    (V::Null, V::Null) => Ordering::Equal,
                    (V::Null, _) => {
                        if nulls_first {
                            Ordering::Less
                        } else {
                            Ordering::Greater
                        }
                    }
                    (_, V::Null) => {
                        if nulls_first {
                            Ordering::Greater
                        } else {
                            Ordering::Less
                        }
                    }
                    (a, b) => match order(*a, *b) {
                        Ok(order) if key.descending => order.reverse(),
                        Ok(order) => order,
                        Err(_) => {
                            close = true;
                            Ordering::Equal
                        }
                    },
                })
            })
        });
        if close {
            return Err(Skip::Ambiguous);
        }
        let rows = rows.into_iter().map(|(_, place)| place).skip(sub.offset);
        Ok(rows.take(sub.limit.unwrap_or(usize::MAX)).collect())
    }

    pub(crate) fn query(&self, sub: &Sub) -> Res<Out> {
        let one = match &sub.kind {
            Kind::Exists(negated) => V::B(self.taken(sub)?.is_empty() == *negated),
            Kind::First(item) => match self.rows(sub)?.first() {
                Some(row) => row.one(item)?,
                None => V::Null,
            },
            Kind::Array(item) => {
                return Ok(Out::Many(self.rows(sub)?.iter().map(|row| row.one(item)).collect::<Res<_>>()?));
            }
            Kind::Member(negated, value, member) => {
                let outer = self.one(value)?;
                let ty =
                    if value.ty == member.ty { value.ty } else { common(value.ty, member.ty, Mode::Kernel) };
                let mut equal = vec![];
                for row in self.taken(sub)? {
                    equal.push(compare(Op::Eq, widen(outer, ty), widen(row.one(member)?, ty))?);
                }
                let found = logical(&equal, true);
                if *negated { negate(found) } else { found }
            }
            Kind::Aggregates(calls, item) => {
                let taken = self.taken(sub)?;
                let mut place = self.clone();
                place.aggregates = calls.iter().map(|call| aggregate(call, &taken)).collect::<Res<_>>()?;
                place.one(item)?
            }
            Kind::Rows(..) => panic!("no value"),
        };
        Ok(Out::One(one))
    }

    fn field(&self, object: &Object, field: &str) -> Res<V> {
        match object {
            Object::Var(var, collection) => {
                self.element_named(*collection, field, V::I(self.at(*var) as i64))
            }
            Object::Deref(_, collection) | Object::Nearest(_, collection, _) => {
                self.element_named(*collection, field, self.number_of(object)?)
            }
            Object::Sum(_) => self.component(object, field),
        }
    }

    fn element_named(&self, collection: usize, field: &str, at: V) -> Res<V> {
        match self.catalog.collections[collection].field(field) {
            Some(field) => self.element(collection, field, at),
            // Without a branch there is no mass.
            None => Ok(exact(0.0)),
        }
    }

    /// The place of an object in its collection, from 0; NULL for none.
    fn number_of(&self, object: &Object) -> Res<V> {
        match object {
            Object::Var(var, _) => Ok(V::I(self.at(*var) as i64)),
            Object::Deref(index, _) => self.one(index),
            Object::Nearest(of, collection, farthest) => {
                let mut best: Option<(V, usize)> = None;
                for at in 0..self.objects(*collection)?.count {
                    let other = |field| self.element_named(*collection, field, V::I(at as i64));
                    let distance = functions::delta_r(
                        self.field(of, "eta").map(|v| widen(v, Ty::F64))?,
                        self.field(of, "phi").map(|v| widen(v, Ty::F64))?,
                        widen(other("eta")?, Ty::F64),
                        widen(other("phi")?, Ty::F64),
                    )?;
                    let near =
                        farthest.map_or(Ok(V::B(true)), |max| compare(Op::Lt, distance, exact(max)))?;
                    let better = match (&best, distance) {
                        (None, _) => true,
                        (Some((V::Null, _)), distance) => !matches!(distance, V::Null),
                        (Some(_), V::Null) => false,
                        (Some((known, _)), distance) => order(distance, *known)?.is_lt(),
                    };
                    if is_true(near) && better {
                        best = Some((distance, at));
                    }
                }
                Ok(best.map_or(V::Null, |(_, at)| V::I(at as i64)))
            }
            Object::Sum(_) => panic!("a four-vector has no place"),
        }
    }

    /// px, py, pz, E.
    fn vector(&self, object: &Object) -> Res<[V; 4]> {
        if let Object::Sum(parts) = object {
            let mut sum = self.vector(&parts[0])?;
            for part in &parts[1..] {
                let part = self.vector(part)?;
                for (all, own) in sum.iter_mut().zip(part) {
                    *all = functions::wide(Op::Add, *all, own)?;
                }
            }
            return Ok(sum);
        }
        let [pt, eta, phi, mass] = ["pt", "eta", "phi", "mass"].map(|field| self.field(object, field));
        let (pt, mass) = (widen(pt?, Ty::F64), widen(mass?, Ty::F64));
        let curve = |of: V, function: fn(f64) -> f64| match widen(of, Ty::F64) {
            V::F(x, _) => float(function(x), 8.0 * EPS * function(x).abs() + 5e-323),
            other => other,
        };
        let (eta, phi) = (eta?, phi?);
        let times = |with: V| functions::wide(Op::Mul, pt, with);
        let (px, py, pz) =
            (times(curve(phi, f64::cos))?, times(curve(phi, f64::sin))?, times(curve(eta, f64::sinh))?);
        let energy = rooted(squares(&[(Op::Add, px), (Op::Add, py), (Op::Add, pz), (Op::Add, mass)])?);
        Ok([px, py, pz, energy])
    }

    fn component(&self, object: &Object, field: &str) -> Res<V> {
        let [px, py, pz, energy] = self.vector(object)?;
        let pt = || squares(&[(Op::Add, px), (Op::Add, py)]).map(rooted);
        match field {
            "px" => Ok(px),
            "py" => Ok(py),
            "pz" => Ok(pz),
            "energy" => Ok(energy),
            "pt" => pt(),
            "phi" => match (py, px) {
                (V::F(y, ey), V::F(x, ex)) => functions::atan2(y, ey, x, ex),
                _ => Ok(V::Null),
            },
            "eta" => Ok(match functions::wide(Op::Div, pz, pt()?)? {
                V::F(x, error) => float(x.asinh(), error + 8.0 * EPS * x.asinh().abs() + 5e-323),
                other => other,
            }),
            "mass" => {
                let square = squares(&[(Op::Add, energy), (Op::Sub, px), (Op::Sub, py), (Op::Sub, pz)])?;
                Ok(match square {
                    // NaN is greater than the 0 that takes away what rounding leaves below it.
                    V::F(x, error) if x.is_nan() || x > 0.0 => functions::root(x, error),
                    V::F(_, error) => float(0.0, error.sqrt()),
                    other => other,
                })
            }
            other => panic!("no component {other}"),
        }
    }

    pub(crate) fn object_field(&self, object: &Object, field: &str) -> Res<V> {
        self.field(object, field)
    }

    pub(crate) fn physics(&self, function: Physics, objects: &[Object]) -> Res<V> {
        let wide =
            |object: &Object, field: &str| self.field(object, field).map(|value| widen(value, Ty::F64));
        match (function, objects) {
            (Physics::Mass, _) => self.component(&Object::Sum(objects.to_vec()), "mass"),
            (Physics::DeltaR, [a, b]) => {
                functions::delta_r(wide(a, "eta")?, wide(a, "phi")?, wide(b, "eta")?, wide(b, "phi")?)
            }
            (Physics::DeltaPhi, [a, b]) => functions::delta_phi(wide(a, "phi")?, wide(b, "phi")?),
            (Physics::DeltaEta, [a, b]) => functions::wide(Op::Sub, wide(a, "eta")?, wide(b, "eta")?),
            (Physics::TransverseMass, [a, b]) => {
                functions::transverse_mass(wide(a, "pt")?, wide(a, "phi")?, wide(b, "pt")?, wide(b, "phi")?)
            }
            (Physics::Charge, _) => {
                let mut sum = V::I(0);
                for object in objects {
                    sum = arithmetic(Op::Add, sum, self.field(object, "charge")?, Ty::I64, Mode::Kernel)?;
                }
                Ok(sum)
            }
            (Physics::Index, [object]) => self.number_of(object),
            _ => panic!("{function:?} of {} objects", objects.len()),
        }
    }
}

/// ± x² ± y² …, from the left.
fn squares(terms: &[(Op, V)]) -> Res<V> {
    let mut sum = functions::wide(Op::Mul, terms[0].1, terms[0].1)?;
    for (op, x) in &terms[1..] {
        sum = functions::wide(*op, sum, functions::wide(Op::Mul, *x, *x)?)?;
    }
    Ok(sum)
}

fn rooted(square: V) -> V {
    match square {
        V::F(x, error) => functions::root(x, error),
        other => other,
    }
}

fn aggregate(call: &Call, taken: &[Place]) -> Res<V> {
    let mut values = vec![];
    for place in taken {
        let counts = call.filter.as_ref().map_or(Ok(V::B(true)), |filter| place.one(filter))?;
        if !is_true(counts) {
            continue;
        }
        match call.value.as_ref().map(|value| place.one(value)).transpose()? {
            Some(V::Null) => {}
            Some(value) => values.push(value),
            None => values.push(V::B(true)),
        }
    }
    let Some(first) = values.first().copied() else {
        return Ok(if call.name == "count" { V::I(0) } else { V::Null });
    };
    match call.name {
        "count" => Ok(V::I(values.len() as i64)),
        "bool_and" => Ok(logical(&values, false)),
        "bool_or" => Ok(logical(&values, true)),
        "min" | "max" => {
            let wanted = if call.name == "min" { Ordering::Less } else { Ordering::Greater };
            let mut best = first;
            for value in &values[1..] {
                if order(*value, best)? == wanted {
                    best = *value;
                }
            }
            Ok(best)
        }
        name => {
            let ty = if name == "avg" { Ty::F64 } else { call.ty() };
            let mut sum = widen(V::I(0), ty);
            for value in &values {
                sum = arithmetic(Op::Add, sum, widen(*value, ty), ty, Mode::Kernel)?;
            }
            if name == "sum" { Ok(sum) } else { functions::wide(Op::Div, sum, exact(values.len() as f64)) }
        }
    }
}

/// The objects of a derived collection in one event, given the SELECTs it is made of and its fields.
pub(crate) fn derive(
    parts: &[Sub],
    fields: &[(String, Ty)],
    catalog: &Catalog,
    event: &Event,
) -> Res<Objects> {
    let mut objects = Objects { count: 0, fields: vec![vec![]; fields.len()] };
    let whole = Place { catalog, event, vars: vec![], aggregates: vec![] };
    for part in parts {
        let Kind::Rows(_, items) = &part.kind else { panic!("a collection is of rows") };
        for row in whole.rows(part)? {
            objects.count += 1;
            for (place, (name, ty)) in fields.iter().enumerate() {
                let own: Option<&E> = items.iter().find(|(item, _)| item == name).map(|(_, item)| item);
                let value = match own {
                    Some(item) => row.one(item)?,
                    None => row.element_named(part.from[0].1, name, V::I(row.at(part.from[0].0) as i64))?,
                };
                objects.fields[place].push(widen(value, *ty));
            }
        }
    }
    Ok(objects)
}
