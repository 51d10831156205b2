//! Kernel → text.

use std::fmt::Write;

use crate::ir::{
    Aggregate, Collection, Const, Expr, Generator, Input, Kernel, OrderKey, Query, Reduction, Source,
};

impl Kernel {
    /// The kernel as text, from which [`Kernel::from_text`] makes an equal one.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut writer = Writer { text: String::new() };
        writer.list("kernel-1", |w| {
            self.inputs.iter().for_each(|input| w.input(input));
            self.collections.iter().for_each(|collection| w.collection(collection));
            w.query(&self.body);
        });
        writer.text
    }
}

struct Writer {
    text: String,
}

impl Writer {
    fn list(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.open("(");
        self.text.push_str(head);
        body(self);
        self.text.push(')');
    }

    fn open(&mut self, token: &str) {
        if !self.text.is_empty() && !self.text.ends_with('(') {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }

    fn atom(&mut self, value: impl std::fmt::Display) {
        self.open("");
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    fn string(&mut self, value: &str) {
        self.open("\"");
        for character in value.chars() {
            if matches!(character, '"' | '\\') {
                self.text.push('\\');
            }
            self.text.push(character);
        }
        self.text.push('"');
    }

    fn optional(&mut self, value: Option<impl std::fmt::Display>) {
        match value {
            Some(value) => self.atom(value),
            None => self.atom("-"),
        }
    }

    fn input(&mut self, input: &Input) {
        self.list("input", |w| {
            w.string(&input.name);
            w.atom(input.ty.name());
            match input.source {
                Source::Scalar => w.atom("scalar"),
                Source::List(collection) => w.list("list", |w| w.atom(collection)),
                Source::Derived { collection, value } => w.list("derived", |w| {
                    w.atom(collection);
                    w.atom(value);
                }),
            }
        });
    }

    fn collection(&mut self, collection: &Collection) {
        self.list("collection", |w| {
            w.string(&collection.name);
            collection.parts.iter().for_each(|part| w.query(part));
        });
    }

    fn query(&mut self, query: &Query) {
        self.list("query", |w| {
            query.generators.iter().for_each(|generator| w.generator(generator));
            w.exprs("where", &query.predicate);
            w.reduction(&query.reduction);
        });
    }

    fn generator(&mut self, generator: &Generator) {
        self.list("for", |w| {
            w.atom(generator.var);
            w.string(&generator.name);
            w.atom(generator.collection);
            w.optional(generator.after);
        });
    }

    fn reduction(&mut self, reduction: &Reduction) {
        match reduction {
            Reduction::Exists => self.list("exists", |_| {}),
            Reduction::Aggregates(aggregates) => self.list("aggregates", |w| {
                aggregates.iter().for_each(|aggregate| w.aggregate(aggregate));
            }),
            Reduction::First { values, order_by, offset } => self.list("first", |w| {
                w.atom(offset);
                w.exprs("values", values);
                order_by.iter().for_each(|key| w.key(key));
            }),
            Reduction::List { values, order_by, offset, limit } => self.list("array", |w| {
                w.atom(offset);
                w.optional(*limit);
                w.exprs("values", values);
                order_by.iter().for_each(|key| w.key(key));
            }),
        }
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        self.list(aggregate.function.name(), |w| {
            for part in [&aggregate.value, &aggregate.filter] {
                match part {
                    Some(expr) => w.expr(expr),
                    None => w.atom("-"),
                }
            }
        });
    }

    fn key(&mut self, key: &OrderKey) {
        self.list("key", |w| {
            w.expr(&key.expr);
            w.atom(if key.descending { "desc" } else { "asc" });
            w.atom(if key.nulls_first { "nulls_first" } else { "nulls_last" });
        });
    }

    fn exprs(&mut self, head: &str, exprs: &[Expr]) {
        self.list(head, |w| exprs.iter().for_each(|expr| w.expr(expr)));
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Const(value) => self.constant(*value),
            Expr::Scalar(input) => self.list("scalar", |w| w.atom(input)),
            Expr::Field { var, input } => self.list("field", |w| {
                w.atom(var);
                w.atom(input);
            }),
            Expr::Index(var) => self.list("index", |w| w.atom(var)),
            Expr::Length(collection) => self.list("length", |w| w.atom(collection)),
            Expr::Element { input, index } => self.list("element", |w| {
                w.atom(input);
                w.expr(index);
            }),
            Expr::Unary(op, arg) => self.list(op.name(), |w| w.expr(arg)),
            Expr::Binary(op, left, right) => self.list(op.name(), |w| {
                w.expr(left);
                w.expr(right);
            }),
            Expr::And(args) => self.exprs("and", args),
            Expr::Or(args) => self.exprs("or", args),
            Expr::Case { branches, otherwise } => self.list("case", |w| {
                for (condition, value) in branches {
                    w.list("when", |w| {
                        w.expr(condition);
                        w.expr(value);
                    });
                }
                otherwise.iter().for_each(|value| w.expr(value));
            }),
            Expr::Cast(to, arg) => self.list("cast", |w| {
                w.atom(to.name());
                w.expr(arg);
            }),
            Expr::Subquery { query, output } => self.list("subquery", |w| {
                w.atom(output);
                w.query(query);
            }),
        }
    }

    fn constant(&mut self, value: Const) {
        self.list("const", |w| {
            w.atom(value.ty().name());
            match value {
                Const::Null(_) => w.atom("null"),
                Const::Bool(value) => w.atom(value),
                Const::I32(value) => w.atom(value),
                Const::I64(value) => w.atom(value),
                Const::U32(value) => w.atom(value),
                Const::U64(value) => w.atom(value),
                Const::F32(bits) => w.atom(format_args!("#{bits:08x}")),
                Const::F64(bits) => w.atom(format_args!("#{bits:016x}")),
            }
        });
    }
}
