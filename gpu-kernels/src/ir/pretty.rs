//! Kernels as readable pseudo-code: the loop nest, with every value at the loop where it is computed.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter, Write};

use super::expr::{BinaryOp, Expr, UnaryOp};
use super::types::{Aggregate, Const, Kernel, OrderKey, Query, Reduction, VarId};

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut printer = Printer { kernel: self, text: String::new(), names: Vec::new(), values: 0 };
        for collection in self.collections.iter().filter(|collection| !collection.parts.is_empty()) {
            printer.line(0, &format!("collection {}:", collection.name));
            for part in &collection.parts {
                printer.query(part, 1);
            }
        }
        printer.query(&self.body, 0);
        f.write_str(printer.text.trim_end())
    }
}

struct Printer<'a> {
    kernel: &'a Kernel,
    text: String,
    names: Vec<(VarId, &'a str)>,
    values: usize,
}

/// What is known of one query while it is printed.
struct Nest<'a> {
    vars: Vec<VarId>,
    uses: HashMap<&'a Expr, usize>,
    named: HashMap<&'a Expr, String>,
}

impl<'a> Nest<'a> {
    fn new(query: &'a Query) -> Self {
        let mut nest = Self {
            vars: query.generators.iter().map(|generator| generator.var).collect(),
            uses: HashMap::new(),
            named: HashMap::new(),
        };
        query.exprs().for_each(|expr| nest.count(expr));
        nest
    }

    fn count(&mut self, expr: &'a Expr) {
        let uses = self.uses.entry(expr).or_default();
        *uses += 1;
        if *uses == 1 {
            expr.children().into_iter().for_each(|child| self.count(child));
        }
    }

    /// How many loops must be open before the expression can be computed.
    fn level(&self, expr: &Expr) -> usize {
        let mut level = 0;
        expr.each_var(&mut |var| {
            level = level.max(self.vars.iter().position(|own| *own == var).map_or(0, |place| place + 1));
        });
        level
    }
}

impl Query {
    /// Every expression the query itself computes.
    pub(crate) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let (values, keys, aggregates): (&[Expr], &[OrderKey], &[Aggregate]) = match &self.reduction {
            Reduction::Exists => (&[], &[], &[]),
            Reduction::Aggregates(aggregates) => (&[], &[], aggregates),
            Reduction::First { values, order_by, .. } | Reduction::List { values, order_by, .. } => {
                (values, order_by, &[])
            }
        };
        let aggregates =
            aggregates.iter().flat_map(|aggregate| aggregate.filter.iter().chain(&aggregate.value));
        self.predicate.iter().chain(keys.iter().map(|key| &key.expr)).chain(aggregates).chain(values)
    }
}

impl Expr {
    /// Calls `found` for every variable used, also inside subqueries (their own ones included).
    pub(crate) fn each_var(&self, found: &mut dyn FnMut(VarId)) {
        match self {
            Self::Field { var, .. } | Self::Index(var) => found(*var),
            Self::Subquery { query, .. } => query.exprs().for_each(|expr| expr.each_var(found)),
            _ => self.children().into_iter().for_each(|child| child.each_var(found)),
        }
    }

    /// Not worth a name of its own.
    fn is_plain(&self) -> bool {
        match self {
            Self::Subquery { .. } => false,
            Self::Cast(_, arg) => arg.is_plain(),
            _ => self.children().is_empty(),
        }
    }
}

impl<'a> Printer<'a> {
    fn line(&mut self, indent: usize, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{:1$}{line}", "", 2 * indent);
    }

    fn query(&mut self, query: &'a Query, mut indent: usize) {
        let scope = self.names.len();
        let mut nest = Nest::new(query);
        let last = query.generators.len();
        for level in 0..=last {
            if let Some(generator) = level.checked_sub(1).and_then(|position| query.generators.get(position))
            {
                let collection = self.kernel.collections.get(generator.collection);
                let collection = collection.map_or("?", |collection| collection.name.as_str());
                let after = generator.after.map(|after| format!(" after {}", self.var(after)));
                let header = format!("for {} in {collection}{}:", generator.name, after.unwrap_or_default());
                self.line(indent, &header);
                self.names.push((generator.var, &generator.name));
                indent += 1;
            }
            for conjunct in &query.predicate {
                let own = nest.level(conjunct);
                if own >= level {
                    self.hoist(&mut nest, conjunct, level, indent, false);
                }
                if own == level {
                    let condition = self.expr(&nest, conjunct, 0);
                    self.line(indent, &format!("where {condition}"));
                }
            }
            let after_predicate = query.predicate.len();
            let late =
                if matches!(query.reduction, Reduction::First { .. }) { query.reduction.late() } else { 0 };
            let exprs: Vec<_> = query.exprs().skip(after_predicate).collect();
            for expr in exprs.iter().take(exprs.len() - late) {
                self.hoist(&mut nest, expr, level, indent, level < last);
            }
        }
        self.reduction(&query.reduction, &mut nest, indent, indent - last);
        self.names.truncate(scope);
    }

    /// Prints, as named values, the parts of `expr` that belong to `level` and are used twice or deeper.
    fn hoist(&mut self, nest: &mut Nest<'a>, expr: &'a Expr, level: usize, indent: usize, whole: bool) {
        if expr.is_plain() || nest.named.contains_key(expr) {
            return;
        }
        let own = nest.level(expr);
        for child in expr.children() {
            self.hoist(nest, child, level, indent, own > level);
        }
        let shared = nest.uses.get(expr).is_some_and(|uses| *uses > 1);
        let block = matches!(expr, Expr::Subquery { .. });
        if own != level || !(whole || shared || block) {
            return;
        }
        self.values += 1;
        let name = format!("v{}", self.values);
        if let Expr::Subquery { query, output } = expr {
            self.line(indent, &format!("{name} = output {output} of:"));
            self.query(query, indent + 1);
        } else {
            let text = self.expr(nest, expr, 0);
            self.line(indent, &format!("{name} = {text}"));
        }
        nest.named.insert(expr, name);
    }

    fn reduction(&mut self, reduction: &'a Reduction, nest: &mut Nest<'a>, indent: usize, outside: usize) {
        match reduction {
            Reduction::Exists => self.line(indent, "return true at the first; else false"),
            Reduction::Aggregates(aggregates) => {
                for aggregate in aggregates {
                    let value =
                        aggregate.value.as_ref().map_or_else(|| "*".to_owned(), |v| self.expr(nest, v, 0));
                    let filter = aggregate.filter.as_ref().map(|filter| self.expr(nest, filter, 0));
                    let filter = filter.map(|filter| format!(" where {filter}")).unwrap_or_default();
                    self.line(indent, &format!("{}({value}){filter}", aggregate.function.name()));
                }
            }
            Reduction::First { values, order_by, offset } => {
                let keys = self.keys(nest, order_by);
                let skip = if *offset == 0 { String::new() } else { format!(", skipping {offset}") };
                self.line(indent, &format!("keep the first{keys}{skip}"));
                let deepest = nest.vars.len();
                for value in values {
                    for level in 0..=deepest {
                        self.hoist(nest, value, level, outside, false);
                    }
                }
                let values: Vec<_> = values.iter().map(|value| self.expr(nest, value, 0)).collect();
                self.line(outside, &format!("return {}", values.join(", ")));
            }
            Reduction::List { values, order_by, offset, limit } => {
                let values: Vec<_> = values.iter().map(|value| self.expr(nest, value, 0)).collect();
                let keys = self.keys(nest, order_by);
                let mut line = format!("append {}{keys}", values.join(", "));
                if *offset > 0 {
                    let _ = write!(line, ", skipping {offset}");
                }
                if let Some(limit) = limit {
                    let _ = write!(line, ", at most {limit}");
                }
                self.line(indent, &line);
            }
        }
    }

    fn keys(&self, nest: &Nest<'_>, order_by: &[OrderKey]) -> String {
        let key = |key: &OrderKey| {
            let direction = if key.descending { " desc" } else { "" };
            let nulls = if key.nulls_first { " nulls first" } else { "" };
            format!("{}{direction}{nulls}", self.expr(nest, &key.expr, 0))
        };
        let keys: Vec<_> = order_by.iter().map(key).collect();
        if keys.is_empty() { String::new() } else { format!(" by {}", keys.join(", ")) }
    }

    fn var(&self, var: VarId) -> &'a str {
        self.names.iter().rev().find(|(bound, _)| *bound == var).map_or("?", |(_, name)| name)
    }

    fn input(&self, input: usize) -> &'a str {
        self.kernel.inputs.get(input).map_or("?", |input| input.name.as_str())
    }

    /// A field's name without its collection's: `Jet_pt` → `pt`.
    fn field(&self, id: usize) -> &'a str {
        let collection = self.kernel.inputs.get(id).and_then(|input| input.collection());
        let collection = collection.and_then(|id| self.kernel.collections.get(id));
        let name = self.input(id);
        let short = collection.and_then(|collection| name.strip_prefix(collection.name.as_str()));
        short.and_then(|short| short.strip_prefix(['_', '.'])).unwrap_or(name)
    }

    fn call(&self, nest: &Nest<'_>, name: &str, args: &[&Expr]) -> String {
        let args: Vec<_> = args.iter().map(|arg| self.expr(nest, arg, 0)).collect();
        format!("{name}({})", args.join(", "))
    }

    fn joined(&self, nest: &Nest<'_>, args: &[Expr], word: &str, around: u8, own: u8, empty: &str) -> String {
        let args: Vec<_> = args.iter().map(|arg| self.expr(nest, arg, own + 1)).collect();
        if args.is_empty() {
            empty.to_owned()
        } else {
            bracket(args.join(word), own < around && args.len() > 1)
        }
    }

    /// `around` is how tightly the context binds.
    fn expr(&self, nest: &Nest<'_>, expr: &Expr, around: u8) -> String {
        if let Some(name) = nest.named.get(expr) {
            return name.clone();
        }
        match expr {
            Expr::Const(value) => constant(*value),
            Expr::Scalar(input) => self.input(*input).to_owned(),
            Expr::Field { var, input } => format!("{}.{}", self.var(*var), self.field(*input)),
            Expr::Index(var) => format!("idx({})", self.var(*var)),
            Expr::Length(id) => {
                format!(
                    "n{}",
                    self.kernel.collections.get(*id).map_or("?", |collection| collection.name.as_str())
                )
            }
            Expr::Element { input, index } => {
                format!("{}[{}]", self.input(*input), self.expr(nest, index, 0))
            }
            Expr::Unary(UnaryOp::Not, arg) => bracket(format!("not {}", self.expr(nest, arg, 3)), around > 3),
            Expr::Unary(UnaryOp::Neg, arg) => bracket(format!("-{}", self.expr(nest, arg, 7)), around > 7),
            Expr::Unary(UnaryOp::IsNull, arg) => {
                bracket(format!("{} is null", self.expr(nest, arg, 5)), around > 4)
            }
            Expr::Unary(op, arg) => self.call(nest, op.name(), &[arg]),
            Expr::Binary(op, left, right) => match infix(*op) {
                Some((symbol, own)) => {
                    let (left, right) = (self.expr(nest, left, own), self.expr(nest, right, own + 1));
                    bracket(format!("{left} {symbol} {right}"), own < around)
                }
                None => self.call(nest, op.name(), &[left, right]),
            },
            Expr::And(args) => self.joined(nest, args, " and ", around, 2, "true"),
            Expr::Or(args) => self.joined(nest, args, " or ", around, 1, "false"),
            Expr::Case { branches, otherwise } => {
                let mut text = "case".to_owned();
                for (condition, value) in branches {
                    let (condition, value) = (self.expr(nest, condition, 0), self.expr(nest, value, 0));
                    let _ = write!(text, " when {condition} then {value}");
                }
                if let Some(value) = otherwise {
                    let _ = write!(text, " else {}", self.expr(nest, value, 0));
                }
                text + " end"
            }
            Expr::Cast(to, arg) => self.call(nest, to.name(), &[arg]),
            // Subqueries are always named before they are used.
            Expr::Subquery { output, .. } => format!("output {output} of a subquery"),
        }
    }
}

impl Reduction {
    /// How many of the last expressions of the query are computed after the loops.
    fn late(&self) -> usize {
        match self {
            Self::First { values, .. } => values.len(),
            _ => 0,
        }
    }
}

fn bracket(text: String, needed: bool) -> String {
    if needed { format!("({text})") } else { text }
}

fn infix(op: BinaryOp) -> Option<(&'static str, u8)> {
    Some(match op {
        BinaryOp::Eq => ("=", 4),
        BinaryOp::Ne => ("<>", 4),
        BinaryOp::Lt => ("<", 4),
        BinaryOp::Le => ("<=", 4),
        BinaryOp::Gt => (">", 4),
        BinaryOp::Ge => (">=", 4),
        BinaryOp::Add => ("+", 5),
        BinaryOp::Sub => ("-", 5),
        BinaryOp::Mul => ("*", 6),
        BinaryOp::Div => ("/", 6),
        BinaryOp::Rem => ("%", 6),
        _ => return None,
    })
}

fn constant(value: Const) -> String {
    match value {
        Const::Null(_) => "null".to_owned(),
        Const::Bool(value) => value.to_string(),
        Const::I32(value) => value.to_string(),
        Const::I64(value) => value.to_string(),
        Const::U32(value) => value.to_string(),
        Const::U64(value) => value.to_string(),
        Const::F32(bits) => f32::from_bits(bits).to_string(),
        Const::F64(bits) => f64::from_bits(bits).to_string(),
    }
}
