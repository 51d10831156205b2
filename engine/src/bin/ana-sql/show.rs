//! Results: written to a file, drawn on a terminal, printed as rows.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ana_engine::output::terminal::{self, Style};
use ana_engine::output::{
    self, Cancellation, Format, Options, OutputError, ResultWriter, Roles, bin_rows, csv, json_rows,
    named_histograms, table::Table,
};
use ana_engine::report::RunReport;
use ana_engine::{Destination, EngineError, Query};
use anyhow::Result;
use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, SchemaRef};

use crate::args::{FormatArg, OutputArgs};
use crate::progress::Bar;
use crate::{console, explain};

/// Longest cell of a table on a terminal.
const LONGEST_CELL: usize = 60;
/// A result with lists of rows (cut flows, bins) is unfolded up to so many rows.
const UNFOLDED_ROWS: usize = 20;

/// Where a result goes.
#[derive(Debug)]
pub(crate) enum Target {
    /// Standard output.
    Console,
    /// A file.
    File(PathBuf, Format),
}

impl Target {
    /// `-o FILE`.
    pub(crate) fn file(path: &Path) -> Result<Self> {
        Ok(Self::File(path.to_owned(), Format::from_path(path)?))
    }

    /// `COPY … TO 'file' STORED AS …`.
    pub(crate) fn copy(destination: &Destination) -> Result<Self> {
        let path = destination.path.clone();
        let format = match &destination.format {
            None => Format::from_path(&path)?,
            Some(name) => Format::from_name(name, &path).ok_or_else(|| {
                anyhow::anyhow!("STORED AS {name}: the formats are UHI, ROOT, PARQUET, CSV and PLOT")
            })?,
        };
        Ok(Self::File(path, format))
    }
}

/// What became of a query.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) report: RunReport,
    /// The file written.
    pub(crate) path: Option<PathBuf>,
    /// Nobody reads standard output any more.
    pub(crate) reader_gone: bool,
}

/// Runs a query and shows or writes its rows; `None` for a statement without rows.
pub(crate) async fn run(
    query: Query,
    target: Target,
    args: &OutputArgs,
    stop: &Cancellation,
) -> Result<Option<Shown>> {
    let schema = query.schema();
    if schema.fields().is_empty() {
        query.collect().await?;
        return Ok(None);
    }
    let keys = query.group_columns();
    let bar = Arc::new(Bar::new(args.quiet));
    let watched = {
        let bar = Arc::clone(&bar);
        query.on_progress(move |progress| bar.update(progress))
    };
    let ended = match target {
        Target::File(path, format) => {
            let options = Options { keys, cancellation: stop.clone() };
            let written = to_file(watched, &path, format, schema, options).await;
            bar.clear();
            let (report, written) = written?;
            if !args.quiet {
                console::say(&(summary(&written) + "\n"));
            }
            Shown { report, path: Some(path), reader_gone: false }
        }
        Target::Console => {
            let shown = to_console(watched, schema, keys, args, &bar).await;
            bar.clear();
            shown?
        }
    };
    Ok(Some(ended))
}

fn summary(written: &output::Written) -> String {
    let what = match written.histograms {
        0 => format!("{} rows", crate::report::thousands(written.rows)),
        1 => "1 histogram".to_owned(),
        n => format!("{n} histograms"),
    };
    format!("{}: {what}, {}", written.path.display(), indicatif::HumanBytes(written.bytes))
}

async fn to_file(
    query: Query,
    path: &Path,
    format: Format,
    schema: SchemaRef,
    options: Options,
) -> Result<(RunReport, output::Written)> {
    let mut writer = ResultWriter::with_format(format, path, schema, options)?;
    let report = query
        .for_each(|batch| {
            writer.write(&batch)?;
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    Ok((report, writer.finish()?))
}

async fn to_console(
    query: Query,
    schema: SchemaRef,
    keys: Option<Vec<String>>,
    args: &OutputArgs,
    bar: &Bar,
) -> Result<Shown> {
    let terminal = console::stdout_is_terminal();
    let look = Look {
        format: args.format.unwrap_or(FormatArg::Table),
        terminal,
        draw: terminal && args.format.is_none(),
    };
    let plan = args.format.is_none() && explain::is_plan(&schema);
    if plan || output::has_histograms(&schema) || is_unfolded(&schema) {
        // Such results are small, and shown as a whole.
        let batches = Mutex::new(Vec::new());
        let report = query
            .for_each(|batch| {
                if let Ok(mut batches) = batches.lock() {
                    batches.push(batch);
                }
                Ok(ControlFlow::Continue(()))
            })
            .await?;
        bar.clear();
        let batches = batches.into_inner().unwrap_or_default();
        let text = if plan {
            batches.iter().map(explain::plans).collect()
        } else if output::has_histograms(&schema) {
            look.histograms(&schema, &batches, keys.as_deref())?
        } else {
            look.rows(&schema, &batches)?
        };
        let reader_gone = put(&text)?;
        return Ok(Shown { report, path: None, reader_gone });
    }
    let mut rows = Rows::new(schema, look, if terminal { args.max_rows } else { 0 });
    let report = query
        .for_each(|batch| {
            bar.clear();
            rows.add(&batch)
        })
        .await?;
    bar.clear();
    let reader_gone = rows.end()?;
    Ok(Shown { report, path: None, reader_gone })
}

/// Writes to standard output; true if nobody reads it any more.
fn put(text: &str) -> std::io::Result<bool> {
    match console::put(text) {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error),
    }
}

/// How standard output looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    format: FormatArg,
    terminal: bool,
    draw: bool,
}

impl Look {
    /// A result with histograms: drawn, or a row per bin. Other columns are a table before them.
    fn histograms(
        self,
        schema: &SchemaRef,
        batches: &[RecordBatch],
        keys: Option<&[String]>,
    ) -> Result<String> {
        let roles = Roles::of(schema, keys);
        if self.format != FormatArg::Table && !roles.others.is_empty() {
            let columns = roles.others.iter().map(|&i| schema.field(i).name().clone()).collect();
            return Err(OutputError::MixedColumns { columns }.into());
        }
        let mut out = String::new();
        if !roles.others.is_empty() {
            let mut shown = [roles.keys.clone(), roles.others.clone()].concat();
            shown.sort_unstable();
            let rest: Vec<RecordBatch> =
                batches.iter().map(|b| b.project(&shown)).collect::<Result<_, _>>()?;
            out += &self.rows(&Arc::new(schema.project(&shown)?), &rest)?;
            out.push('\n');
        }
        let histograms = named_histograms(schema, batches, keys)?;
        if self.draw {
            let style = Style { width: console::width(), color: console::colors(true), ..Style::default() };
            let drawn: Vec<String> = histograms.iter().map(|h| terminal::draw(h, style)).collect();
            return Ok(out + &drawn.join("\n"));
        }
        let rows = bin_rows::of_named(&histograms)?;
        Ok(out + &self.plain_rows(&rows.schema(), std::slice::from_ref(&rows))?)
    }

    /// A whole result of rows; columns that are lists of rows are tables of their own.
    fn rows(self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if self.format != FormatArg::Table || !is_unfolded(schema) || rows > UNFOLDED_ROWS {
            return self.plain_rows(schema, batches);
        }
        let (inner, outer): (Vec<usize>, Vec<usize>) =
            (0..schema.fields().len()).partition(|&i| is_list_of_rows(schema.field(i).data_type()));
        let mut out = String::new();
        if !outer.is_empty() {
            let rest: Vec<RecordBatch> =
                batches.iter().map(|b| b.project(&outer)).collect::<Result<_, _>>()?;
            out += &self.plain_rows(&Arc::new(schema.project(&outer)?), &rest)?;
        }
        let mut number = 0;
        for batch in batches {
            for row in 0..batch.num_rows() {
                number += 1;
                for &column in &inner {
                    if !out.is_empty() {
                        out.push('\n');
                    }
                    let title = schema.field(column).name();
                    out += &if rows == 1 { format!("{title}\n") } else { format!("{title}, row {number}\n") };
                    if let Some(inner) = list_of_rows(batch, column, row) {
                        out += &self.plain_rows(&inner.schema(), std::slice::from_ref(&inner))?;
                    } else {
                        out += "NULL\n";
                    }
                }
            }
        }
        Ok(out)
    }

    fn plain_rows(self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String> {
        let mut printer = Printer::new(Arc::clone(schema), self);
        let mut out = String::new();
        for batch in batches {
            printer.add(batch, &mut out)?;
        }
        printer.end(&mut out);
        Ok(out)
    }
}

fn is_list_of_rows(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)))
}

fn is_unfolded(schema: &SchemaRef) -> bool {
    schema.fields().iter().any(|f| is_list_of_rows(f.data_type()))
}

fn list_of_rows(batch: &RecordBatch, column: usize, row: usize) -> Option<RecordBatch> {
    let list = batch.column(column).as_list_opt::<i32>()?;
    if list.is_null(row) {
        return None;
    }
    let rows: StructArray = list.value(row).as_struct_opt()?.clone();
    Some(RecordBatch::from(&rows))
}

/// Rows as text in one of the formats.
#[derive(Debug)]
enum Printer {
    Table(Table),
    Json { any: bool },
    Csv { header: Option<SchemaRef> },
}

impl Printer {
    fn new(schema: SchemaRef, look: Look) -> Self {
        match look.format {
            FormatArg::Table => Self::Table(Table::new(schema, look.terminal.then_some(LONGEST_CELL))),
            FormatArg::Json => Self::Json { any: false },
            FormatArg::Csv => Self::Csv { header: Some(schema) },
        }
    }

    fn add(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), OutputError> {
        match self {
            Self::Table(table) => table.rows(batch, out)?,
            Self::Json { any } => {
                for row in 0..batch.num_rows() {
                    out.push_str(if *any { ",\n" } else { "[" });
                    *any = true;
                    json_rows::row(batch, row, out)?;
                }
            }
            Self::Csv { header } => {
                if let Some(schema) = header.take() {
                    csv::header(&schema, out);
                }
                csv::rows(batch, out)?;
            }
        }
        Ok(())
    }

    fn end(self, out: &mut String) {
        match self {
            Self::Table(table) => table.end(out),
            Self::Json { any } => out.push_str(if any { "]\n" } else { "[]\n" }),
            Self::Csv { header } => {
                if let Some(schema) = header {
                    csv::header(&schema, out);
                }
            }
        }
    }
}

/// Rows of a result of any size, printed as they come.
#[derive(Debug)]
struct Rows {
    printer: Printer,
    /// How many may still be shown; `None` for all.
    left: Option<usize>,
    cut: bool,
    reader_gone: bool,
}

impl Rows {
    fn new(schema: SchemaRef, look: Look, limit: usize) -> Self {
        let left = (limit > 0 && look.draw).then_some(limit);
        Self { printer: Printer::new(schema, look), left, cut: false, reader_gone: false }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<ControlFlow<()>, EngineError> {
        let shown = self.left.map_or(batch.num_rows(), |left| left.min(batch.num_rows()));
        self.cut |= shown < batch.num_rows();
        if let Some(left) = &mut self.left {
            *left -= shown;
        }
        let mut text = String::new();
        if shown > 0 {
            self.printer.add(&batch.slice(0, shown), &mut text)?;
        }
        match put(&text) {
            Ok(gone) => self.reader_gone |= gone,
            Err(source) => return Err(EngineError::Io { path: "standard output".into(), source }),
        }
        let enough = self.cut || self.reader_gone;
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn end(self) -> Result<bool> {
        let mut text = String::new();
        self.printer.end(&mut text);
        if self.cut {
            text += "… more rows: --max-rows 0 shows all, LIMIT fewer\n";
        }
        if self.reader_gone { Ok(true) } else { Ok(put(&text)?) }
    }
}
