//! The IR as data: checks, text there and back, and what EXPLAIN shows.

use super::physics::{FourVector, delta_r};
use super::*;

fn list(name: &str, ty: ColumnType, collection: CollectionId) -> Input {
    Input { name: name.to_owned(), ty, source: Source::List(collection) }
}

fn field(var: VarId, input: InputId) -> Expr {
    Expr::Field { var, input }
}

fn number(var: VarId, input: InputId) -> Expr {
    field(var, input).cast(Type::F64)
}

fn generator(var: VarId, name: &str, collection: CollectionId, after: Option<VarId>) -> Generator {
    Generator { var, name: name.to_owned(), collection, after }
}

fn jets() -> (Vec<Input>, Vec<Collection>) {
    let field = |name| list(name, ColumnType::F32, 0);
    let mut inputs: Vec<_> = ["Jet_pt", "Jet_eta", "Jet_phi", "Jet_mass", "Jet_btag"].map(field).into();
    inputs.extend(["Muon_pt", "Muon_eta", "Muon_phi"].map(|name| list(name, ColumnType::F32, 1)));
    inputs.push(Input { name: "MET \"x\" \\".to_owned(), ty: ColumnType::F32, source: Source::Scalar });
    let collection = |name: &str| Collection { name: name.to_owned(), parts: Vec::new() };
    (inputs, vec![collection("Jet"), collection("Muon")])
}

fn trijet() -> Kernel {
    let (inputs, collections) = jets();
    let p4 = |var| FourVector::new(number(var, 0), number(var, 1), number(var, 2), number(var, 3));
    let sum = p4(0).plus(p4(1)).plus(p4(2));
    let key = sum.mass().binary(BinaryOp::Sub, 172.5.into()).unary(UnaryOp::Abs);
    let btag = number(0, 4).binary(BinaryOp::Greatest, number(1, 4)).binary(BinaryOp::Greatest, number(2, 4));
    let body = Query {
        generators: vec![
            generator(0, "a", 0, None),
            generator(1, "b", 0, Some(0)),
            generator(2, "c", 0, Some(1)),
        ],
        predicate: Vec::new(),
        reduction: Reduction::First {
            values: vec![sum.pt(), btag],
            order_by: vec![OrderKey { expr: key, descending: false, nulls_first: false }],
            offset: 0,
        },
    };
    Kernel { inputs, collections, body }
}

fn clean_jets() -> Kernel {
    let (inputs, collections) = jets();
    let near = Query {
        generators: vec![generator(1, "m", 1, None)],
        predicate: vec![
            number(1, 5).binary(BinaryOp::Gt, 10.0.into()),
            delta_r(number(0, 1), number(0, 2), number(1, 6), number(1, 7)).binary(BinaryOp::Lt, 0.4.into()),
        ],
        reduction: Reduction::Exists,
    };
    let near = Expr::Subquery { query: Box::new(near), output: 0 };
    let body = Query {
        generators: vec![generator(0, "j", 0, None)],
        predicate: vec![number(0, 0).binary(BinaryOp::Gt, 30.0.into()), near.unary(UnaryOp::Not)],
        reduction: Reduction::List {
            values: vec![field(0, 0)],
            order_by: vec![OrderKey { expr: field(0, 0), descending: true, nulls_first: false }],
            offset: 1,
            limit: Some(7),
        },
    };
    Kernel { inputs, collections, body }
}

#[test]
fn text_there_and_back() {
    for kernel in [trijet(), clean_jets()] {
        let text = kernel.to_text();
        assert_eq!(Kernel::from_text(&text).unwrap(), kernel, "{text}");
        for cut in 0..text.len() {
            if let Some(part) = text.get(..cut) {
                assert!(Kernel::from_text(part).is_err(), "{part}");
            }
        }
        assert!(Kernel::from_text(&format!("{text} x")).is_err());
    }
}

#[test]
fn output_types() {
    let float = OutputType { ty: Type::F64, list: false, nullable: true };
    assert_eq!(trijet().check().unwrap(), [float, float]);
    let list = OutputType { ty: Type::F32, list: true, nullable: true };
    assert_eq!(clean_jets().check().unwrap(), [list]);
}

#[test]
fn faults_are_named() {
    fn wrong(change: impl FnOnce(&mut Kernel)) -> IrError {
        let mut kernel = clean_jets();
        change(&mut kernel);
        kernel.check().unwrap_err()
    }
    assert_eq!(
        wrong(|k| k.body.predicate.push(field(9, 0))),
        IrError::WrongType { what: "WHERE".into(), found: Type::F32 }
    );
    let is_null = |expr: Expr| expr.unary(UnaryOp::IsNull);
    assert_eq!(wrong(|k| k.body.predicate.push(is_null(field(9, 0)))), IrError::Unbound(9));
    assert_eq!(wrong(|k| k.body.predicate.push(is_null(field(0, 99)))), IrError::NoInput(99));
    assert!(matches!(wrong(|k| k.body.predicate.push(is_null(field(0, 5)))), IrError::Misused { .. }));
    assert!(matches!(wrong(|k| k.body.predicate.push(is_null(Expr::Scalar(0)))), IrError::Misused { .. }));
    assert_eq!(wrong(|k| k.body.generators.push(generator(0, "k", 0, None))), IrError::Rebound(0));
    let bad_bound = IrError::BadBound { var: 5, after: 0 };
    assert_eq!(wrong(|k| k.body.generators.push(generator(5, "k", 1, Some(0)))), bad_bound);
    let mixed = field(0, 0).binary(BinaryOp::Lt, 1.0.into());
    assert!(matches!(mixed.ty(&clean_jets().inputs), Err(IrError::Mixed { .. })));
}

#[test]
fn deep_nesting_is_refused_not_fatal() {
    let mut expr = Expr::from(1.0);
    for _ in 0..2 * MAX_DEPTH {
        expr = expr.unary(UnaryOp::Neg);
    }
    assert_eq!(expr.ty(&[]), Err(IrError::TooDeep));
    let text = format!("(kernel-1 (query (where {}", "(not ".repeat(100_000));
    assert_eq!(Kernel::from_text(&text), Err(IrError::TooDeep));
}

#[test]
fn explain_shows_where_work_is_done() {
    let text = clean_jets().to_string();
    let want = "\
for j in Jet:
  where f64(j.pt) > 30
  v1 = output 0 of:
    for m in Muon:
      where f64(m.pt) > 10
      v2 = f64(j.eta) - f64(m.eta)
      v3 = wrap_phi(f64(j.phi) - f64(m.phi))
      where sqrt(v2 * v2 + v3 * v3) < 0.4
      return true at the first; else false
  where not v1
  append j.pt by j.pt desc, skipping 1, at most 7";
    assert_eq!(text, want);
    let text = trijet().to_string();
    assert!(text.starts_with("for a in Jet:\n  v1 = f64(a.pt) * cos(f64(a.phi))\n"), "{text}");
    assert!(text.contains("    for c in Jet after b:\n"), "{text}");
    assert!(text.ends_with("return sqrt(v17 + v19), greatest(v21, f64(c.btag))"), "{text}");
}
