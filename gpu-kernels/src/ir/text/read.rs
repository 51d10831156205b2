//! Text → kernel. The text may come from another process: nothing about it is taken for granted.

use std::str::FromStr;

use crate::ir::{
    Aggregate, AggregateFunction, BinaryOp, Collection, ColumnType, Const, Expr, Generator, Input, IrError,
    Kernel, MAX_DEPTH, OrderKey, Query, Reduction, Source, Type, UnaryOp,
};

impl Kernel {
    /// Reads what [`Kernel::to_text`] wrote, and checks the kernel.
    ///
    /// # Errors
    /// Where the text is no kernel, or the kernel is wrong.
    pub fn from_text(text: &str) -> Result<Self, IrError> {
        let mut reader = Reader { text, position: 0, depth: 0 };
        let kernel = reader.kernel()?;
        if reader.peek().is_some() {
            return Err(reader.expected("the end"));
        }
        kernel.check()?;
        Ok(kernel)
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
    depth: usize,
}

type Read<T> = Result<T, IrError>;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        let trimmed = rest.trim_start();
        self.position += rest.len() - trimmed.len();
        trimmed.chars().next()
    }

    fn expected(&self, expected: &'static str) -> IrError {
        let found = self.rest().chars().take(20).collect();
        IrError::Syntax { position: self.position, expected, found }
    }

    fn token(&mut self, token: char, expected: &'static str) -> Read<()> {
        if self.peek() != Some(token) {
            return Err(self.expected(expected));
        }
        self.position += token.len_utf8();
        Ok(())
    }

    fn word(&mut self) -> Read<&'a str> {
        self.peek();
        let rest = self.rest();
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"')).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        if word.is_empty() {
            return Err(self.expected("a word"));
        }
        self.position += end;
        Ok(word)
    }

    fn named<T>(&mut self, expected: &'static str, find: impl Fn(&str) -> Option<T>) -> Read<T> {
        self.peek();
        let before = self.position;
        let found = find(self.word()?);
        found.ok_or_else(|| {
            self.position = before;
            self.expected(expected)
        })
    }

    fn number<T: FromStr>(&mut self) -> Read<T> {
        self.named("a number", |word| word.parse().ok())
    }

    fn optional<T: FromStr>(&mut self) -> Read<Option<T>> {
        self.named("a number or -", |word| if word == "-" { Some(None) } else { word.parse().ok().map(Some) })
    }

    fn string(&mut self) -> Read<String> {
        self.token('"', "a string")?;
        let mut value = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.position += at + 1;
                    return Ok(value);
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => value.push(character),
            }
        }
        Err(self.expected("a closing quote"))
    }

    /// `( head …body… )`.
    fn list<T>(&mut self, body: impl FnOnce(&mut Self, &'a str) -> Read<T>) -> Read<T> {
        self.token('(', "(")?;
        // CASE takes two lists per level of nesting that `check` counts.
        if self.depth > 2 * MAX_DEPTH {
            return Err(IrError::TooDeep);
        }
        self.depth += 1;
        let head = self.word()?;
        let value = body(self, head)?;
        self.depth -= 1;
        self.token(')', ")")?;
        Ok(value)
    }

    /// A list with a known head.
    fn headed<T>(&mut self, wanted: &'static str, body: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.list(|r, head| if head == wanted { body(r) } else { Err(r.expected(wanted)) })
    }

    /// Items until the closing parenthesis, or until a list whose head is not `head`.
    fn many<T>(&mut self, head: Option<&str>, item: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut items = Vec::new();
        while self.peek().is_some_and(|next| next != ')') && head.is_none_or(|head| self.heads(head)) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn heads(&self, head: &str) -> bool {
        let rest = self.rest().strip_prefix('(').and_then(|rest| rest.strip_prefix(head));
        rest.is_some_and(|rest| rest.starts_with([' ', ')']))
    }

    fn kernel(&mut self) -> Read<Kernel> {
        self.headed("kernel-1", |r| {
            let inputs = r.many(Some("input"), Self::input)?;
            let collections = r.many(Some("collection"), Self::collection)?;
            Ok(Kernel { inputs, collections, body: r.query()? })
        })
    }

    fn input(&mut self) -> Read<Input> {
        self.headed("input", |r| {
            let name = r.string()?;
            let ty = r.named("a column type", ColumnType::from_name)?;
            let source = if r.peek() == Some('(') {
                r.list(|r, head| match head {
                    "list" => Ok(Source::List(r.number()?)),
                    "derived" => Ok(Source::Derived { collection: r.number()?, value: r.number()? }),
                    _ => Err(r.expected("list or derived")),
                })?
            } else {
                r.named("scalar", |word| (word == "scalar").then_some(Source::Scalar))?
            };
            Ok(Input { name, ty, source })
        })
    }

    fn collection(&mut self) -> Read<Collection> {
        self.headed("collection", |r| Ok(Collection { name: r.string()?, parts: r.many(None, Self::query)? }))
    }

    fn query(&mut self) -> Read<Query> {
        self.headed("query", |r| {
            let generators = r.many(Some("for"), Self::generator)?;
            let predicate = r.headed("where", |r| r.many(None, Self::expr))?;
            Ok(Query { generators, predicate, reduction: r.list(Self::reduction)? })
        })
    }

    fn generator(&mut self) -> Read<Generator> {
        self.headed("for", |r| {
            let (var, name) = (r.number()?, r.string()?);
            Ok(Generator { var, name, collection: r.number()?, after: r.optional()? })
        })
    }

    fn reduction(&mut self, head: &str) -> Read<Reduction> {
        match head {
            "exists" => Ok(Reduction::Exists),
            "aggregates" => Ok(Reduction::Aggregates(self.many(None, Self::aggregate)?)),
            "first" => {
                let offset = self.number()?;
                let values = self.headed("values", |r| r.many(None, Self::expr))?;
                Ok(Reduction::First { values, order_by: self.many(None, Self::key)?, offset })
            }
            "array" => {
                let (offset, limit) = (self.number()?, self.optional()?);
                let values = self.headed("values", |r| r.many(None, Self::expr))?;
                Ok(Reduction::List { values, order_by: self.many(None, Self::key)?, offset, limit })
            }
            _ => Err(self.expected("a reduction")),
        }
    }

    fn aggregate(&mut self) -> Read<Aggregate> {
        self.list(|r, head| {
            let function = AggregateFunction::from_name(head).ok_or_else(|| r.expected("an aggregate"))?;
            Ok(Aggregate { function, value: r.absent_or_expr()?, filter: r.absent_or_expr()? })
        })
    }

    fn absent_or_expr(&mut self) -> Read<Option<Expr>> {
        if self.peek() == Some('-') {
            self.token('-', "-")?;
            return Ok(None);
        }
        self.expr().map(Some)
    }

    fn key(&mut self) -> Read<OrderKey> {
        self.headed("key", |r| {
            let expr = r.expr()?;
            let choice = |yes: &'static str, no: &'static str| {
                move |word: &str| if word == yes { Some(true) } else { (word == no).then_some(false) }
            };
            let descending = r.named("asc or desc", choice("desc", "asc"))?;
            let nulls_first = r.named("nulls_first or nulls_last", choice("nulls_first", "nulls_last"))?;
            Ok(OrderKey { expr, descending, nulls_first })
        })
    }

    fn boxed(&mut self) -> Read<Box<Expr>> {
        self.expr().map(Box::new)
    }

    fn expr(&mut self) -> Read<Expr> {
        self.list(|r, head| match head {
            "const" => r.constant(),
            "scalar" => Ok(Expr::Scalar(r.number()?)),
            "field" => Ok(Expr::Field { var: r.number()?, input: r.number()? }),
            "index" => Ok(Expr::Index(r.number()?)),
            "length" => Ok(Expr::Length(r.number()?)),
            "element" => Ok(Expr::Element { input: r.number()?, index: r.boxed()? }),
            "and" => Ok(Expr::And(r.many(None, Self::expr)?)),
            "or" => Ok(Expr::Or(r.many(None, Self::expr)?)),
            "case" => {
                let branches = r.many(Some("when"), |r| r.headed("when", |r| Ok((r.expr()?, r.expr()?))))?;
                let otherwise = if r.peek() == Some(')') { None } else { Some(r.boxed()?) };
                Ok(Expr::Case { branches, otherwise })
            }
            "cast" => Ok(Expr::Cast(r.named("a type", Type::from_name)?, r.boxed()?)),
            "subquery" => Ok(Expr::Subquery { output: r.number()?, query: Box::new(r.query()?) }),
            _ => {
                if let Some(op) = UnaryOp::from_name(head) {
                    Ok(Expr::Unary(op, r.boxed()?))
                } else if let Some(op) = BinaryOp::from_name(head) {
                    Ok(Expr::Binary(op, r.boxed()?, r.boxed()?))
                } else {
                    Err(r.expected("an expression"))
                }
            }
        })
    }

    fn constant(&mut self) -> Read<Expr> {
        let ty = self.named("a type", Type::from_name)?;
        let value = self.named("a value", |word| {
            if word == "null" {
                return Some(Const::Null(ty));
            }
            match ty {
                Type::Bool => word.parse().ok().map(Const::Bool),
                Type::I32 => word.parse().ok().map(Const::I32),
                Type::I64 => word.parse().ok().map(Const::I64),
                Type::U32 => word.parse().ok().map(Const::U32),
                Type::U64 => word.parse().ok().map(Const::U64),
                Type::F32 => u32::from_str_radix(word.strip_prefix('#')?, 16).ok().map(Const::F32),
                Type::F64 => u64::from_str_radix(word.strip_prefix('#')?, 16).ok().map(Const::F64),
            }
        })?;
        Ok(Expr::Const(value))
    }
}
