//! A kernel being put together: its columns, its collections and the objects in scope.

use ana_kernels::ir::{self, Expr, Generator, Input, InputId, Kernel, Source, VarId};
use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::{
    ast::{Expr as SqlExpr, Spanned, Value},
    tokenizer::Span,
};

use ana_sql_ext::lifted::is_list;

use super::{
    kernel_call, order,
    query::BoundPart,
    types::{Typed, column_type},
};
use crate::{
    dialect::{
        collection::Resolved,
        faults,
        rewrite::{Rewrite, fault},
        scope::Scope,
    },
    error::Result,
};

/// Binds the names of event subqueries and collects what the kernel reads.
pub(super) struct Binder<'a, 'b> {
    pub(super) rewrite: &'a mut Rewrite<'b>,
    /// The scope of the event: what is not an object of the subquery.
    pub(super) event: &'a Scope<'a>,
    inputs: Vec<Input>,
    /// One per input: the list or value handed to the kernel; `None` for fields of derived collections.
    arguments: Vec<Option<SqlExpr>>,
    collections: Vec<BoundCollection>,
    /// Objects in scope, innermost last.
    pub(super) vars: Vec<Var>,
    next_var: VarId,
    /// Aggregates of the subquery whose SELECT list is being bound, by how they are written.
    pub(super) aggregates: Vec<(SqlExpr, Typed)>,
}

/// A loop variable.
#[derive(Debug, Clone)]
pub(super) struct Var {
    pub(super) id: VarId,
    pub(super) alias: String,
    pub(super) collection: usize,
    pub(super) after: Option<VarId>,
    /// Whether anything but its own FROM names it.
    pub(super) used: bool,
    /// Its place in FROM.
    pub(super) at: Span,
}

struct BoundCollection {
    resolved: Resolved,
    /// Unions are put together in the kernel.
    parts: Vec<BoundPart>,
}

impl<'a, 'b> Binder<'a, 'b> {
    pub(super) fn new(rewrite: &'a mut Rewrite<'b>, event: &'a Scope<'a>) -> Self {
        Self {
            rewrite,
            event,
            inputs: vec![],
            arguments: vec![],
            collections: vec![],
            vars: vec![],
            next_var: 0,
            aggregates: vec![],
        }
    }

    /// Puts an object of the collection `name` in scope; gives its place among the variables.
    pub(super) fn open(&mut self, name: &str, alias: &str, at: Span) -> Result<usize> {
        let collection = self.collection(name, at)?;
        let id = self.next_var;
        self.next_var += 1;
        self.vars.push(Var { id, alias: alias.to_owned(), collection, after: None, used: false, at });
        Ok(self.vars.len() - 1)
    }

    /// Takes the objects from `first` on out of scope, as loops.
    pub(super) fn close(&mut self, first: usize) -> Vec<Generator> {
        let loops = self.vars.drain(first..);
        loops
            .map(|var| Generator {
                var: var.id,
                name: var.alias,
                collection: var.collection,
                after: var.after,
            })
            .collect()
    }

    /// The collection of this name, bound on its first use.
    pub(super) fn collection(&mut self, name: &str, at: Span) -> Result<usize> {
        // A name may mean another collection to a definition than to the statement.
        let place = self.rewrite.definition(name).map(|(place, _)| place);
        let is_it = |bound: &BoundCollection| bound.resolved.name == name && bound.resolved.place == place;
        if let Some(known) = self.collections.iter().position(is_it) {
            return Ok(known);
        }
        let Some(resolved) = self.rewrite.collection(name, self.event)? else {
            if let Some(error) = self.rewrite.unplanned(self.event) {
                return Err(error);
            }
            let names = self.rewrite.collection_names(self.event);
            let near = faults::nearest(name, names.iter().map(String::as_str), 3);
            let help =
                if near.is_empty() { vec![] } else { vec![format!("did you mean {}?", near.join(", "))] };
            return Err(fault(at, format!("no collection named '{name}'"), help));
        };
        // Parts first: a collection may only use earlier ones.
        let parts = resolved.parts.clone();
        let parts = parts.iter().map(|part| self.part(part)).collect::<Result<Vec<_>>>()?;
        self.collections.push(BoundCollection { resolved, parts });
        Ok(self.collections.len() - 1)
    }

    /// The names of the fields of a variable's collection.
    pub(super) fn has_field(&self, var: usize, field: &str) -> bool {
        let collection = self.vars[var].collection;
        self.collections[collection].resolved.fields.contains_key(field)
    }

    pub(super) fn collection_has(&self, collection: usize, field: &str) -> bool {
        self.collections[collection].resolved.fields.contains_key(field)
    }

    pub(super) fn is_derived(&self, collection: usize) -> bool {
        let resolved = &self.collections[collection].resolved;
        resolved.is_derived()
    }

    /// Whether an expression is a stored branch of an object.
    pub(super) fn is_branch(&self, expr: &Expr) -> bool {
        let Expr::Field { input, .. } = expr else { return false };
        self.inputs[*input].collection().is_some_and(|collection| !self.is_derived(collection))
    }

    pub(super) fn collection_name(&self, collection: usize) -> &str {
        &self.collections[collection].resolved.name
    }

    /// A field of the object at `var`.
    pub(super) fn field(&mut self, var: usize, field: &str, at: Span) -> Result<Typed> {
        self.vars[var].used = true;
        let Var { id, collection, .. } = self.vars[var];
        let input = self.list(collection, field, at)?;
        let ty = self.inputs[input].ty.value_type();
        Ok(Typed::new(Expr::Field { var: id, input }, ty))
    }

    /// The element at `index`, counted from 0, of a collection's list.
    pub(super) fn element(&mut self, collection: usize, field: &str, index: Expr, at: Span) -> Result<Typed> {
        let input = self.list(collection, field, at)?;
        let ty = self.inputs[input].ty.value_type();
        Ok(Typed::new(Expr::Element { input, index: Box::new(index) }, ty))
    }

    fn list(&mut self, collection: usize, field: &str, at: Span) -> Result<InputId> {
        let bound = &self.collections[collection];
        let name = format!("{}_{field}", bound.resolved.name);
        let known =
            self.inputs.iter().position(|input| input.name == name && input.collection() == Some(collection));
        if let Some(known) = known {
            return Ok(known);
        }
        if bound.resolved.is_derived() {
            return self.union_field(collection, field, name, at);
        }
        let Some(list) = bound.resolved.fields.get(field).cloned() else {
            return Err(self.no_field(collection, field, at));
        };
        let item = self.rewrite.item_type(&list, self.event)?;
        let Some(ty) = column_type(&item) else {
            let message = format!(
                "{}.{field} holds {item}; event subqueries take numbers and booleans",
                self.collection_name(collection)
            );
            return Err(fault(at, message, vec![]));
        };
        let argument = self.rewrite.list(&list, self.event)?;
        self.inputs.push(Input { name, ty, source: Source::List(collection) });
        self.arguments.push(Some(argument));
        Ok(self.inputs.len() - 1)
    }

    /// A field of a union: every part gives it.
    fn union_field(&mut self, collection: usize, field: &str, name: String, at: Span) -> Result<InputId> {
        if !self.collections[collection].resolved.fields.contains_key(field) {
            return Err(self.no_field(collection, field, at));
        }
        let mut parts = std::mem::take(&mut self.collections[collection].parts);
        let values =
            parts.iter_mut().map(|part| self.part_field(part, field, at)).collect::<Result<Vec<_>>>();
        self.collections[collection].parts = parts;
        let values = values?;
        let types: Vec<_> = values.iter().map(|value| value.ty).collect();
        let Some(ty) = super::types::common_type(&types) else {
            let message = format!(
                "'{field}' is a boolean in one part of {} and a number in another",
                self.collection_name(collection)
            );
            return Err(fault(at, message, vec![]));
        };
        let mut place = 0;
        for (part, value) in self.collections[collection].parts.iter_mut().zip(values) {
            part.values.push(value.to(ty));
            place = part.values.len() - 1;
        }
        self.inputs.push(Input {
            name,
            ty: super::types::stored(ty),
            source: Source::Derived { collection, value: place },
        });
        self.arguments.push(None);
        Ok(self.inputs.len() - 1)
    }

    fn no_field(&self, collection: usize, field: &str, at: Span) -> crate::EngineError {
        let resolved = &self.collections[collection].resolved;
        let near = faults::nearest(field, resolved.fields.keys().map(String::as_str), 3);
        let help = if near.is_empty() { vec![] } else { vec![format!("did you mean {}?", near.join(", "))] };
        fault(at, format!("{} has no field '{field}'", resolved.name), help)
    }

    /// A value of the event, computed by the engine and handed to the kernel.
    pub(super) fn scalar(&mut self, expr: &SqlExpr) -> Result<Typed> {
        let mut argument = expr.clone();
        self.rewrite.expr(&mut argument, self.event)?;
        let mut data_type = self.rewrite.type_of(&argument, self.event)?;
        if is_list(&data_type) {
            let message = format!(
                "{expr} is a list; a subquery compares objects: name it in FROM, or reduce the list to one value"
            );
            return Err(fault(expr.span(), message, vec![]));
        }
        if let Some(word) = self.not_of_the_event(expr) {
            let message = format!("{word} is not supported in an event subquery");
            return Err(fault(
                expr.span(),
                message,
                vec!["make it a column in a subquery in FROM".to_owned()],
            ));
        }
        if data_type.is_null() {
            return Ok(Typed::null());
        }
        if matches!(data_type, DataType::Float16) || data_type.is_decimal() {
            argument = super::super::build::double(argument);
            data_type = DataType::Float64;
        }
        let Some(ty) = column_type(&data_type) else {
            let message = format!("{expr} is {data_type}; event subqueries take numbers and booleans");
            return Err(fault(expr.span(), message, vec![]));
        };
        let argument = Some(argument);
        let known = self.arguments.iter().position(|other| *other == argument);
        let input = match known.filter(|known| self.inputs[*known].source == Source::Scalar) {
            Some(known) => known,
            None => {
                self.inputs.push(Input { name: expr.to_string(), ty, source: Source::Scalar });
                self.arguments.push(argument);
                self.inputs.len() - 1
            }
        };
        Ok(Typed::new(Expr::Scalar(input), ty.value_type()))
    }

    /// A parameter, whose value comes later, or a function that gives another value each time, and is to do so for each
    /// object.
    fn not_of_the_event(&self, expr: &SqlExpr) -> Option<String> {
        let mut found = None;
        super::function::walk(expr, &mut |part| {
            match part {
                SqlExpr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
                    found = Some(part.to_string());
                }
                SqlExpr::Function(call)
                    if self.rewrite.catalog.is_volatile(&super::function::lower_name(call)) =>
                {
                    found = Some(format!("{}(), drawn once per event,", call.name));
                }
                _ => {}
            }
            found.is_none()
        });
        found
    }

    /// The call of the kernel that computes `body`; its outputs are named `names`.
    pub(super) fn finish(
        mut self,
        body: ir::Query,
        names: &[String],
        sql: &str,
        at: Span,
    ) -> Result<SqlExpr> {
        // Every collection needs a list to tell its lengths.
        for collection in 0..self.collections.len() {
            let has_list = self.inputs.iter().any(|input| input.collection() == Some(collection));
            if !has_list {
                self.length_list(collection, at)?;
            }
        }
        let collections = self.collections.into_iter().map(|bound| ir::Collection {
            name: bound.resolved.name.clone(),
            parts: bound.parts.into_iter().map(BoundPart::into_query).collect(),
        });
        let kernel =
            order::bases_first(Kernel { inputs: self.inputs, collections: collections.collect(), body });
        if let Err(error) = kernel.check() {
            return Err(fault(at, format!("cannot compile {sql}: {error}"), vec![]));
        }
        Ok(kernel_call(&kernel, names, sql, self.arguments.into_iter().flatten().collect()))
    }

    fn length_list(&mut self, collection: usize, at: Span) -> Result<()> {
        let resolved = &self.collections[collection].resolved;
        if resolved.is_derived() {
            // Its parts tell; they need at least one value.
            for part in 0..self.collections[collection].parts.len() {
                let part = &mut self.collections[collection].parts[part];
                if part.values.is_empty() {
                    part.values.push(ir::Const::Bool(true).into());
                }
            }
            return Ok(());
        }
        let usable = |field: &str| {
            let item = resolved.fields.get(field).map(|list| &list.item);
            item.is_some_and(|item| item.is_null() || column_type(item).is_some())
        };
        let field = ["pt", "value"].into_iter().find(|field| usable(field)).map(str::to_owned);
        let field = field.or_else(|| resolved.fields.keys().find(|field| usable(field)).cloned());
        match field {
            Some(field) => self.list(collection, &field, at).map(drop),
            None => {
                let message = format!("{} has no field of numbers to count", resolved.name);
                Err(fault(at, message, vec![]))
            }
        }
    }
}
