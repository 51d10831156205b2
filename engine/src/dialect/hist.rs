//! The named arguments of `hist`, `cutflow` and `nminusone`: `weight => w`, `weights => {…}`, `categories => {…}`.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned,
};

use ana_sql_ext::planner::named_argument;

use super::{faults, rewrite::fault};
use crate::error::Result;

const NAMES: [&str; 3] = ["weight", "weights", "categories"];

/// Puts the named arguments of a call where the function expects them: the weight or its variations behind the axes or
/// cuts, the categories last.
pub(super) fn name_to_place(expr: &mut Expr) -> Result<()> {
    let Expr::Function(call) = expr else { return Ok(()) };
    let function = call.name.to_string().to_lowercase();
    if !matches!(function.as_str(), "hist" | "cutflow" | "nminusone") {
        return Ok(());
    }
    let FunctionArguments::List(list) = &mut call.args else { return Ok(()) };
    let (mut weight, mut categories, mut others) = (None, None, vec![]);
    for argument in std::mem::take(&mut list.args) {
        let (name, value) = match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (name, value),
            FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (name, value),
            other => {
                others.push(other);
                continue;
            }
        };
        let place = match name.value.to_lowercase().as_str() {
            "weight" | "weights" => &mut weight,
            "categories" => &mut categories,
            _ => return Err(unknown(&function, &name)),
        };
        if place.is_some() {
            return Err(fault(name.span, format!("{function}: '{name}' is given twice"), vec![]));
        }
        let plural = name.value.ends_with('s');
        if plural && matches!(value, Expr::Value(_)) {
            let message =
                format!("{function}: {name} takes a value for each name: {name} => {{'a': …, 'b': …}}");
            return Err(fault(value.span(), message, vec![]));
        }
        let value = named_argument(&function, &name.value.to_lowercase(), value);
        *place = Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value)));
    }
    others.extend(weight.into_iter().chain(categories));
    list.args = others;
    Ok(())
}

fn unknown(function: &str, name: &Ident) -> crate::EngineError {
    let near = faults::nearest(&name.value, NAMES.into_iter(), 1);
    let help = match near.first() {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the names are {}", NAMES.join(", ")),
    };
    fault(name.span, format!("{function} has no argument named '{name}'"), vec![help])
}
