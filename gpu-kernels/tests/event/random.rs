//! Random kernels and random events.

use ana_kernels::ir::{
    Aggregate, AggregateFunction, BinaryOp, Collection, CollectionId, ColumnType, Const, Expr, Generator,
    Input, Kernel, OrderKey, Query, Reduction, Source, Type, UnaryOp, VarId,
};

use crate::naive::{Column, Event, V, Value};

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const SCALARS: [ColumnType; 6] =
    [ColumnType::F32, ColumnType::F64, ColumnType::I32, ColumnType::Bool, ColumnType::U8, ColumnType::I64];
const FIRST: [ColumnType; 8] = [
    ColumnType::F32,
    ColumnType::F32,
    ColumnType::F64,
    ColumnType::I32,
    ColumnType::Bool,
    ColumnType::U16,
    ColumnType::U64,
    ColumnType::I64,
];
const SECOND: [ColumnType; 5] =
    [ColumnType::F32, ColumnType::F64, ColumnType::I8, ColumnType::Bool, ColumnType::I16];
const DERIVED: [ColumnType; 3] = [ColumnType::F64, ColumnType::I32, ColumnType::Bool];

fn input(name: String, ty: ColumnType, source: Source) -> Input {
    Input { name, ty, source }
}

pub(crate) fn kernel(random: &mut Random) -> Kernel {
    let mut inputs = Vec::new();
    inputs.extend(SCALARS.iter().enumerate().map(|(at, ty)| input(format!("s{at}"), *ty, Source::Scalar)));
    inputs.extend(FIRST.iter().enumerate().map(|(at, ty)| input(format!("A_{at}"), *ty, Source::List(0))));
    inputs.extend(SECOND.iter().enumerate().map(|(at, ty)| input(format!("B_{at}"), *ty, Source::List(1))));
    let mut collections =
        ["A", "B"].map(|name| Collection { name: name.to_owned(), parts: Vec::new() }).to_vec();
    let mut maker = Maker { random, inputs, collections: 2, next: 0 };
    if maker.random.chance(25) {
        let parts = (0..1 + maker.random.below(2))
            .map(|_| maker.list(&DERIVED.map(ColumnType::value_type), 2))
            .collect();
        collections.push(Collection { name: "C".to_owned(), parts });
        let derived = |(value, ty): (usize, &ColumnType)| {
            input(format!("C_{value}"), *ty, Source::Derived { collection: 2, value })
        };
        maker.inputs.extend(DERIVED.iter().enumerate().map(derived));
        maker.collections = 3;
    }
    let body = match maker.random.below(4) {
        0 => {
            let types = [maker.ty(), maker.ty()];
            maker.list(&types, 3)
        }
        _ => {
            let ty = maker.ty();
            maker.query(ty, &mut Vec::new(), 3, true).0
        }
    };
    Kernel { inputs: maker.inputs, collections, body }
}

type Scope = Vec<(VarId, CollectionId)>;

struct Maker<'r> {
    random: &'r mut Random,
    inputs: Vec<Input>,
    collections: usize,
    next: VarId,
}

impl Maker<'_> {
    fn ty(&mut self) -> Type {
        self.random.pick(&[
            Type::Bool,
            Type::I32,
            Type::I64,
            Type::U32,
            Type::U64,
            Type::F32,
            Type::F64,
            Type::F64,
        ])
    }

    fn generators(&mut self, scope: &mut Scope, most: usize) -> Vec<Generator> {
        let mut generators: Vec<Generator> = Vec::new();
        let count = self.random.pick(&[0, 1, 1, 1, 1, 2, 2, 2, 3]).min(most);
        for _ in 0..count {
            let mut collection = self.random.below(self.collections);
            let mut after = None;
            if let Some(last) = generators.last().filter(|_| self.random.chance(60)) {
                (collection, after) = (last.collection, Some(last.var));
            }
            let var = self.next;
            self.next += 1;
            scope.push((var, collection));
            generators.push(Generator { var, name: format!("v{var}"), collection, after });
        }
        generators
    }

    fn predicate(&mut self, scope: &Scope, generators: &[Generator], depth: usize) -> Vec<Expr> {
        let mut predicate: Vec<Expr> = Vec::new();
        let conjuncts = self.random.pick(&[0, 1, 1, 2, 3]);
        for _ in 0..conjuncts {
            predicate.push(self.expr(Type::Bool, scope, depth));
        }
        // The same condition on several variables, as selections of combinations have it.
        if let (true, Some(first)) = (self.random.chance(30), generators.first()) {
            let fields = self.fields(first.collection, |ty| ty.value_type() == Type::F32);
            if !fields.is_empty() {
                let (input, limit) = (self.random.pick(&fields), Const::f32(self.random.below(4) as f32));
                for generator in generators.iter().filter(|other| other.collection == first.collection) {
                    let field = Expr::Field { var: generator.var, input };
                    predicate.push(field.binary(BinaryOp::Gt, limit.into()));
                }
            }
        }
        predicate
    }

    fn order(&mut self, scope: &Scope, depth: usize) -> Vec<OrderKey> {
        let keys = self.random.pick(&[0, 1, 1, 1, 2]);
        let mut order = Vec::new();
        for _ in 0..keys {
            let ty = self.ty();
            let (descending, nulls_first) = (self.random.chance(30), self.random.chance(50));
            order.push(OrderKey { expr: self.expr(ty, scope, depth), descending, nulls_first });
        }
        order
    }

    fn list(&mut self, types: &[Type], depth: usize) -> Query {
        let mut scope = Vec::new();
        let generators = self.generators(&mut scope, 2);
        let predicate = self.predicate(&scope, &generators, depth - 1);
        let order_by = self.order(&scope, depth - 1);
        let values = types.iter().map(|ty| self.expr(*ty, &scope, depth - 1)).collect();
        let (offset, limit) =
            (self.random.pick(&[0, 0, 0, 1, 3]), self.random.pick(&[None, None, Some(0), Some(1), Some(4)]));
        Query { generators, predicate, reduction: Reduction::List { values, order_by, offset, limit } }
    }

    /// A query with an output of the type; the number of the output.
    fn query(&mut self, ty: Type, scope: &mut Scope, depth: usize, outer: bool) -> (Query, usize) {
        let outside = scope.len();
        let generators = self.generators(scope, if outer { 3 } else { 2 });
        let predicate = self.predicate(scope, &generators, depth - 1);
        let (reduction, output) = self.reduction(ty, scope, depth - 1);
        scope.truncate(outside);
        (Query { generators, predicate, reduction }, output)
    }

    fn reduction(&mut self, ty: Type, scope: &Scope, depth: usize) -> (Reduction, usize) {
        use AggregateFunction as F;
        if ty == Type::Bool && self.random.chance(50) {
            return (Reduction::Exists, 0);
        }
        let function = match ty {
            Type::Bool => self.random.pick(&[F::BoolAnd, F::BoolOr]),
            Type::I64 => self.random.pick(&[F::Count, F::Sum, F::Min, F::Max]),
            Type::U64 => self.random.pick(&[F::Sum, F::Min, F::Max]),
            Type::F64 => self.random.pick(&[F::Sum, F::Min, F::Max, F::Avg]),
            _ => self.random.pick(&[F::Min, F::Max]),
        };
        if self.random.chance(50) {
            let filter = self.random.chance(25).then(|| self.expr(Type::Bool, scope, depth));
            let star = function == F::Count && self.random.chance(50);
            let value = (!star).then(|| self.expr(ty, scope, depth));
            let mut aggregates = vec![Aggregate { function, value, filter }];
            if self.random.chance(30) {
                aggregates.insert(0, Aggregate { function: F::Count, value: None, filter: None });
            }
            let output = aggregates.len() - 1;
            return (Reduction::Aggregates(aggregates), output);
        }
        let order_by = self.order(scope, depth);
        let other = self.ty();
        let values = vec![self.expr(other, scope, depth), self.expr(ty, scope, depth)];
        let offset = self.random.pick(&[0, 0, 0, 0, 1, 2]);
        (Reduction::First { values, order_by, offset }, 1)
    }

    fn fields(&self, collection: CollectionId, fits: impl Fn(ColumnType) -> bool) -> Vec<usize> {
        let own = |(_, input): &(usize, &Input)| input.collection() == Some(collection) && fits(input.ty);
        self.inputs.iter().enumerate().filter(own).map(|(at, _)| at).collect()
    }

    fn leaf(&mut self, ty: Type, scope: &Scope) -> Expr {
        for _ in 0..4 {
            match self.random.below(8) {
                0..=4 if !scope.is_empty() => {
                    let (var, collection) = scope[scope.len() - 1 - self.random.below(scope.len().min(3))];
                    let fields = self.fields(collection, |column| column.value_type() == ty);
                    if !fields.is_empty() {
                        return Expr::Field { var, input: self.random.pick(&fields) };
                    }
                    if ty == Type::I64 {
                        return Expr::Index(var);
                    }
                }
                5 | 6 => {
                    let fits = |(_, input): &(usize, &Input)| {
                        input.source == Source::Scalar && input.ty.value_type() == ty
                    };
                    let scalars: Vec<_> =
                        self.inputs.iter().enumerate().filter(fits).map(|(at, _)| at).collect();
                    if !scalars.is_empty() {
                        return Expr::Scalar(self.random.pick(&scalars));
                    }
                    if ty == Type::I64 {
                        return Expr::Length(self.random.below(self.collections));
                    }
                }
                _ => break,
            }
        }
        match value(self.random, ty) {
            _ if self.random.chance(5) => Const::Null(ty).into(),
            V::Bool(value) => Const::Bool(value).into(),
            V::I32(value) => Const::I32(value).into(),
            V::I64(value) => Const::I64(value).into(),
            V::U32(value) => Const::U32(value).into(),
            V::U64(value) => Const::U64(value).into(),
            V::F32(value) => Const::f32(value).into(),
            V::F64(value) => Const::f64(value).into(),
        }
    }

    fn expr(&mut self, ty: Type, scope: &Scope, depth: usize) -> Expr {
        if depth == 0 || self.random.chance(25) {
            return self.leaf(ty, scope);
        }
        let less = depth - 1;
        match self.random.below(20) {
            0 => {
                let branches = 1 + self.random.below(2);
                let branches = (0..branches)
                    .map(|_| (self.expr(Type::Bool, scope, less), self.expr(ty, scope, less)))
                    .collect();
                let otherwise = self.random.chance(60).then(|| Box::new(self.expr(ty, scope, less)));
                Expr::Case { branches, otherwise }
            }
            1 | 2 => {
                let from = self.ty();
                self.expr(from, scope, less).cast(ty)
            }
            3 => {
                let collection = self.random.below(self.collections);
                let fields = self.fields(collection, |column| column.value_type() == ty);
                if fields.is_empty() {
                    return self.leaf(ty, scope);
                }
                let index = self.random.pick(&[Type::I32, Type::I64, Type::U32, Type::U64]);
                let index = Box::new(self.expr(index, scope, less.min(1)));
                Expr::Element { input: self.random.pick(&fields), index }
            }
            4..=6 if depth >= 2 => {
                let (query, output) = self.query(ty, &mut scope.clone(), depth, false);
                Expr::Subquery { query: Box::new(query), output }
            }
            _ => self.operator(ty, scope, less),
        }
    }

    fn operator(&mut self, ty: Type, scope: &Scope, less: usize) -> Expr {
        use {BinaryOp as B, UnaryOp as U};
        let unary = |maker: &mut Self, op, ty| maker.expr(ty, scope, less).unary(op);
        let binary =
            |maker: &mut Self, op, ty| maker.expr(ty, scope, less).binary(op, maker.expr(ty, scope, less));
        let arithmetic = [B::Add, B::Sub, B::Mul, B::Div, B::Rem, B::Least, B::Greatest];
        match ty {
            Type::Bool => match self.random.below(10) {
                0 => unary(self, U::Not, Type::Bool),
                1 => {
                    let of = self.ty();
                    unary(self, U::IsNull, of)
                }
                2 => unary(self, U::IsNan, Type::F64),
                3 => Expr::And((0..self.random.below(4)).map(|_| self.expr(ty, scope, less)).collect()),
                4 => Expr::Or((0..self.random.below(4)).map(|_| self.expr(ty, scope, less)).collect()),
                5 => {
                    let op = self.random.pick(&[B::Eq, B::Ne]);
                    binary(self, op, Type::Bool)
                }
                _ => {
                    let op = self.random.pick(&[B::Eq, B::Ne, B::Lt, B::Le, B::Gt, B::Ge]);
                    let of =
                        self.random.pick(&[Type::I32, Type::I64, Type::U32, Type::U64, Type::F32, Type::F64]);
                    binary(self, op, of)
                }
            },
            Type::F64 | Type::F32 => match self.random.below(10) {
                0..=5 => {
                    let op = self.random.pick(&arithmetic);
                    binary(self, op, ty)
                }
                6 if ty == Type::F64 => {
                    let op = self.random.pick(&[B::Pow, B::Atan2, B::Hypot]);
                    binary(self, op, ty)
                }
                7 | 8 if ty == Type::F64 => {
                    let op = self.random.pick(&[
                        U::Cbrt,
                        U::Exp,
                        U::Exp2,
                        U::ExpM1,
                        U::Ln,
                        U::Log2,
                        U::Log10,
                        U::Ln1p,
                        U::Sin,
                        U::Cos,
                        U::Tan,
                        U::Asin,
                        U::Acos,
                        U::Atan,
                        U::Sinh,
                        U::Cosh,
                        U::Tanh,
                        U::Asinh,
                        U::Acosh,
                        U::Atanh,
                        U::WrapPhi,
                    ]);
                    unary(self, op, ty)
                }
                _ => {
                    let op = self.random.pick(&[
                        U::Neg,
                        U::Abs,
                        U::Sign,
                        U::Sqrt,
                        U::Floor,
                        U::Ceil,
                        U::Round,
                        U::Trunc,
                    ]);
                    unary(self, op, ty)
                }
            },
            _ => match self.random.below(4) {
                0 | 1 => {
                    let op = self.random.pick(&arithmetic);
                    binary(self, op, ty)
                }
                2 => {
                    let op = self.random.pick(&[B::BitAnd, B::BitOr, B::BitXor, B::Shl, B::Shr]);
                    binary(self, op, ty)
                }
                _ => {
                    let op = self.random.pick(&[U::Neg, U::Abs, U::Sign, U::BitNot]);
                    unary(self, op, ty)
                }
            },
        }
    }
}

/// Mostly small values, so that comparisons go both ways and keys tie; sometimes extreme ones.
fn value(random: &mut Random, ty: Type) -> V {
    let extreme = random.chance(6);
    let float = |random: &mut Random| -> f64 {
        match random.below(4) {
            0 => random.below(5) as f64,
            1 => random.below(400) as f64 / 100.0 - 2.0,
            2 => (random.next() >> 11) as f64 * (0.5f64).powi(53) * 200.0,
            _ => (random.next() >> 11) as f64 * (0.5f64).powi(53) * 6.4 - 3.2,
        }
    };
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        1e300,
        -1e-310,
        1e22,
        12345678.9,
        4e9,
        -1e10,
        710.0,
    ];
    match ty {
        Type::Bool => V::Bool(random.chance(50)),
        Type::F64 if extreme => V::F64(random.pick(&odd)),
        Type::F32 if extreme => V::F32(random.pick(&[
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            -0.0,
            f32::MAX,
            1e-45,
            -1e-40,
            16777217.0,
        ])),
        Type::F64 => V::F64(float(random)),
        Type::F32 => V::F32(float(random) as f32),
        Type::I32 if extreme => V::I32(random.pick(&[i32::MIN, i32::MAX, -1, 65536])),
        Type::I64 if extreme => {
            V::I64(random.pick(&[i64::MIN, i64::MAX, -1, 1 << 53, (1 << 53) + 1, i64::MAX - 511]))
        }
        Type::U32 if extreme => V::U32(random.pick(&[u32::MAX, 1 << 31, 65536])),
        Type::U64 if extreme => V::U64(random.pick(&[u64::MAX, 1 << 63, (1 << 63) + 1025, u64::MAX - 1])),
        Type::I32 => V::I32(random.below(7) as i32 - 2),
        Type::I64 => V::I64(random.below(7) as i64 - 2),
        Type::U32 => V::U32(random.below(6) as u32),
        Type::U64 => V::U64(random.below(6) as u64),
    }
}

fn column_value(random: &mut Random, ty: ColumnType, nulls: usize) -> Value {
    if random.chance(nulls) {
        return None;
    }
    let value = value(random, ty.value_type());
    Some(match (ty, value) {
        (ColumnType::I8, V::I32(value)) => V::I32(value.clamp(-128, 127)),
        (ColumnType::I16, V::I32(value)) => V::I32(value.clamp(-32768, 32767)),
        (ColumnType::U8, V::U32(value)) => V::U32(value.min(255)),
        (ColumnType::U16, V::U32(value)) => V::U32(value.min(65535)),
        _ => value,
    })
}

pub(crate) fn events(random: &mut Random, kernel: &Kernel, count: usize) -> Vec<Event> {
    // Whole columns without NULLs, as ROOT has them, or with some.
    let nulls: Vec<usize> = kernel.columns().map(|_| random.pick(&[0, 0, 0, 10, 40])).collect();
    let most = random.pick(&[3, 5, 8]);
    let mut events = Vec::new();
    for _ in 0..count {
        let lengths: Vec<usize> =
            (0..2).map(|_| if random.chance(20) { 0 } else { random.below(most + 1) }).collect();
        let mut event = Vec::new();
        for ((_, input), nulls) in kernel.columns().zip(&nulls) {
            event.push(match input.source {
                Source::List(collection) => Column::List(
                    (0..lengths[collection]).map(|_| column_value(random, input.ty, *nulls)).collect(),
                ),
                _ => Column::Scalar(column_value(random, input.ty, *nulls)),
            });
        }
        events.push(event);
    }
    events
}
