//! The columns an expression may name, and the collections they form.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::{
    common::{DFSchema, TableReference},
    error::Result,
};

use ana_sql_ext::lifted::is_list;

/// One entry of a FROM clause.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// What its columns are qualified with.
    pub(super) alias: Option<String>,
    /// Its columns; unknown for table functions and for queries with faults.
    pub(super) schema: Option<SchemaRef>,
    /// Whether it is a query of the same statement, whose columns may have come from a derived collection.
    pub(super) is_query: bool,
    /// Whether a trigger bit that is no column did not fire.
    pub(super) absent_triggers_are_false: bool,
}

/// The relations of a SELECT, inside those of the SELECT around it.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) relations: Vec<Relation>,
    pub(super) outer: Option<&'a Scope<'a>>,
}

/// A column found by name.
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    pub(super) relation: &'a Relation,
    pub(super) data_type: DataType,
    /// Whether the name alone is enough, in the scope it was found in.
    pub(super) unique: bool,
}

impl<'a> Scope<'a> {
    /// This scope and those around it, from the inside.
    pub(super) fn chain(&'a self) -> impl Iterator<Item = &'a Scope<'a>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    /// Whether the columns of all relations are known.
    pub(super) fn is_complete(&self) -> bool {
        self.chain().flat_map(|scope| &scope.relations).all(|relation| relation.schema.is_some())
    }

    /// Whether this is the name of a trigger bit that is in no file and did not fire.
    pub(super) fn did_not_fire(&self, name: &str) -> bool {
        (name.starts_with("HLT_") || name.starts_with("L1_"))
            && self.is_complete()
            && self.column(name).is_none()
            && self.relations.iter().any(|relation| relation.absent_triggers_are_false)
    }

    /// The relation of this name.
    pub(super) fn relation(&self, name: &str) -> Option<&Relation> {
        self.chain()
            .flat_map(|scope| &scope.relations)
            .find(|relation| relation.alias.as_deref() == Some(name))
    }

    /// The column of this name, in the innermost scope that has it.
    pub(super) fn column(&'a self, name: &str) -> Option<Found<'a>> {
        self.chain().find_map(|scope| {
            let mut all = scope.relations.iter().filter_map(|relation| {
                let field = relation.schema.as_ref()?.field_with_name(name).ok()?;
                Some((relation, field))
            });
            let (relation, field) = all.next()?;
            Some(Found { relation, data_type: field.data_type().clone(), unique: all.next().is_none() })
        })
    }

    /// The fields of the collection `name` (what follows `name_` in column names) with their types, from the
    /// first relation that has any.
    pub(super) fn fields(&'a self, name: &str) -> Option<(&'a Relation, BTreeMap<String, DataType>)> {
        self.chain().flat_map(|scope| &scope.relations).find_map(|relation| {
            let fields = fields_of(relation, name);
            (!fields.is_empty()).then_some((relation, fields))
        })
    }

    /// How many relations of this scope alone have columns that begin with `name_`.
    pub(super) fn with_fields(&self, name: &str) -> usize {
        self.relations.iter().filter(|relation| !fields_of(relation, name).is_empty()).count()
    }

    pub(super) fn has_fields(&self, name: &str) -> bool {
        self.with_fields(name) > 0
    }

    /// Whether a table has lists whose names begin with `name_`: a collection that is stored.
    pub(super) fn stores(&self, name: &str) -> bool {
        let relations = self.chain().flat_map(|scope| &scope.relations).filter(|relation| !relation.is_query);
        let mut fields = relations.flat_map(|relation| fields_of(relation, name));
        fields.any(|(_, data_type)| is_list(&data_type))
    }

    /// The names in front of the underscores of column names: collections and flat records.
    pub(super) fn prefixes(&self) -> BTreeSet<String> {
        let schemas =
            self.chain().flat_map(|scope| &scope.relations).filter_map(|relation| relation.schema.as_ref());
        schemas
            .flat_map(|schema| schema.fields())
            .filter_map(|field| Some(field.name().split_once('_')?.0.to_owned()))
            .collect()
    }

    /// All columns of this scope, qualified, for typing expressions.
    pub(super) fn schema(&self) -> Result<DFSchema> {
        let mut all = DFSchema::empty();
        for relation in self.chain().flat_map(|scope| &scope.relations) {
            let Some(schema) = &relation.schema else { continue };
            let part = match &relation.alias {
                Some(alias) => {
                    DFSchema::try_from_qualified_schema(TableReference::bare(alias.as_str()), schema)?
                }
                None => DFSchema::try_from(schema.as_ref().clone())?,
            };
            all.merge(&part);
        }
        Ok(all)
    }
}

fn fields_of(relation: &Relation, collection: &str) -> BTreeMap<String, DataType> {
    let Some(schema) = &relation.schema else { return BTreeMap::new() };
    let fields = schema.fields().iter().filter_map(|field| {
        let rest = field.name().strip_prefix(collection)?.strip_prefix('_')?;
        Some((rest.to_owned(), field.data_type().clone()))
    });
    fields.collect()
}
