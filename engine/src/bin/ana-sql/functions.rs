//! `ana-sql functions`: what SQL can call, from the documentation on the functions themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use ana_engine::Session;
use ana_engine::catalog::{self, FunctionDoc, Origin};
use ana_engine::dialect::faults::nearest;
use anyhow::{Result, bail};

use crate::args::FunctionsArgs;
use crate::console;

/// Lists the functions, or shows one.
pub(crate) fn main(args: &FunctionsArgs) -> Result<ExitCode> {
    if args.markdown {
        console::put(&catalog::reference())?;
        return Ok(ExitCode::SUCCESS);
    }
    let session = Session::builder().threads(1).build()?;
    let functions = catalog::functions(&session);
    let text = match &args.name {
        None => overview(&functions, args.all),
        Some(name) => match find(&functions, name) {
            Some(function) => page(function),
            None => {
                let names = functions.iter().flat_map(|f| std::iter::once(&f.name).chain(&f.aliases));
                let near = nearest(name, names.map(String::as_str), 3);
                let hint = if near.is_empty() {
                    String::new()
                } else {
                    format!("; did you mean {}?", near.join(", "))
                };
                bail!("no function {name:?}{hint}");
            }
        },
    };
    console::put(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A function by name or alias, in any case.
pub(crate) fn find<'a>(functions: &'a [FunctionDoc], name: &str) -> Option<&'a FunctionDoc> {
    let is = |known: &String| known.eq_ignore_ascii_case(name);
    functions.iter().find(|f| is(&f.name)).or_else(|| functions.iter().find(|f| f.aliases.iter().any(is)))
}

fn overview(functions: &[FunctionDoc], all: bool) -> String {
    let mut sections: BTreeMap<(Origin, &str), Vec<&FunctionDoc>> = BTreeMap::new();
    for function in functions.iter().filter(|f| all || f.origin == Origin::Events) {
        sections.entry((function.origin, &function.section)).or_default().push(function);
    }
    let width = console::width();
    let mut out = String::new();
    for ((_, section), functions) in sections {
        if !out.is_empty() {
            out.push('\n');
        }
        let _infallible = writeln!(out, "{section}");
        let longest = functions.iter().map(|f| f.name.len()).max().unwrap_or(0).min(28);
        for function in functions {
            let sentence = first_sentence(&function.description);
            let room = width.saturating_sub(longest + 4).max(20);
            let shown: String = if sentence.chars().count() > room {
                sentence.chars().take(room - 1).chain(['…']).collect()
            } else {
                sentence
            };
            let _infallible = writeln!(out, "  {:<longest$}  {shown}", function.name);
        }
    }
    if !all {
        let others = functions.iter().filter(|f| f.origin != Origin::Events).count();
        let _infallible =
            writeln!(out, "\nfunctions NAME shows one; --all lists also the {others} of the SQL engine.");
    }
    out
}

fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.find(". ") {
        Some(end) => text[..=end].to_owned(),
        None => text,
    }
}

/// Everything about one function.
pub(crate) fn page(function: &FunctionDoc) -> String {
    let mut out = format!("{}\n\n", function.syntax);
    for line in function.description.trim().lines() {
        let _infallible = writeln!(out, "  {}", line.trim_end());
    }
    if !function.arguments.is_empty() {
        out += "\nArguments\n";
        let longest = function.arguments.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, description) in &function.arguments {
            let _infallible = writeln!(out, "  {name:<longest$}  {description}");
        }
    }
    if let Some(example) = &function.example {
        out += "\nExample\n";
        for line in example.lines().filter(|l| !l.trim_start().starts_with("```")) {
            let _infallible = writeln!(out, "  {line}");
        }
    }
    if !function.aliases.is_empty() {
        let _infallible = writeln!(out, "\nAlso called {}.", function.aliases.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        assert_eq!(first_sentence("One of\n two. Three."), "One of two.");
        assert_eq!(first_sentence("No end"), "No end");
        assert_eq!(first_sentence("pt > 0.5 GeV. More"), "pt > 0.5 GeV.");
    }
}
