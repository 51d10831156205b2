//! Standard output and error: which are terminals, how wide, with colours or not.

use std::io::{IsTerminal, Write};

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether standard error is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Colours are for terminals only, and not where NO_COLOR asks for none or the terminal knows none.
pub(crate) fn colors(is_terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    is_terminal && !set("NO_COLOR") && !dumb
}

/// Columns of the terminal: its own word, else COLUMNS, else 80.
pub(crate) fn width() -> usize {
    let asked = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let told = || std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    asked.or_else(told).unwrap_or(80).clamp(40, 240)
}

/// Writes to standard output; a closed pipe comes back as an error that ends the program normally.
pub(crate) fn put(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line or several to standard error. If nobody reads them, nothing is lost that could be told.
pub(crate) fn say(text: &str) {
    let _closed = std::io::stderr().lock().write_all(text.as_bytes());
}
