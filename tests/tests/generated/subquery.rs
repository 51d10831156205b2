//! Random subqueries, objects and derived collections.

use super::{
    generate::{At, Generator, Want},
    syntax::{Call, E, Is, Key, Kind, Node, Object, Physics, Sub},
    value::{Op, Ty},
};

const KINEMATICS: [&str; 3] = ["pt", "eta", "phi"];

impl Generator<'_> {
    /// A subquery that gives one value.
    pub(crate) fn subquery(&mut self, want: Want, depth: usize) -> E {
        let mut sub = self.open(depth);
        let depth = depth.saturating_sub(1);
        sub.kind = match want {
            Want::Bool if self.random.chance(60) => {
                if self.random.chance(50) {
                    Kind::Exists(self.random.chance(50))
                } else {
                    let member = self.expr(Want::Number, At::Loops, depth.min(1));
                    // What is looked for stands outside.
                    let inner = self.scope.split_off(self.scope.len() - sub.from.len());
                    let value = match self.scope.is_empty() {
                        true => self.expr(Want::Number, At::Event, 0),
                        false => self.expr(Want::Number, At::Loops, 0),
                    };
                    self.scope.extend(inner);
                    Kind::Member(self.random.chance(40), value, member)
                }
            }
            _ if self.random.chance(35) => {
                self.keys(&mut sub, depth);
                sub.limit = Some(1);
                sub.offset = if self.random.chance(25) { 1 + self.random.below(2) } else { 0 };
                Kind::First(self.expr(want, At::Loops, depth))
            }
            _ => {
                let count = 1 + self.random.below(2);
                let calls: Vec<Call> = (0..count).map(|_| self.call(want, depth)).collect();
                let types = calls.iter().map(Call::ty).collect();
                let outer = std::mem::replace(&mut self.aggregates, types);
                let depth = self.random.below(3);
                let item = self.expr(want, At::Aggregates, depth);
                self.aggregates = outer;
                Kind::Aggregates(calls, item)
            }
        };
        self.close(sub)
    }

    /// `ARRAY(SELECT …)`.
    pub(crate) fn array(&mut self, want: Want, depth: usize) -> E {
        let mut sub = self.open(depth);
        self.keys(&mut sub, depth - 1);
        sub.limit = self.random.chance(40).then(|| self.random.below(4));
        sub.offset = if self.random.chance(15) { 1 } else { 0 };
        sub.kind = Kind::Array(self.expr(want, At::Loops, depth - 1));
        self.close(sub)
    }

    fn call(&mut self, want: Want, depth: usize) -> Call {
        let name = match want {
            Want::Bool => *self.random.pick(&["bool_and", "bool_or", "count"]),
            _ => *self.random.pick(&["count", "sum", "sum", "min", "max", "avg"]),
        };
        let of = match name {
            "bool_and" | "bool_or" => Want::Bool,
            _ => want,
        };
        let value = (name != "count" || self.random.chance(40)).then(|| self.expr(of, At::Loops, depth));
        let filter = self.random.chance(25).then(|| self.expr(Want::Bool, At::Loops, depth.min(1)));
        Call { name, value, filter }
    }

    fn keys(&mut self, sub: &mut Sub, depth: usize) {
        for _ in 0..self.random.below(3) {
            let expr = self.expr(Want::Number, At::Loops, depth.min(1));
            // A number alone would be a place in the SELECT list.
            if expr.inside {
                let nulls_first = self.random.chance(30).then(|| self.random.chance(50));
                sub.order.push(Key { expr, descending: self.random.chance(50), nulls_first });
            }
        }
    }

    /// FROM and WHERE, with the objects put in scope.
    fn open(&mut self, depth: usize) -> Sub {
        let nested = self.nesting > 0;
        self.nesting += 1;
        let most = if nested { 2 } else { 3 };
        let count = [1, 1, 1, 2, 2, most][self.random.below(6)].min(most);
        let same = self.random.chance(60);
        let first = self.random.below(self.catalog.collections.len());
        let mut sub = Sub {
            nested,
            from: vec![],
            bounds: vec![],
            conditions: vec![],
            kind: Kind::Exists(false),
            order: vec![],
            limit: None,
            offset: 0,
        };
        for _ in 0..count {
            let collection = if same { first } else { self.random.below(self.catalog.collections.len()) };
            sub.from.push((self.next_var, collection));
            self.scope.push((self.next_var, collection));
            self.next_var += 1;
        }
        if count > 1 && self.random.chance(75) {
            let vars: Vec<u32> = sub.from.iter().map(|(var, _)| *var).collect();
            sub.bounds.extend(vars.windows(2).map(|pair| (pair[0], pair[1])));
            if self.random.chance(20) {
                sub.bounds.iter_mut().for_each(|(a, b)| std::mem::swap(a, b));
            }
        } else if count > 1 {
            // Each object has to be named.
            for (var, _) in sub.from.clone() {
                let index = self.e(Node::Index(var));
                let at = self.literal(Want::Integer);
                sub.conditions.push(self.e(Node::Op(Op::Ge, index, at)));
            }
        }
        for _ in 0..[0, 1, 1, 2][self.random.below(4)] {
            sub.conditions.push(self.expr(Want::Bool, At::Loops, depth.min(2)));
        }
        sub
    }

    fn close(&mut self, sub: Sub) -> E {
        self.nesting -= 1;
        self.scope.truncate(self.scope.len() - sub.from.len());
        self.e(Node::Query(Box::new(sub)))
    }

    /// A field of an object in scope, or its place.
    pub(crate) fn object_leaf(&mut self, want: Want) -> E {
        let (var, collection) = *self.random.pick(&self.scope.clone());
        if matches!(want, Want::Integer | Want::Number) && self.random.chance(10) {
            return self.e(Node::Index(var));
        }
        match (self.field(collection, want), want) {
            (Some(field), _) => self.e(Node::Field(var, collection, field)),
            (None, Want::Integer) => self.e(Node::Index(var)),
            (None, Want::Bool) => {
                let value = self.e(Node::Index(var));
                self.e(Node::Is(value, Is::Null))
            }
            (None, _) => {
                let value = self.e(Node::Index(var));
                self.e(Node::Cast(false, value, Ty::F64))
            }
        }
    }

    /// An object with the fields that physics functions need.
    fn object(&mut self, also: &[&str]) -> Option<Object> {
        let catalog = self.catalog;
        let fit = |collection: usize| {
            catalog.collections[collection].has(&KINEMATICS) && catalog.collections[collection].has(also)
        };
        let vars: Vec<_> = self.scope.iter().copied().filter(|(_, collection)| fit(*collection)).collect();
        if vars.is_empty() {
            return None;
        }
        let (var, collection) = *self.random.pick(&vars);
        let others: Vec<usize> = (0..catalog.collections.len()).filter(|place| fit(*place)).collect();
        let other = *self.random.pick(&others);
        Some(match self.random.below(8) {
            0 => {
                let index = catalog.collections[collection].field("jetIdx");
                let index = match index {
                    Some(field) => self.e(Node::Field(var, collection, field)),
                    None => self.object_leaf(Want::Integer),
                };
                // Stored indices count in what is stored: elsewhere they are refused.
                let stored = others.into_iter().filter(|place| !catalog.collections[*place].is_derived());
                let stored: Vec<usize> = stored.collect();
                if stored.is_empty() {
                    return None;
                }
                Object::Deref(index, *self.random.pick(&stored))
            }
            1 => {
                let farthest = self.random.chance(50).then_some(1.5);
                Object::Nearest(Box::new(Object::Var(var, collection)), other, farthest)
            }
            _ => Object::Var(var, collection),
        })
    }

    /// What objects have and columns have not.
    pub(crate) fn object_expr(&mut self, want: Want, depth: usize) -> Option<E> {
        if self.nesting < 3 && self.random.chance(35) {
            return Some(self.subquery(want, depth.min(1)));
        }
        let node = match want {
            Want::Integer => match self.random.below(2) {
                0 => {
                    Node::Physics(Physics::Charge, vec![self.object(&["charge"])?, self.object(&["charge"])?])
                }
                _ => match self.object(&[])? {
                    Object::Var(var, _) => Node::Index(var),
                    object => Node::Physics(Physics::Index, vec![object]),
                },
            },
            Want::Number | Want::Float => match self.random.below(7) {
                0 => Node::Physics(Physics::DeltaR, vec![self.object(&[])?, self.object(&[])?]),
                1 => Node::Physics(Physics::DeltaPhi, vec![self.object(&[])?, self.object(&[])?]),
                2 => {
                    let function = *self.random.pick(&[Physics::DeltaEta, Physics::TransverseMass]);
                    Node::Physics(function, vec![self.object(&[])?, self.object(&[])?])
                }
                3 => Node::Physics(Physics::Mass, vec![self.object(&[])?, self.object(&[])?]),
                4 => {
                    let count = 1 + self.random.below(3);
                    let parts = (0..count).map(|_| self.object(&[])).collect::<Option<Vec<_>>>()?;
                    let field = *self.random.pick(&["pt", "eta", "phi", "mass", "px", "py", "pz", "energy"]);
                    Node::ObjectField(Object::Sum(parts), field, Ty::F64)
                }
                5 => {
                    let place = self.random.below(self.catalog.collections.len());
                    let field = self.field(place, want)?;
                    let list = self.e(Node::List(place, field));
                    Node::Subscript(list, self.object_leaf(Want::Integer))
                }
                _ => match self.object(&[])? {
                    Object::Var(var, collection) => {
                        Node::Field(var, collection, self.catalog.collections[collection].field("pt")?)
                    }
                    object => {
                        let (Object::Deref(_, place) | Object::Nearest(_, place, _)) = &object else {
                            return None;
                        };
                        let (name, ty) = (
                            "phi",
                            self.catalog.collections[*place].fields
                                [self.catalog.collections[*place].field("phi")?]
                            .1,
                        );
                        Node::ObjectField(object, name, ty)
                    }
                },
            },
            Want::Bool => return None,
        };
        Some(self.e(node))
    }

    /// One SELECT of a derived collection: all fields of the objects of `from`, and one of its own.
    pub(crate) fn rows(&mut self, from: usize, own: Option<&str>) -> Sub {
        let mut sub = self.open(2);
        self.scope.truncate(self.scope.len() - sub.from.len());
        sub.from = vec![(self.next_var, from)];
        self.next_var += 1;
        self.scope.extend(&sub.from);
        sub.bounds.clear();
        let count = self.random.below(3);
        sub.conditions = (0..count).map(|_| self.expr(Want::Bool, At::Loops, 2)).collect();
        if self.random.chance(60) {
            self.keys(&mut sub, 1);
            sub.limit = self.random.chance(30).then(|| 1 + self.random.below(3));
        }
        let items = own.map(|name| {
            let item = self.expr(Want::Float, At::Loops, 2);
            (name.to_owned(), item)
        });
        sub.kind = Kind::Rows(true, items.into_iter().collect());
        self.nesting -= 1;
        self.scope.clear();
        sub
    }

    /// A collection of pairs, with fields of its own only.
    pub(crate) fn pairs(&mut self, from: usize) -> Sub {
        let mut sub = self.rows(from, None);
        let vars = [self.next_var, self.next_var + 1];
        self.next_var += 2;
        sub.from = vars.map(|var| (var, from)).to_vec();
        sub.bounds = vec![(vars[0], vars[1])];
        self.nesting += 1;
        self.scope.extend(&sub.from);
        sub.conditions = vec![self.expr(Want::Bool, At::Loops, 1)];
        sub.order.clear();
        let items = [("pt", Want::Float), ("k", Want::Integer), ("x", Want::Float)];
        let items = items.map(|(name, want)| (name.to_owned(), self.expr(want, At::Loops, 1)));
        sub.kind = Kind::Rows(false, items.to_vec());
        self.nesting -= 1;
        self.scope.clear();
        sub
    }
}
