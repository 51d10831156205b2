//! Random expressions: what operators and functions make of leaves, wherever they stand.

use super::{
    catalog::Catalog,
    random::Random,
    syntax::{E, Fun, Is, ListFun, Node},
    value::{Op, Ty, V, exact},
};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Number,
    Float,
    Integer,
    Bool,
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Among the columns of an event, a value.
    Event,
    /// Among the columns, a list of this collection.
    List(usize),
    /// In the loops of a subquery.
    Loops,
    /// In the SELECT list of a subquery, over aggregates.
    Aggregates,
}

pub(crate) struct Generator<'a> {
    pub(crate) random: Random,
    pub(crate) catalog: &'a Catalog,
    /// Loops in scope and their collections, innermost last.
    pub(crate) scope: Vec<(u32, usize)>,
    pub(crate) next_var: u32,
    /// Subqueries around.
    pub(crate) nesting: usize,
    /// Types of the aggregates of the SELECT list.
    pub(crate) aggregates: Vec<Ty>,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(seed: u64, catalog: &'a Catalog) -> Self {
        Self {
            random: Random::new(seed),
            catalog,
            scope: vec![],
            next_var: 0,
            nesting: 0,
            aggregates: vec![],
        }
    }

    pub(crate) fn e(&self, node: Node) -> E {
        E::new(node, self.catalog)
    }

    /// What a query may select: a value or a list.
    pub(crate) fn top(&mut self) -> E {
        let want = *self.random.pick(&[Want::Number, Want::Number, Want::Bool, Want::Float, Want::Integer]);
        let depth = 1 + self.random.below(3);
        match self.random.below(10) {
            0..3 => {
                let place = self.random.below(self.catalog.collections.len());
                self.expr(want, At::List(place), depth)
            }
            3 => self.list(want, depth),
            4 => self.of_list(want, depth),
            5 => self.array(want, depth),
            _ => self.subquery(want, depth),
        }
    }

    fn matches(want: Want, ty: Ty) -> bool {
        match want {
            Want::Number => ty != Ty::Bool,
            Want::Float => ty.is_float(),
            Want::Integer => matches!(ty, Ty::I32 | Ty::I64),
            Want::Bool => ty == Ty::Bool,
        }
    }

    pub(crate) fn literal(&mut self, want: Want) -> E {
        let node = match want {
            Want::Bool => Node::Lit(V::B(self.random.chance(50)), Ty::Bool),
            Want::Integer => Node::Lit(V::I(*self.random.pick(&[0, 1, 2, 3, 5, 30, -1, -4])), Ty::I64),
            Want::Number if self.random.chance(40) => return self.literal(Want::Integer),
            _ => {
                let number = *self.random.pick(&[0.0, 0.5, 1.0, 2.5, 20.0, 30.0, 45.5, 0.1, -1.25, 1e10]);
                Node::Lit(exact(number), Ty::F64)
            }
        };
        self.e(node)
    }

    fn literal_of(&mut self, values: &[i64]) -> E {
        let value = V::I(*self.random.pick(values));
        self.e(Node::Lit(value, Ty::I64))
    }

    /// A field of a collection, by its place.
    pub(crate) fn field(&mut self, collection: usize, want: Want) -> Option<usize> {
        let fields = &self.catalog.collections[collection].fields;
        let fit: Vec<usize> = (0..fields.len()).filter(|at| Self::matches(want, fields[*at].1)).collect();
        (!fit.is_empty()).then(|| *self.random.pick(&fit))
    }

    fn leaf(&mut self, want: Want, at: At) -> E {
        match at {
            At::List(place) => match self.field(place, want) {
                Some(field) => self.e(Node::List(place, field)),
                None => self.converted(want, At::List(place)),
            },
            At::Loops => self.object_leaf(want),
            At::Aggregates => {
                let fit: Vec<usize> = (0..self.aggregates.len())
                    .filter(|at| Self::matches(want, self.aggregates[*at]))
                    .collect();
                match fit.is_empty() {
                    true => self.converted(want, at),
                    false => {
                        let call = *self.random.pick(&fit);
                        self.e(Node::Aggregate(call, self.aggregates[call]))
                    }
                }
            }
            At::Event if self.random.chance(30) => self.literal(want),
            At::Event if want == Want::Integer && self.random.chance(30) => {
                let place = self.random.below(self.catalog.collections.len());
                self.e(Node::Counter(place))
            }
            At::Event => {
                let scalars = &self.catalog.scalars;
                let fit: Vec<usize> =
                    (0..scalars.len()).filter(|at| Self::matches(want, scalars[*at].1)).collect();
                let column = *self.random.pick(&fit);
                self.e(Node::Scalar(column))
            }
        }
    }

    /// Something of the place that is made what is wanted.
    pub(crate) fn converted(&mut self, want: Want, at: At) -> E {
        let has = |generator: &mut Self, want| match at {
            At::List(place) => generator.field(place, want).is_some(),
            At::Aggregates => generator.aggregates.iter().any(|ty| Self::matches(want, *ty)),
            _ => true,
        };
        if want == Want::Bool {
            let value = self.leaf(Want::Number, at);
            return self.e(Node::Is(value, Is::NotNull));
        }
        let (from, safe) = if has(self, Want::Number) { (Want::Number, true) } else { (Want::Bool, false) };
        let value = self.leaf(from, at);
        let ty = if want == Want::Integer { Ty::I64 } else { Ty::F64 };
        self.e(Node::Cast(safe, value, ty))
    }

    /// A part beside another: of the same place, or a value of the event.
    fn beside(&mut self, want: Want, at: At, depth: usize) -> E {
        match at {
            At::Event => self.expr(want, at, depth),
            _ if self.random.chance(60) => self.expr(want, at, depth),
            _ if self.random.chance(60) => self.literal(want),
            _ => self.expr(want, At::Event, depth.min(1)),
        }
    }

    pub(crate) fn expr(&mut self, want: Want, at: At, depth: usize) -> E {
        if depth == 0 || self.random.chance(12) {
            return self.leaf(want, at);
        }
        let depth = depth - 1;
        if self.random.chance(20)
            && let Some(special) = self.special(want, at, depth)
        {
            return special;
        }
        let node = match want {
            Want::Bool => self.condition(at, depth),
            _ if self.random.chance(15) => self.case(want, at, depth),
            _ => self.number(want, at, depth),
        };
        self.e(node)
    }

    /// What only this place has.
    fn special(&mut self, want: Want, at: At, depth: usize) -> Option<E> {
        match at {
            // Inside a subquery, one in the columns would be inside too.
            At::Event if self.nesting == 0 && self.random.chance(50) => Some(self.subquery(want, depth)),
            At::Event => Some(self.of_list(want, depth)),
            At::Loops => self.object_expr(want, depth),
            At::List(_) | At::Aggregates => None,
        }
    }

    fn number(&mut self, want: Want, at: At, depth: usize) -> Node {
        use Op::{Add, BitAnd, BitOr, Div, Mul, Rem, Sub};
        if want == Want::Integer {
            let (a, b) = (self.expr(want, at, depth), self.beside(want, at, depth));
            return match self.random.below(8) {
                0 => Node::Negative(a),
                1 => Node::Call(Fun::Abs, vec![a]),
                2 => {
                    let value = self.expr(Want::Number, at, depth);
                    let ty = if self.random.chance(50) { Ty::I32 } else { Ty::I64 };
                    Node::Cast(self.random.chance(70), value, ty)
                }
                _ => Node::Op(*self.random.pick(&[Add, Sub, Mul, Div, Rem, BitAnd, BitOr]), a, b),
            };
        }
        let float = self.expr(Want::Float, at, depth);
        let simple = [Fun::Sqrt, Fun::Floor, Fun::Ceil, Fun::Round, Fun::Trunc, Fun::Abs, Fun::Signum];
        match self.random.below(14) {
            0 => Node::Negative(float),
            1..3 => Node::Call(*self.random.pick(&simple), vec![float]),
            3 => {
                let curves = [Fun::Exp, Fun::Ln, Fun::Sin, Fun::Cos, Fun::Sinh, Fun::Atan];
                Node::Call(*self.random.pick(&curves), vec![float])
            }
            4 => match self.random.below(5) {
                4 => Node::Call(Fun::RoundAt, vec![float, self.literal_of(&[1, 2, 3, -1])]),
                3 => Node::Call(Fun::Pow, vec![float, self.literal_of(&[2, 3])]),
                0 => Node::Call(Fun::DeltaPhi, vec![float, self.beside(Want::Float, at, depth)]),
                1 => Node::Call(Fun::Atan2, vec![float, self.beside(Want::Float, at, depth)]),
                _ => {
                    let function = if self.random.chance(50) { Fun::DeltaR } else { Fun::TransverseMass };
                    let rest = (0..3).map(|_| self.beside(Want::Float, at, 0)).collect::<Vec<_>>();
                    Node::Call(function, [vec![float], rest].concat())
                }
            },
            5 => {
                Node::Cast(false, self.expr(Want::Number, at, depth), *self.random.pick(&[Ty::F32, Ty::F64]))
            }
            6 => {
                let choices = [Fun::Coalesce, Fun::Nullif, Fun::Greatest, Fun::Least];
                Node::Call(*self.random.pick(&choices), vec![float, self.beside(Want::Float, at, depth)])
            }
            op => {
                let op = [Add, Sub, Mul, Div, Rem, Add, Sub][op - 7];
                Node::Op(op, float, self.beside(Want::Number, at, depth))
            }
        }
    }

    fn case(&mut self, want: Want, at: At, depth: usize) -> Node {
        let of = self.random.chance(30).then(|| self.expr(Want::Integer, at, depth));
        let count = 1 + self.random.below(2);
        let branches = (0..count).map(|_| {
            let condition = match &of {
                Some(_) => self.literal(Want::Integer),
                None => self.expr(Want::Bool, at, depth),
            };
            (condition, self.beside(want, at, depth))
        });
        let branches = branches.collect();
        let otherwise = self.random.chance(70).then(|| self.beside(want, at, depth));
        Node::Case(of, branches, otherwise)
    }

    fn condition(&mut self, at: At, depth: usize) -> Node {
        use Op::{And, Eq, Ge, Gt, Le, Lt, Ne, Or};
        match self.random.below(15) {
            14 => {
                let (op, a) = (*self.random.pick(&[Eq, Ne]), self.expr(Want::Bool, at, depth));
                Node::Op(op, a, self.beside(Want::Bool, at, depth))
            }
            0 => Node::Not(self.expr(Want::Bool, at, depth)),
            1 => {
                let is = *self.random.pick(&[Is::True, Is::NotTrue, Is::False, Is::NotFalse]);
                Node::Is(self.expr(Want::Bool, at, depth), is)
            }
            2 => {
                let is = *self.random.pick(&[Is::Null, Is::NotNull]);
                Node::Is(self.expr(Want::Number, at, depth), is)
            }
            3 => Node::Call(Fun::Isnan, vec![self.expr(Want::Float, at, depth)]),
            4..6 => {
                let (op, a) = (*self.random.pick(&[And, Or]), self.expr(Want::Bool, at, depth));
                Node::Op(op, a, self.beside(Want::Bool, at, depth))
            }
            6 => {
                let value = self.expr(Want::Number, at, depth);
                let (low, high) = (self.beside(Want::Number, at, 0), self.beside(Want::Number, at, 0));
                Node::Between(self.random.chance(30), value, low, high)
            }
            7 => {
                let value = self.expr(Want::Integer, at, depth);
                let count = 1 + self.random.below(3);
                let members = (0..count).map(|_| self.literal(Want::Integer)).collect();
                Node::In(self.random.chance(30), value, members)
            }
            _ => {
                let value = self.expr(Want::Number, at, depth);
                let op = *self.random.pick(&[Eq, Ne, Lt, Le, Gt, Ge, Gt, Lt]);
                Node::Op(op, value, self.beside(Want::Number, at, depth))
            }
        }
    }

    /// A list that is no longer a collection's: masked, sorted, taken.
    fn list(&mut self, want: Want, depth: usize) -> E {
        let place = self.random.below(self.catalog.collections.len());
        let list = self.expr(want, At::List(place), depth.saturating_sub(1));
        let node = match self.random.below(4) {
            0..2 => Node::Mask(list, self.expr(Want::Bool, At::List(place), depth)),
            2 => {
                let by = self.leaf(Want::Number, At::List(place));
                let descending = self.random.chance(50);
                let order = self.e(Node::ListCall(ListFun::ArgSort(descending), vec![by]));
                Node::ListCall(ListFun::Take, vec![list, order])
            }
            _ => Node::ListCall(ListFun::Take, vec![list, self.leaf(Want::Integer, At::List(place))]),
        };
        self.e(node)
    }

    /// A value made of lists.
    fn of_list(&mut self, want: Want, depth: usize) -> E {
        let place = self.random.below(self.catalog.collections.len());
        let depth = depth.min(2);
        let numbers = match self.random.chance(30) {
            true => self.list(Want::Number, depth),
            false => self.expr(Want::Number, At::List(place), depth),
        };
        let node = match want {
            Want::Bool => match self.random.below(6) {
                0..2 => Node::ListCall(ListFun::Any, vec![self.expr(Want::Bool, At::List(place), depth)]),
                2..4 => Node::ListCall(ListFun::All, vec![self.expr(Want::Bool, At::List(place), depth)]),
                other => {
                    let fun = [ListFun::NObjMin, ListFun::NObjEq, ListFun::NObjLess][self.random.below(3)];
                    let n = self.e(Node::Lit(V::I(other as i64 - 3), Ty::I64));
                    Node::ListCall(fun, vec![numbers, n])
                }
            },
            Want::Integer => match self.random.below(3) {
                0 => Node::ListCall(ListFun::NObj, vec![numbers]),
                1 => Node::ListCall(ListFun::ArgMin, vec![numbers]),
                _ => Node::ListCall(ListFun::ArgMax, vec![numbers]),
            },
            Want::Number | Want::Float => match self.random.below(3) {
                0 => Node::ListCall(ListFun::Ht, vec![numbers]),
                1 => {
                    let n = 1 + self.random.below(3) as i64;
                    let n = self.e(Node::Lit(V::I(n), Ty::I64));
                    let list = self.expr(Want::Float, At::List(place), depth);
                    Node::ListCall(ListFun::Leading, vec![list, n])
                }
                _ => {
                    // From the end is the engine's own: a negative place.
                    let at = self.random.below(4) as i64;
                    let at = self.e(Node::Lit(V::I(at), Ty::I64));
                    let list = self.leaf(Want::Float, At::List(place));
                    Node::Subscript(list, at)
                }
            },
        };
        self.e(node)
    }
}
