//! Runs generated expressions in the engine and in the interpreter.

use ana_engine::Session;
use arrow::{
    array::{ArrayRef, AsArray},
    datatypes::Int64Type,
};

use super::{
    catalog::{self, Catalog, Collection, Event},
    compare::{found, same, shown, wrong_type},
    generate::Generator,
    interpret::{answer, fails},
    render::Sql,
    shrink,
    subqueries::derive,
    syntax::{E, Kind, Sub, alike},
    value::{Mode, Out, Res, Skip, Ty, V},
};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) compared: usize,
    pub(crate) undecided: usize,
    pub(crate) refused: usize,
    pub(crate) failures: Vec<String>,
}

/// Expressions in one SELECT: planning takes longer than computing.
const TOGETHER: usize = 25;
/// Failures shown of one table; more are seldom of another cause.
const SHOWN: usize = 4;

struct Table {
    session: Session,
    catalog: Catalog,
    events: Vec<Event>,
    definitions: Vec<String>,
}

/// Tests `expressions` expressions on a table of `events` events.
pub(crate) async fn table(seed: u64, events: usize, expressions: usize, tally: &mut Tally) {
    let branches = Catalog::branches();
    let mut generator = Generator::new(seed, &branches);
    let events = catalog::events(&mut generator.random, &branches, events);
    // Small batches, so that there are several.
    let session = Session::builder().threads(1).batch_size(16).build().unwrap();
    session.context().register_batch("events", catalog::batch(&branches, &events)).unwrap();
    let mut table = Table { session, catalog: branches, events, definitions: vec![] };
    table.derive_collections(seed).await;
    let catalog = table.catalog.clone();
    let mut generator = Generator::new(seed ^ 0xA11, &catalog);
    let mut left = expressions;
    let before = tally.failures.len();
    while left > 0 {
        let mut together = vec![];
        while together.len() < TOGETHER.min(left) {
            let expr = generator.top();
            if table.events.iter().any(|event| fails(&expr, &catalog, event)) {
                tally.refused += 1;
            } else {
                together.push(expr);
            }
        }
        left -= together.len();
        let answers = match table.query(&together).await {
            Ok(columns) => columns.into_iter().map(Ok).collect(),
            Err(_) => {
                let mut answers = vec![];
                for expr in &together {
                    answers.push(table.one(expr).await);
                }
                answers
            }
        };
        for expr in &together {
            if tally.failures.len() < before + SHOWN
                && let Some(fault) = table.filtered(expr).await
            {
                let sql = table.sql(expr);
                tally
                    .failures
                    .push(format!("GENERATED_SEED={seed} GENERATED_TABLES=1\nWHERE {sql}\n{fault}"));
            }
        }
        for (expr, answer) in together.iter().zip(answers) {
            if table.fault(expr, &answer, tally).is_some() && tally.failures.len() < before + SHOWN {
                let smallest = table.shrunk(expr).await;
                let told = table.told(seed, &smallest).await;
                tally.failures.push(told);
            }
        }
    }
}

/// The end of an error, which names no column.
fn cause(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    let from = line.char_indices().rev().nth(24).map_or(0, |(at, _)| at);
    line[from..].to_owned()
}

impl Table {
    fn sql(&self, expr: &E) -> String {
        Sql { catalog: &self.catalog, calls: vec![] }.expr(expr)
    }

    /// One column per expression.
    async fn query(&self, exprs: &[E]) -> Result<Vec<ArrayRef>, String> {
        let columns: Vec<String> =
            exprs.iter().enumerate().map(|(n, e)| format!("{} AS c{n}", self.sql(e))).collect();
        let sql = format!("SELECT {} FROM events ORDER BY event", columns.join(",\n  "));
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let query = self.session.sql(&sql).await.map_err(|error| text(&error))?;
        let result = query.collect().await.map_err(|error| text(&error))?;
        let batches = result.batches;
        let column = |at: usize| {
            let parts: Vec<_> = batches.iter().map(|batch| batch.column(at).as_ref()).collect();
            arrow::compute::concat(&parts).map_err(|error| text(&error))
        };
        (0..exprs.len()).map(column).collect()
    }

    /// What is wrong with the events that a condition keeps.
    async fn filtered(&self, expr: &E) -> Option<String> {
        if expr.ty != Ty::Bool || expr.list {
            return None;
        }
        let answers: Res<Vec<Out>> =
            self.events.iter().map(|event| answer(expr, &self.catalog, event)).collect();
        let kept = answers.ok()?.into_iter().map(|answer| matches!(answer, Out::One(V::B(true))));
        let wanted: Vec<i64> = (0..).zip(kept).filter(|(_, kept)| *kept).map(|(event, _)| event).collect();
        let sql = format!("SELECT event FROM events WHERE {} ORDER BY event", self.sql(expr));
        let found = match self.session.sql(&sql).await {
            Ok(query) => query.collect().await,
            Err(error) => Err(error),
        };
        let batches = match found {
            Ok(result) => result.batches,
            Err(error) => return Some(error.to_string()),
        };
        let events =
            batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec());
        let found: Vec<i64> = events.collect();
        (found != wanted).then(|| format!("engine keeps {found:?}, expected {wanted:?}"))
    }

    /// What is wrong with an answer: the event, and what was found and wanted there.
    fn fault(&self, expr: &E, found_column: &Result<ArrayRef, String>, tally: &mut Tally) -> Option<String> {
        let column = match found_column {
            Ok(column) => column,
            Err(error) => return Some(format!("error: {error}")),
        };
        if let Some(wrong) = wrong_type(expr, column.data_type()) {
            return Some(wrong);
        }
        for (row, event) in self.events.iter().enumerate() {
            match answer(expr, &self.catalog, event) {
                Ok(wanted) => {
                    tally.compared += 1;
                    let found = found(column, row);
                    if !same(&found, &wanted) {
                        let shown = (shown(&found), shown(&wanted));
                        return Some(format!("event {row}: engine {}, expected {}", shown.0, shown.1));
                    }
                }
                Err(Skip::Ambiguous) => tally.undecided += 1,
                Err(Skip::Fault) => return None,
            }
        }
        None
    }

    /// The smallest expression found that fails too.
    async fn shrunk(&self, expr: &E) -> E {
        let mut smallest = expr.clone();
        let mut runs = 0;
        let cause = self.one(expr).await.err().map(|error| cause(&error));
        'smaller: loop {
            for candidate in shrink::smaller(&smallest, &self.catalog) {
                if runs > 400 {
                    return smallest;
                }
                if self.events.iter().any(|event| fails(&candidate, &self.catalog, event)) {
                    continue;
                }
                runs += 1;
                let answer = self.one(&candidate).await;
                // Taking away may leave what is no query at all.
                let alike = answer.as_ref().err().map(|error| self::cause(error)) == cause;
                if alike && self.fault(&candidate, &answer, &mut Tally::default()).is_some() {
                    smallest = candidate;
                    continue 'smaller;
                }
            }
            return smallest;
        }
    }

    async fn one(&self, expr: &E) -> Result<ArrayRef, String> {
        self.query(std::slice::from_ref(expr)).await.map(|mut columns| columns.remove(0))
    }

    async fn told(&self, seed: u64, expr: &E) -> String {
        let sql = self.sql(expr);
        let answer = self.one(expr).await;
        let fault = self.fault(expr, &answer, &mut Tally::default()).unwrap_or_default();
        let used: Vec<&String> = self
            .definitions
            .iter()
            .filter(|definition| sql.contains(definition.split(' ').nth(2).unwrap()))
            .collect();
        let row = fault.strip_prefix("event ").and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
        let data = row.map_or_else(String::new, |row| self.data(row, &sql));
        format!("GENERATED_SEED={seed} GENERATED_TABLES=1\nSELECT {sql}\n{fault}\n{data}{used:#?}")
    }

    /// The columns of an event that a query names.
    fn data(&self, row: usize, sql: &str) -> String {
        let event = &self.events[row];
        let scalars = self.catalog.scalars.iter().zip(&event.scalars);
        let scalars = scalars.filter(|((name, _), _)| sql.contains(name));
        let mut text: String =
            scalars.map(|((name, _), value)| format!("  {name} = {}\n", shown(&Out::One(*value)))).collect();
        for (collection, objects) in self.catalog.collections.iter().zip(&event.collections) {
            let Some(objects) = objects.as_ref().filter(|_| sql.contains(&collection.name)) else { continue };
            for ((name, _), values) in collection.fields.iter().zip(&objects.fields) {
                if sql.contains(&format!(".{name}")) || ["pt", "eta", "phi", "mass"].contains(&name.as_str())
                {
                    let values = shown(&Out::Many(values.clone()));
                    text += &format!("  {}.{name} = {values}\n", collection.name);
                }
            }
        }
        text
    }

    /// Adds derived collections to the session, to the catalog and to the events.
    async fn derive_collections(&mut self, seed: u64) {
        for (number, form) in
            ["rows", "own", "rows of derived", "union", "pairs", "union of own"].into_iter().enumerate()
        {
            let known = self.catalog.clone();
            let mut generator = Generator::new(seed * 100 + number as u64, &known);
            let derived = known.collections.len() - 1;
            let parts = match form {
                "rows" => vec![generator.rows(number % 3, None)],
                "own" => vec![generator.rows(1, Some("extra"))],
                "rows of derived" => vec![generator.rows(derived, Some("more"))],
                "union" => vec![generator.rows(1, None), generator.rows(2, None)],
                "pairs" => vec![generator.pairs(0)],
                _ => vec![generator.rows(0, Some("extra")), generator.rows(3, Some("extra"))],
            };
            let mut parts = parts;
            if form == "union" && seed.is_multiple_of(3) {
                parts
                    .iter_mut()
                    .for_each(|part| (part.conditions, part.order, part.limit) = (vec![], vec![], None));
            }
            self.define(format!("Derived{number}"), &parts).await;
        }
    }

    async fn define(&mut self, name: String, parts: &[Sub]) {
        if parts
            .iter()
            .flat_map(Sub::parts)
            .any(|e| self.events.iter().any(|event| fails(e, &self.catalog, event)))
        {
            return;
        }
        let sql = Sql { catalog: &self.catalog, calls: vec![] };
        let selects: Vec<String> = parts.iter().map(|part| sql.rows(part)).collect();
        // ORDER BY and LIMIT of a part of a union are its own in parentheses only.
        let text = match selects.as_slice() {
            [one] => one.clone(),
            several => match parts.iter().map(|part| sql.whole(part)).collect::<Option<Vec<_>>>() {
                // The short form.
                Some(names) => names.join(" UNION ALL "),
                None => {
                    several.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(" UNION ALL ")
                }
            },
        };
        let definition = format!("CREATE COLLECTION {name} AS {text}");
        let fields = self.fields(parts);
        self.session.sql(&definition).await.unwrap_or_else(|error| panic!("{definition}\n{error}"));
        for event in 0..self.events.len() {
            let derived = derive(parts, &fields, &self.catalog, &self.events[event]);
            self.events[event].collections.push(derived.ok());
        }
        self.definitions.push(definition);
        self.catalog.collections.push(Collection { name, fields, counter: Ty::I64 });
    }

    /// The fields that all parts have.
    fn fields(&self, parts: &[Sub]) -> Vec<(String, Ty)> {
        let of = |part: &Sub| -> Vec<(String, Ty)> {
            let Kind::Rows(star, items) = &part.kind else { panic!("not of rows") };
            let own = items.iter().map(|(name, item)| (name.clone(), item.ty));
            let all = &self.catalog.collections[part.from[0].1].fields;
            let starred = all.iter().filter(|(name, _)| *star && items.iter().all(|(item, _)| item != name));
            own.chain(starred.cloned()).collect()
        };
        let mut fields = of(&parts[0]);
        for part in &parts[1..] {
            let other = of(part);
            fields.retain(|(name, _)| other.iter().any(|(field, _)| field == name));
            for (name, ty) in &mut fields {
                let own = other.iter().find(|(field, _)| field == name).map_or(*ty, |(_, ty)| *ty);
                *ty = alike(&[*ty, own], Mode::Kernel);
            }
        }
        fields
    }
}
