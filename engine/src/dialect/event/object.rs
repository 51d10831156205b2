//! Whole objects: `mass(a, b)`, `p4(a, b).pt`, `deref(m.jetIdx, Jet)`, `nearest(a, Jet)`.

use ana_kernels::ir::{
    BinaryOp, Const, Expr, OrderKey, Query, Reduction, Type, UnaryOp, physics::FourVector,
};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Function, Ident, Spanned};

use ana_sql_ext::lifted::is_list;

use super::{binder::Binder, function, types::Typed};
use crate::{dialect::rewrite::fault, error::Result};

/// An object of the event.
pub(super) enum Object {
    /// The one a loop stands at: its place among the variables.
    Var(usize),
    /// One found by an index.
    Element {
        /// The collection.
        collection: usize,
        /// From 0; NULL or out of range for none.
        index: Expr,
    },
    /// A sum of four-vectors.
    Sum(FourVector),
    /// One of which an event has one, e.g. `MET`: columns with its name in front and no list.
    Record(Ident),
}

/// The fields of a four-vector.
pub(super) const COMPONENTS: [&str; 10] =
    ["pt", "eta", "phi", "mass", "px", "py", "pz", "energy", "p", "rapidity"];

/// A component of a four-vector, in GeV and radian.
pub(super) fn component(vector: &FourVector, field: &str) -> Option<Typed> {
    let FourVector { px, py, pz, energy } = vector;
    let square = |x: &Expr| x.clone().binary(BinaryOp::Mul, x.clone());
    Some(Typed::f64(match field {
        "pt" => vector.pt(),
        "eta" => vector.eta(),
        "phi" => vector.phi(),
        "mass" | "m" => vector.mass(),
        "px" => px.clone(),
        "py" => py.clone(),
        "pz" => pz.clone(),
        "energy" | "e" | "E" => energy.clone(),
        "p" => square(px)
            .binary(BinaryOp::Add, square(py))
            .binary(BinaryOp::Add, square(pz))
            .unary(UnaryOp::Sqrt),
        // y = ½ ln((E + pz) / (E − pz)) = artanh(pz / E)
        "rapidity" => pz.clone().binary(BinaryOp::Div, energy.clone()).unary(UnaryOp::Atanh),
        _ => return None,
    }))
}

impl Binder<'_, '_> {
    /// The object an expression stands for; `None` if it stands for none.
    pub(super) fn object(&mut self, expr: &SqlExpr) -> Result<Option<Object>> {
        match expr {
            SqlExpr::Nested(inner) => self.object(inner),
            SqlExpr::Identifier(name) => {
                let var = self.place(&name.value);
                if let Some(var) = var {
                    self.vars[var].used = true;
                }
                match var {
                    Some(var) => Ok(Some(Object::Var(var))),
                    None => Ok(self.is_record(&name.value).then(|| Object::Record(name.clone()))),
                }
            }
            SqlExpr::BinaryOp { left, op: datafusion::sql::sqlparser::ast::BinaryOperator::Plus, right } => {
                let (Some(left), Some(right)) = (self.object(left)?, self.object(right)?) else {
                    return Ok(None);
                };
                let sum = self.four_vector(&left, expr)?.plus(self.four_vector(&right, expr)?);
                Ok(Some(Object::Sum(sum)))
            }
            SqlExpr::Function(call) => match function::lower_name(call).as_str() {
                "p4" => Ok(Some(Object::Sum(self.sum(call, expr)?))),
                "deref" => self.deref(call, expr).map(Some),
                "nearest" => self.nearest(call, expr).map(Some),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// All arguments of a call as objects.
    pub(super) fn objects(&mut self, call: &Function, at: &SqlExpr) -> Result<Vec<Object>> {
        let arguments = function::arguments(call)?;
        if arguments.is_empty() {
            return Err(fault(at.span(), format!("{} takes objects", call.name), vec![]));
        }
        arguments
            .into_iter()
            .map(|argument| {
                self.object(argument)?.ok_or_else(|| {
                    let message = format!("{} takes objects of the subquery, {argument} is none", call.name);
                    fault(argument.span(), message, vec![])
                })
            })
            .collect()
    }

    /// The sum of the four-vectors of the arguments, from the left.
    pub(super) fn sum(&mut self, call: &Function, at: &SqlExpr) -> Result<FourVector> {
        let objects = self.objects(call, at)?;
        let mut vectors = objects
            .iter()
            .map(|object| self.four_vector(object, at))
            .collect::<Result<Vec<_>>>()?
            .into_iter();
        match vectors.next() {
            Some(first) => Ok(vectors.fold(first, FourVector::plus)),
            None => Err(fault(at.span(), format!("{} takes objects", call.name), vec![])),
        }
    }

    fn four_vector(&mut self, object: &Object, at: &SqlExpr) -> Result<FourVector> {
        if let Object::Sum(vector) = object {
            return Ok(vector.clone());
        }
        let pt = self.component_of(object, "pt", at)?;
        let eta = self.component_of(object, "eta", at)?;
        let phi = self.component_of(object, "phi", at)?;
        // Photons and the like have no mass branch: they have no mass.
        let mass = if self.object_has(object, "mass") {
            self.component_of(object, "mass", at)?
        } else {
            Const::f64(0.0).into()
        };
        Ok(FourVector::new(pt, eta, phi, mass))
    }

    fn object_has(&self, object: &Object, field: &str) -> bool {
        match object {
            Object::Var(var) => self.has_field(*var, field),
            Object::Element { collection, .. } => self.collection_has(*collection, field),
            Object::Sum(_) => COMPONENTS.contains(&field),
            Object::Record(name) => self.event.column(&format!("{}_{field}", name.value)).is_some(),
        }
    }

    /// Whether the event has one object of this name: it is no column itself, but stands in front of columns that
    /// are no lists.
    pub(super) fn is_record(&self, name: &str) -> bool {
        self.event.column(name).is_none()
            && self
                .event
                .fields(name)
                .is_some_and(|(_, fields)| fields.values().all(|data_type| !is_list(data_type)))
    }

    /// A field of such an object.
    pub(super) fn record_field(&mut self, name: &Ident, field: &str) -> Result<Typed> {
        let field = Ident { value: field.to_owned(), ..name.clone() };
        self.scalar(&SqlExpr::CompoundIdentifier(vec![name.clone(), field]))
    }

    /// The mass of the sum of the arguments; of one object alone the one it is stored with.
    pub(super) fn mass(&mut self, call: &Function, at: &SqlExpr) -> Result<Expr> {
        if let [one] = self.objects(call, at)?.as_slice()
            && self.object_has(one, "mass")
        {
            return self.component_of(one, "mass", at);
        }
        Ok(self.sum(call, at)?.mass())
    }

    /// A field of an object, in f64.
    pub(super) fn component_of(&mut self, object: &Object, field: &str, at: &SqlExpr) -> Result<Expr> {
        let value = match object {
            Object::Var(var) => self.field(*var, field, at.span())?,
            Object::Element { collection, index } => {
                self.element(*collection, field, index.clone(), at.span())?
            }
            Object::Sum(vector) => component(vector, field)
                .ok_or_else(|| fault(at.span(), format!("a four-vector has no field '{field}'"), vec![]))?,
            Object::Record(name) => self.record_field(name, field)?,
        };
        Ok(value.to(Type::F64))
    }

    /// `deref(index, Collection)`: the index counts from 0, as NanoAOD's index branches do.
    fn deref(&mut self, call: &Function, at: &SqlExpr) -> Result<Object> {
        let arguments = function::arguments(call)?;
        let [index, SqlExpr::Identifier(name)] = arguments.as_slice() else {
            return Err(fault(
                at.span(),
                "deref takes an index and a collection: deref(m.jetIdx, Jet)".to_owned(),
                vec![],
            ));
        };
        let written = index;
        let index = self.expr(index)?;
        if !index.ty.is_some_and(Type::is_integer) {
            return Err(fault(at.span(), "deref takes an integer index".to_owned(), vec![]));
        }
        let collection = self.collection(&name.value, name.span)?;
        if self.is_derived(collection) && self.is_branch(&index.expr) {
            let message = format!(
                "{written} counts in the collection that is stored; {} is derived and has other places",
                name.value
            );
            let help = format!(
                "compare places: EXISTS (SELECT 1 FROM {0} x WHERE …), or add the index as a field of {0}",
                name.value
            );
            return Err(fault(at.span(), message, vec![help]));
        }
        Ok(Object::Element { collection, index: index.to(Type::I64) })
    }

    /// `nearest(a, Collection [, max])`: the object with the smallest ΔR to a, below max.
    fn nearest(&mut self, call: &Function, at: &SqlExpr) -> Result<Object> {
        let arguments = function::arguments(call)?;
        let (object, name, farthest) = match arguments.as_slice() {
            [object, SqlExpr::Identifier(name)] => (object, name, None),
            [object, SqlExpr::Identifier(name), farthest] => (object, name, Some(self.number(farthest)?)),
            _ => {
                let message =
                    "nearest takes an object and a collection: nearest(a, Jet) or nearest(a, Jet, 0.4)";
                return Err(fault(at.span(), message.to_owned(), vec![]));
            }
        };
        let Some(object) = self.object(object)? else {
            return Err(fault(object.span(), format!("{object} is no object"), vec![]));
        };
        // A name no user can give, so that the object keeps its own.
        let first = self.vars.len();
        let other = self.open(&name.value, &format!("nearest {}", name.value), name.span)?;
        let (id, collection) = (self.vars[other].id, self.vars[other].collection);
        let distance = self.distance(&object, &Object::Var(other), at)?;
        let predicate =
            farthest.map(|farthest| distance.clone().binary(BinaryOp::Lt, farthest)).into_iter().collect();
        let key = OrderKey { expr: distance, descending: false, nulls_first: false };
        let reduction = Reduction::First { values: vec![Expr::Index(id)], order_by: vec![key], offset: 0 };
        let query = Query { generators: self.close(first), predicate, reduction };
        Ok(Object::Element { collection, index: Expr::Subquery { query: Box::new(query), output: 0 } })
    }

    /// ΔR of two objects.
    pub(super) fn distance(&mut self, first: &Object, second: &Object, at: &SqlExpr) -> Result<Expr> {
        let eta1 = self.component_of(first, "eta", at)?;
        let phi1 = self.component_of(first, "phi", at)?;
        let eta2 = self.component_of(second, "eta", at)?;
        let phi2 = self.component_of(second, "phi", at)?;
        Ok(ana_kernels::ir::physics::delta_r(eta1, phi1, eta2, phi2))
    }

    /// The place of an object in its collection.
    pub(super) fn index(&mut self, call: &Function, at: &SqlExpr) -> Result<Typed> {
        match self.objects(call, at)?.as_slice() {
            [Object::Var(var)] => Ok(Typed::new(Expr::Index(self.vars[*var].id), Type::I64)),
            [Object::Element { index, .. }] => Ok(Typed::new(index.clone(), Type::I64)),
            _ => Err(fault(at.span(), "idx takes one object of a collection".to_owned(), vec![])),
        }
    }

    /// The sum of the charges of the arguments.
    pub(super) fn charge(&mut self, call: &Function, at: &SqlExpr) -> Result<Typed> {
        let objects = self.objects(call, at)?;
        let mut sum: Option<Expr> = None;
        for object in &objects {
            let charge = match object {
                Object::Var(var) => self.field(*var, "charge", at.span())?,
                Object::Element { collection, index } => {
                    self.element(*collection, "charge", index.clone(), at.span())?
                }
                Object::Record(name) => self.record_field(name, "charge")?,
                Object::Sum(_) => {
                    return Err(fault(at.span(), "a four-vector has no charge".to_owned(), vec![]));
                }
            };
            let charge = charge.to(Type::I64);
            sum = Some(match sum {
                Some(sum) => sum.binary(BinaryOp::Add, charge),
                None => charge,
            });
        }
        Ok(Typed::new(sum.unwrap_or_else(|| Const::I64(0).into()), Type::I64))
    }
}
