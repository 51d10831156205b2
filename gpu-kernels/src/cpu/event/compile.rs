//! Kernel → plan.

use crate::ir::{CollectionId, InputId, Kernel, Query, Source, Type, VarId};

use super::lower::Lowerer;
use super::plan::{Column, Plan, QueryPlan, Stage};
use super::schedule;

/// Compiles a kernel that passed its check, for columns of which those marked can hold NULLs.
pub(super) fn compile(kernel: &Kernel, nullable: &[bool]) -> Plan {
    let mut compiler = Compiler {
        kernel,
        nullable: nullable.to_vec(),
        stages: Vec::new(),
        hoisted: Vec::new(),
        queries: 0,
        vars: Vec::new(),
    };
    for (id, collection) in kernel.collections.iter().enumerate() {
        if collection.parts.is_empty() {
            continue;
        }
        let parts: Vec<_> = collection.parts.iter().map(|part| compiler.query(part)).collect();
        for (input, nullable) in kernel.inputs.iter().zip(&mut compiler.nullable) {
            if let Source::Derived { collection, value } = input.source
                && collection == id
            {
                *nullable = parts.iter().any(|part| part.outputs[value].nullable);
            }
        }
        compiler.stages.push(Stage::Derived(id, parts));
    }
    let body = compiler.query(&kernel.body);
    Plan { stages: compiler.stages, body, queries: compiler.queries, hoisted: compiler.hoisted.len() }
}

/// What is known while the queries of a kernel are compiled.
pub(super) struct Compiler<'k> {
    kernel: &'k Kernel,
    nullable: Vec<bool>,
    stages: Vec<Stage>,
    /// Place of each hoisted query among the stages.
    hoisted: Vec<usize>,
    queries: usize,
    /// Variables in scope.
    vars: Vec<(VarId, CollectionId)>,
}

/// The outputs of a hoisted query.
pub(super) struct HoistedOutputs<'a> {
    pub(super) outputs: &'a [Column],
}

impl Compiler<'_> {
    /// Type of a column's values, and whether there may be NULLs.
    pub(super) fn column(&self, input: InputId) -> (Type, bool) {
        (self.kernel.inputs[input].ty.value_type(), self.nullable[input])
    }

    /// The collection of a variable in scope.
    pub(super) fn collection(&self, var: VarId) -> CollectionId {
        self.vars.iter().rev().find(|(bound, _)| *bound == var).map_or(0, |(_, collection)| *collection)
    }

    /// Compiles a query, the nested ones included.
    pub(super) fn query(&mut self, query: &Query) -> QueryPlan {
        let scope = self.vars.len();
        self.vars.extend(query.generators.iter().map(|generator| (generator.var, generator.collection)));
        let own = query.generators.iter().map(|generator| generator.var).collect();
        let mut plan = schedule::schedule(Lowerer::new(self, own), query);
        self.vars.truncate(scope);
        plan.id = self.queries;
        self.queries += 1;
        plan
    }

    /// Makes a query without outer variables a stage of its own.
    pub(super) fn hoist(&mut self, plan: QueryPlan) -> usize {
        self.hoisted.push(self.stages.len());
        self.stages.push(Stage::Hoisted(Box::new(plan)));
        self.hoisted.len() - 1
    }

    pub(super) fn hoisted(&self, index: usize) -> HoistedOutputs<'_> {
        match &self.stages[self.hoisted[index]] {
            Stage::Hoisted(plan) => HoistedOutputs { outputs: &plan.outputs },
            Stage::Derived(..) => HoistedOutputs { outputs: &[] },
        }
    }
}
