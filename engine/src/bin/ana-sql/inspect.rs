//! `ana-sql inspect`: what is in a ROOT file.

use std::fmt::Write as _;
use std::process::ExitCode;

use ana_engine::Session;
use ana_engine::inspect::{BranchSummary, FileSummary, TreeSummary, inspect};
use anyhow::Result;
use indicatif::HumanBytes;

use crate::args::InspectArgs;
use crate::console;
use crate::report::thousands;

/// Branches shown per tree unless all are asked for.
const BRANCHES: usize = 60;

/// Shows a file.
pub(crate) async fn main(args: InspectArgs) -> Result<ExitCode> {
    let session = Session::builder().threads(1).build()?;
    let summary = inspect(&session, &args.location).await?;
    let text = if args.json {
        serde_json::to_string_pretty(&summary)? + "\n"
    } else {
        page(&summary, args.all || !console::stdout_is_terminal())
    };
    console::put(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn page(file: &FileSummary, all: bool) -> String {
    let mut out = format!(
        "{}\n  {}, ROOT {}, {} {}\n",
        file.name,
        HumanBytes(file.bytes),
        file.root_version,
        file.trees.len(),
        if file.trees.len() == 1 { "tree" } else { "trees" },
    );
    for tree in &file.trees {
        out.push('\n');
        put_tree(tree, all, &mut out);
    }
    out
}

fn put_tree(tree: &TreeSummary, all: bool, out: &mut String) {
    let _infallible = write!(out, "{};{}  {}", tree.path, tree.cycle, tree.class);
    if let Some(why) = &tree.unreadable {
        let _infallible = writeln!(out, "  cannot be read: {why}");
        return;
    }
    let ratio = tree.uncompressed_bytes as f64 / (tree.compressed_bytes as f64).max(1.0);
    let _infallible = writeln!(
        out,
        "  {} entries, {} branches, {} in {} {}, {} compressed ({ratio:.1} times smaller), {}",
        thousands(tree.entries),
        tree.branches.len(),
        HumanBytes(tree.uncompressed_bytes),
        tree.clusters.len(),
        if tree.clusters.len() == 1 { "cluster" } else { "clusters" },
        HumanBytes(tree.compressed_bytes),
        if tree.compression.is_empty() { "no baskets".to_owned() } else { tree.compression.join(", ") },
    );
    let shown = if all { tree.branches.len() } else { BRANCHES.min(tree.branches.len()) };
    let branches: Vec<&BranchSummary> = tree.branches.iter().take(shown).collect();
    let width = |f: &dyn Fn(&BranchSummary) -> usize, most: usize| {
        branches.iter().map(|b| f(b)).max().unwrap_or(0).min(most)
    };
    let name_width = width(&|b| b.name.chars().count(), 48);
    let type_width = width(&|b| b.cpp_type.chars().count(), 28);
    let arrow_width = width(&|b| arrow_text(b).chars().count(), 28);
    for branch in &branches {
        let _infallible = writeln!(
            out,
            "  {:<name_width$}  {:<type_width$}  {:<arrow_width$}  {:>10}  {:>4} {}",
            branch.name,
            branch.cpp_type,
            arrow_text(branch),
            HumanBytes(branch.compressed_bytes).to_string(),
            branch.baskets,
            if branch.baskets == 1 { "basket" } else { "baskets" },
        );
    }
    if shown < tree.branches.len() {
        let _infallible =
            writeln!(out, "  … {} more branches: --all shows them", tree.branches.len() - shown);
    }
}

fn arrow_text(branch: &BranchSummary) -> String {
    match (&branch.arrow_type, &branch.unreadable) {
        (Some(arrow_type), _) => arrow_type.clone(),
        (None, Some(why)) => format!("cannot be read: {why}"),
        (None, None) => String::new(),
    }
}
