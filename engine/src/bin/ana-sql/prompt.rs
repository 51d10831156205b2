//! The interactive prompt: history, completion, statements over several lines up to the semicolon.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use ana_engine::Session;
use ana_engine::catalog::{self, FunctionDoc, Origin};
use ana_engine::output::Cancellation;
use anyhow::Result;
use reedline::{
    ColumnarMenu, EditCommand, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineMenu,
    Signal, ValidationResult, Validator, default_emacs_keybindings,
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::{RunArgs, ScriptArgs};
use crate::completion::{Name, Names};
use crate::run;
use crate::script::{self, Source};
use crate::{console, fault, functions as pages, report};

const HISTORY: usize = 10_000;
const MENU: &str = "completion";
const HELP: &str = "\
A statement ends with a semicolon. Tab completes, arrows and Ctrl-R find earlier ones.
  \\d          tables          \\d NAME   columns of a table
  \\h          functions       \\h NAME   one function
  \\?          this help       \\q        leave (or Ctrl-D)
";

/// Whether there is nothing to run and somebody to ask.
pub(crate) fn is_wanted(script: &ScriptArgs) -> bool {
    use std::io::IsTerminal as _;
    script.file.is_empty()
        && script.command.is_empty()
        && std::io::stdin().is_terminal()
        && console::stdout_is_terminal()
}

/// Reads and runs statements until the user leaves.
pub(crate) fn main(args: RunArgs, threads: usize, runtime: &tokio::runtime::Runtime) -> Result<ExitCode> {
    let session = runtime.block_on(run::session(&args.session, &args.script, threads))?;
    let functions = catalog::functions(&session);
    let args = Arc::new(args);
    let (sender, mut signals) = unbounded_channel();
    run::on_signal(move |code| {
        if code != 130 || sender.send(()).is_err() {
            std::process::exit(i32::from(code));
        }
    })?;
    let known = Arc::new(RwLock::new(Vec::new()));
    let mut editor = editor(Names { known: Arc::clone(&known) });
    console::put(&format!("ana-sql {}; \\? for help, \\q to leave\n", env!("CARGO_PKG_VERSION")))?;
    loop {
        let names = runtime.block_on(names(&session, &functions));
        if let Ok(mut known) = known.write() {
            *known = names;
        }
        let text = match editor.read_line(&Line)? {
            Signal::Success(text) => text,
            Signal::CtrlD => return Ok(ExitCode::SUCCESS),
            _ => continue,
        };
        let trimmed = text.trim();
        if let Some(command) = trimmed.strip_prefix('\\') {
            if command == "q" {
                return Ok(ExitCode::SUCCESS);
            }
            backslash(command.trim(), &session, &functions, runtime);
        } else if matches!(trimmed.trim_end_matches(';'), "quit" | "exit") {
            return Ok(ExitCode::SUCCESS);
        } else if !trimmed.is_empty() {
            runtime.block_on(execute(&session, &text, &args, &mut signals));
        }
    }
}

/// Runs the statements of one input. Ctrl-C stops them, not the prompt.
async fn execute(session: &Session, text: &str, args: &Arc<RunArgs>, signals: &mut UnboundedReceiver<()>) {
    while signals.try_recv().is_ok() {} // of before
    let stop = Cancellation::default();
    let source = Source { name: "input".to_owned(), text: text.to_owned() };
    // A task of its own: one step of a query may take long, and must not keep the signal from being seen.
    let mut running = tokio::spawn(statements(session.clone(), source, Arc::clone(args), stop.clone()));
    tokio::select! {
        ended = &mut running => match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => fault::print(&error),
            Err(panicked) => console::say(&format!("error: {panicked}\n")),
        },
        _ = signals.recv() => {
            stop.cancel();
            running.abort();
            console::say("interrupted\n");
        }
    }
}

async fn statements(session: Session, source: Source, args: Arc<RunArgs>, stop: Cancellation) -> Result<()> {
    for step in script::steps(std::slice::from_ref(&source))? {
        let shown =
            script::statement(&session, step, args.output.output.as_deref(), &args.output, &stop).await?;
        if let Some(shown) = shown {
            report::print_faults(&shown.report);
            if !args.output.quiet {
                report::print(&shown.report);
            }
        }
    }
    Ok(())
}

fn backslash(command: &str, session: &Session, functions: &[FunctionDoc], runtime: &tokio::runtime::Runtime) {
    let (command, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let text = match (command, argument.trim()) {
        ("d", table) => {
            let tables = runtime.block_on(catalog::tables(session));
            let matching = tables.iter().filter(|t| table.is_empty() || t.name == table);
            let mut text = String::new();
            for found in matching {
                text += &format!("{}\n", found.name);
                if !table.is_empty() {
                    for field in found.schema.fields() {
                        text += &format!("  {}  {}\n", field.name(), field.data_type());
                    }
                }
            }
            if text.is_empty() { "no such table\n".to_owned() } else { text }
        }
        ("h", "") => {
            let mut names: Vec<&str> =
                functions.iter().filter(|f| f.origin == Origin::Events).map(|f| f.name.as_str()).collect();
            names.sort_unstable();
            names.join(", ") + "\n"
        }
        ("h", name) => match pages::find(functions, name) {
            Some(function) => pages::page(function),
            None => format!("no function {name:?}\n"),
        },
        _ => HELP.to_owned(),
    };
    let _closed = console::put(&text);
}

/// Everything that can be completed now.
async fn names(session: &Session, functions: &[FunctionDoc]) -> Vec<Name> {
    let mut names = Vec::new();
    for table in catalog::tables(session).await {
        names.push(Name { text: table.name.clone(), note: "table".to_owned() });
        let columns = table.schema.fields().iter();
        names.extend(columns.map(|f| Name { text: f.name().clone(), note: f.data_type().to_string() }));
    }
    let called = functions.iter().flat_map(|f| std::iter::once(&f.name).chain(&f.aliases));
    names.extend(called.map(|name| Name { text: name.clone(), note: "function".to_owned() }));
    names.sort_by(|a, b| a.text.cmp(&b.text));
    names.dedup_by(|a, b| a.text == b.text);
    names
}

fn editor(names: Names) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(complete));
    // Whoever types on past the word has chosen: Enter must not put a suggestion in any more.
    for c in " ,;()[]<>=+-*/'\"".chars() {
        let typed = ReedlineEvent::Edit(vec![EditCommand::InsertChar(c)]);
        for modifier in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            let event = ReedlineEvent::Multiple(vec![ReedlineEvent::Esc, typed.clone()]);
            keys.add_binding(modifier, KeyCode::Char(c), event);
        }
    }
    let menu = ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU)));
    let editor = Reedline::create()
        .with_completer(Box::new(names))
        .with_menu(menu)
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(Semicolon))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_ansi_colors(console::colors(true));
    // Without a place to write to there is a history of this session only.
    match history_file().and_then(|path| FileBackedHistory::with_file(HISTORY, path).ok()) {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

/// `$XDG_STATE_HOME/ana-sql/history`, else `~/.local/state/ana-sql/history`.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|s| !s.is_empty()).map(PathBuf::from);
    let folder = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?.join("ana-sql");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Enter ends a statement after its semicolon; before, it begins a new line.
struct Semicolon;

impl Validator for Semicolon {
    fn validate(&self, text: &str) -> ValidationResult {
        if is_complete(text) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

fn is_complete(text: &str) -> bool {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.starts_with('\\') || matches!(trimmed, "quit" | "exit") {
        return true;
    }
    // A semicolon inside of a text or a comment ends nothing.
    let (mut in_text, mut ends) = (None, false);
    let mut characters = trimmed.chars().peekable();
    while let Some(c) = characters.next() {
        match in_text {
            Some(quote) if c == quote => in_text = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => {
                in_text = Some(c);
                ends = false;
            }
            None if c == '-' && characters.peek() == Some(&'-') => {
                for c in characters.by_ref() {
                    if c == '\n' {
                        break;
                    }
                }
            }
            None if c.is_whitespace() => {}
            None => ends = c == ';',
        }
    }
    in_text.is_none() && ends
}

struct Line;

impl Prompt for Line {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "ana-sql".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "       > ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing =
            if matches!(search.status, PromptHistorySearchStatus::Failing) { "nothing for " } else { "" };
        format!("({failing}{}) ", search.term).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_at_its_semicolon() {
        for complete in
            ["SELECT 1;", "SELECT ';';", "SELECT 1; -- done", "\\d", "quit", "", "SELECT 'it''s';"]
        {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["SELECT 1", "SELECT ';", "SELECT 1 -- ;", "SELECT 1; SELECT 2", "-- quit"] {
            assert!(!is_complete(open), "{open}");
        }
    }
}
