//! Writes a script to be read: one column per line, and a comment where each part comes from.
//!
//! What is written is the syntax tree, piece by piece; the layout alone is made here.

use std::fmt::Write as _;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, SelectItem};

use super::syntax::{ident, string};

/// How long a line may be before an expression is broken.
const WIDTH: usize = 110;

/// A script.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub(super) head: Vec<String>,
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "syntax trees are large; there are few of these")]
pub(super) enum Statement {
    /// `CREATE EXTERNAL TABLE name STORED AS DATASETS LOCATION '…' OPTIONS (…)`.
    Table { comment: String, name: String, location: String, options: Vec<(String, String)> },
    /// `CREATE OR REPLACE COLLECTION name AS query`.
    Collection { comment: Option<String>, name: String, query: Query },
    /// `WITH … SELECT … UNION ALL BY NAME SELECT …`; a SELECT alone where there are no steps.
    Query(Steps),
    /// `COPY (…) TO 'path' STORED AS PARQUET`.
    Copy { comment: String, steps: Steps, path: String },
}

/// Named steps and what is selected in the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    pub(super) finals: Vec<(String, Select)>,
    /// Names of the columns that the rows are sorted by.
    pub(super) order: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) select: Select,
}

/// The text of a script.
pub(super) fn script(script: &Script) -> String {
    let mut out = String::new();
    for line in &script.head {
        comment(&mut out, 0, line);
    }
    for statement in &script.statements {
        out.push('\n');
        match statement {
            Statement::Table { comment: about, name, location, options } => {
                comment(&mut out, 0, about);
                put(&mut out, format_args!("CREATE EXTERNAL TABLE {} STORED AS DATASETS\n", ident(name)));
                put(&mut out, format_args!("  LOCATION {}", string(location)));
                let options: Vec<String> =
                    options.iter().map(|(key, value)| format!("{key} {}", string(value))).collect();
                if !options.is_empty() {
                    put(&mut out, format_args!("\n  OPTIONS ({})", options.join(", ")));
                }
                out.push_str(";\n");
            }
            Statement::Collection { comment: about, name, query } => {
                if let Some(about) = about {
                    comment(&mut out, 0, about);
                }
                put(&mut out, format_args!("CREATE OR REPLACE COLLECTION {} AS\n  {query};\n", ident(name)));
            }
            Statement::Query(steps) => {
                write_steps(&mut out, steps);
                out.push_str(";\n");
            }
            Statement::Copy { comment: about, steps, path } => {
                comment(&mut out, 0, about);
                out.push_str("COPY (\n");
                write_steps(&mut out, steps);
                put(&mut out, format_args!("\n) TO {} STORED AS PARQUET;\n", string(path)));
            }
        }
    }
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(text);
}

fn comment(out: &mut String, indent: usize, text: &str) {
    for line in text.lines() {
        put(out, format_args!("{:indent$}-- {line}\n", ""));
    }
}

fn write_steps(out: &mut String, steps: &Steps) {
    for (i, step) in steps.steps.iter().enumerate() {
        if i == 0 {
            out.push_str("WITH\n");
        }
        comment(out, 0, &step.comment);
        put(out, format_args!("{} AS (\n", ident(&step.name)));
        write_select(out, &step.select, 2);
        out.push_str(if i + 1 == steps.steps.len() { "\n)\n" } else { "\n),\n" });
    }
    for (i, (about, select)) in steps.finals.iter().enumerate() {
        if i > 0 {
            out.push_str("\nUNION ALL BY NAME\n");
        }
        comment(out, 0, about);
        write_select(out, select, 0);
    }
    if !steps.order.is_empty() {
        let names: Vec<String> = steps.order.iter().map(|name| ident(name).to_string()).collect();
        put(out, format_args!("\nORDER BY {}", names.join(", ")));
    }
}

fn write_select(out: &mut String, select: &Select, indent: usize) {
    put(out, format_args!("{:indent$}SELECT", ""));
    let many = select.projection.len() > 1;
    for (i, item) in select.projection.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        if many && i > 0 {
            put(out, format_args!("\n{:width$}", "", width = indent + 2));
        } else {
            out.push(' ');
        }
        write_item(out, item, indent + 2);
    }
    for (i, from) in select.from.iter().enumerate() {
        put(
            out,
            format_args!("{}{from}", if i == 0 { format!("\n{:indent$}FROM ", "") } else { ", ".to_owned() }),
        );
    }
    if let Some(selection) = &select.selection {
        put(out, format_args!("\n{:indent$}WHERE ", ""));
        write_expression(out, selection, indent + 2);
    }
    let keys = select.group_by.to_string();
    if !keys.is_empty() && keys != "GROUP BY " {
        put(out, format_args!("\n{:indent$}{keys}", ""));
    }
}

fn write_item(out: &mut String, item: &SelectItem, indent: usize) {
    match item {
        SelectItem::ExprWithAlias { expr, alias } => {
            write_expression(out, expr, indent);
            put(out, format_args!(" AS {alias}"));
        }
        other => put(out, format_args!("{other}")),
    }
}

/// An expression; long records have a line for each field, long conjunctions one for each condition.
fn write_expression(out: &mut String, expr: &Expr, indent: usize) {
    let line = expr.to_string();
    if line.chars().count() + indent <= WIDTH {
        out.push_str(&line);
        return;
    }
    match expr {
        Expr::Dictionary(fields) => {
            out.push('{');
            for (i, field) in fields.iter().enumerate() {
                put(
                    out,
                    format_args!(
                        "{}\n{:width$}{field}",
                        if i > 0 { "," } else { "" },
                        "",
                        width = indent + 2
                    ),
                );
            }
            out.push('}');
        }
        Expr::BinaryOp { left, op, right } if op.to_string() == "AND" => {
            write_expression(out, left, indent);
            put(out, format_args!("\n{:indent$}AND {right}", ""));
        }
        _ => out.push_str(&line),
    }
}
