//! The event kernels of ADL queries 5 to 8, as the planner makes them.

use ana_kernels::ir::physics::{FourVector, delta_phi, delta_r};
use ana_kernels::ir::{
    Aggregate, AggregateFunction, BinaryOp, Collection, ColumnType, Const, Expr, Generator, Input, InputId,
    Kernel, OrderKey, Query, Reduction, Source, Type, UnaryOp, VarId,
};

fn input(name: &str, ty: ColumnType, source: Source) -> Input {
    Input { name: name.to_owned(), ty, source }
}

/// Fields of a collection: kinematics as floats, everything else as its type says.
fn fields(collection: usize, name: &str, fields: &[(&str, ColumnType)]) -> Vec<Input> {
    fields
        .iter()
        .map(|(field, ty)| input(&format!("{name}_{field}"), *ty, Source::List(collection)))
        .collect()
}

const F32: ColumnType = ColumnType::F32;
const KINEMATICS: [(&str, ColumnType); 4] = [("pt", F32), ("eta", F32), ("phi", F32), ("mass", F32)];
const CHARGE: (&str, ColumnType) = ("charge", ColumnType::I32);

fn plain(name: &str) -> Collection {
    Collection { name: name.to_owned(), parts: Vec::new() }
}

fn generator(var: VarId, name: &str, collection: usize, after: Option<VarId>) -> Generator {
    Generator { var, name: name.to_owned(), collection, after }
}

fn field(var: VarId, input: InputId) -> Expr {
    Expr::Field { var, input }
}

fn number(var: VarId, input: InputId) -> Expr {
    field(var, input).cast(Type::F64)
}

/// Of an object whose kinematic fields begin with this input.
fn p4(var: VarId, first: InputId) -> FourVector {
    let number = |at| number(var, first + at);
    FourVector::new(number(0), number(1), number(2), number(3))
}

fn nearest_first(value: Expr, target: f64) -> Vec<OrderKey> {
    let expr = value.binary(BinaryOp::Sub, target.into()).unary(UnaryOp::Abs);
    vec![OrderKey { expr, descending: false, nulls_first: false }]
}

/// Query 5: is there a muon pair of opposite charge in a mass window?
pub(crate) fn q5() -> Kernel {
    let mut inputs = fields(0, "Muon", &KINEMATICS);
    inputs.extend(fields(0, "Muon", &[CHARGE]));
    let mass = p4(0, 0).plus(p4(1, 0)).mass();
    let body = Query {
        generators: vec![generator(0, "a", 0, None), generator(1, "b", 0, Some(0))],
        predicate: vec![
            field(0, 4).binary(BinaryOp::Ne, field(1, 4)),
            mass.clone().binary(BinaryOp::Gt, 60.0.into()),
            mass.binary(BinaryOp::Lt, 120.0.into()),
        ],
        reduction: Reduction::Exists,
    };
    Kernel { inputs, collections: vec![plain("Muon")], body }
}

/// Query 6: the trijet with mass nearest to 172.5 GeV.
pub(crate) fn q6() -> Kernel {
    let mut inputs = fields(0, "Jet", &KINEMATICS);
    inputs.extend(fields(0, "Jet", &[("btagDeepFlavB", F32)]));
    let sum = p4(0, 0).plus(p4(1, 0)).plus(p4(2, 0));
    let btag = (1..3).fold(field(0, 4), |most, var| most.binary(BinaryOp::Greatest, field(var, 4)));
    let body = Query {
        generators: vec![
            generator(0, "a", 0, None),
            generator(1, "b", 0, Some(0)),
            generator(2, "c", 0, Some(1)),
        ],
        predicate: Vec::new(),
        reduction: Reduction::First {
            values: vec![sum.pt(), btag],
            order_by: nearest_first(sum.mass(), 172.5),
            offset: 0,
        },
    };
    Kernel { inputs, collections: vec![plain("Jet")], body }
}

/// All objects of a collection that pass a test, as a part of a derived one.
fn part(collection: usize, values: Vec<Expr>, predicate: Vec<Expr>) -> Query {
    Query {
        generators: vec![generator(9, "p", collection, None)],
        predicate,
        reduction: Reduction::List { values, order_by: Vec::new(), offset: 0, limit: None },
    }
}

fn derived(name: &str, collection: usize, value: usize, ty: ColumnType) -> Input {
    input(name, ty, Source::Derived { collection, value })
}

/// Query 7: transverse momentum of jets away from leptons.
pub(crate) fn q7() -> Kernel {
    let used = &KINEMATICS[..3];
    let mut inputs = fields(0, "Jet", used);
    inputs.extend(fields(1, "Muon", used));
    inputs.extend(fields(2, "Electron", used));
    inputs.extend([derived("Lepton_eta", 3, 0, F32), derived("Lepton_phi", 3, 1, F32)]);
    let lepton = |collection, first| {
        let hard = number(9, first).binary(BinaryOp::Gt, 10.0.into());
        part(collection, vec![field(9, first + 1), field(9, first + 2)], vec![hard])
    };
    let lepton = Collection { name: "Lepton".to_owned(), parts: vec![lepton(1, 3), lepton(2, 6)] };
    let near = Query {
        generators: vec![generator(1, "l", 3, None)],
        predicate: vec![
            delta_r(number(0, 1), number(0, 2), number(1, 9), number(1, 10)).binary(BinaryOp::Lt, 0.4.into()),
        ],
        reduction: Reduction::Exists,
    };
    let body = Query {
        generators: vec![generator(0, "j", 0, None)],
        predicate: vec![
            number(0, 0).binary(BinaryOp::Gt, 30.0.into()),
            Expr::Subquery { query: Box::new(near), output: 0 }.unary(UnaryOp::Not),
        ],
        reduction: Reduction::Aggregates(vec![Aggregate {
            function: AggregateFunction::Sum,
            value: Some(number(0, 0)),
            filter: None,
        }]),
    };
    Kernel { inputs, collections: vec![plain("Jet"), plain("Muon"), plain("Electron"), lepton], body }
}

/// Query 8: the hardest lepton outside the pair nearest to the Z mass, and its transverse mass.
pub(crate) fn q8() -> Kernel {
    let mut inputs = Vec::new();
    for (collection, name) in ["Electron", "Muon"].into_iter().enumerate() {
        inputs.extend(fields(collection, name, &KINEMATICS));
        inputs.extend(fields(collection, name, &[CHARGE]));
    }
    inputs.extend(["MET_pt", "MET_phi"].map(|name| input(name, F32, Source::Scalar)));
    let first = inputs.len();
    let columns =
        [("pt", F32), ("eta", F32), ("phi", F32), ("mass", F32), CHARGE, ("flavour", ColumnType::I64)];
    for (value, (name, ty)) in columns.into_iter().enumerate() {
        inputs.push(derived(&format!("Lepton_{name}"), 2, value, ty));
    }
    let lepton = |collection, flavour| {
        let values = (0..5).map(|at| field(9, 5 * collection + at)).chain([Const::I64(flavour).into()]);
        part(collection, values.collect(), Vec::new())
    };
    let lepton = Collection { name: "Lepton".to_owned(), parts: vec![lepton(0, 11), lepton(1, 13)] };
    let pair = Query {
        generators: vec![generator(1, "a", 2, None), generator(2, "b", 2, Some(1))],
        predicate: vec![
            field(1, first + 5).binary(BinaryOp::Eq, field(2, first + 5)),
            field(1, first + 4).binary(BinaryOp::Ne, field(2, first + 4)),
        ],
        reduction: Reduction::First {
            values: vec![Expr::Index(1), Expr::Index(2)],
            order_by: nearest_first(p4(1, first).plus(p4(2, first)).mass(), 91.2),
            offset: 0,
        },
    };
    let member = |output| {
        let place = Expr::Subquery { query: Box::new(pair.clone()), output };
        Expr::Index(0).binary(BinaryOp::Ne, place)
    };
    let met = |at| Expr::Scalar(first - 2 + at).cast(Type::F64);
    let angle = delta_phi(number(0, first + 2), met(1));
    let opening = Expr::from(1.0).binary(BinaryOp::Sub, angle.unary(UnaryOp::Cos));
    let product = Expr::from(2.0).binary(BinaryOp::Mul, number(0, first)).binary(BinaryOp::Mul, met(0));
    let body = Query {
        generators: vec![generator(0, "l", 2, None)],
        predicate: vec![member(0), member(1)],
        reduction: Reduction::First {
            values: vec![product.binary(BinaryOp::Mul, opening).unary(UnaryOp::Sqrt)],
            order_by: vec![OrderKey { expr: field(0, first), descending: true, nulls_first: false }],
            offset: 0,
        },
    };
    Kernel { inputs, collections: vec![plain("Electron"), plain("Muon"), lepton], body }
}
