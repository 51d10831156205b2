//! `ana-sql explain`: how the last statement with a result would run, or did.

use std::process::ExitCode;

use ana_engine::dialect::script::{created_table, explained, returns_rows};
use anyhow::{Result, bail};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Schema;

use crate::args::ExplainArgs;
use crate::{console, run, script};

/// Shows the plan; the statements before it are run, since they make its tables.
pub(crate) async fn main(args: ExplainArgs, threads: usize) -> Result<ExitCode> {
    let sources = script::sources(&args.script)?;
    let mut steps = script::steps(&sources)?;
    let Some(last) = steps.iter().rposition(|s| returns_rows(&s.statement)) else {
        bail!("no statement has a result to explain");
    };
    steps.truncate(last + 1);
    let session = run::session(&args.session, &args.script, threads).await?;
    let given: Vec<&str> = args.script.table.iter().map(|(name, _)| name.as_str()).collect();
    let mut result = None;
    for (i, step) in steps.into_iter().enumerate() {
        if created_table(&step.statement).is_some_and(|name| given.contains(&name.as_str())) {
            continue;
        }
        let is_last = i == last;
        if !is_last && returns_rows(&step.statement) {
            continue; // an earlier SELECT changes nothing
        }
        let source = step.source;
        let statement =
            if is_last { explained(step.statement, args.analyze, args.verbose) } else { step.statement };
        let query = session.plan(statement, &source.text).await.map_err(|e| script::in_script(source, e))?;
        result = Some(query.collect().await.map_err(|e| script::in_script(source, e))?);
    }
    let text: String = result.iter().flat_map(|r| &r.batches).map(plans).collect();
    console::put(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a result is that of EXPLAIN.
pub(crate) fn is_plan(schema: &Schema) -> bool {
    schema.fields().iter().map(|f| f.name().as_str()).eq(["plan_type", "plan"])
}

/// The plans of EXPLAIN's rows (plan_type, plan), each under its title.
pub(crate) fn plans(batch: &RecordBatch) -> String {
    let text = |column: usize, row: usize| {
        batch
            .columns()
            .get(column)
            .and_then(|c| c.as_string_opt::<i32>())
            .map_or("", |c| c.value(row))
            .trim_end()
    };
    (0..batch.num_rows()).map(|row| format!("-- {}\n{}\n", text(0, row), text(1, row))).collect()
}
