//! Expressions and subqueries as SQL.

use super::{
    catalog::Catalog,
    syntax::{Call, E, Fun, Is, Kind, ListFun, Node, Object, Physics, Sub},
    value::{Ty, V},
};

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join(", ")
}

fn literal(value: V) -> String {
    match value {
        V::Null => "NULL".to_owned(),
        V::B(value) => value.to_string(),
        V::I(value) if value < 0 => format!("({value})"),
        V::I(value) => value.to_string(),
        V::F(value, _) if value < 0.0 => format!("({value:?})"),
        V::F(value, _) => format!("{value:?}"),
    }
}

fn name(ty: Ty) -> &'static str {
    match ty {
        Ty::Bool => "BOOLEAN",
        Ty::I32 => "INT",
        Ty::I64 => "BIGINT",
        Ty::F32 => "REAL",
        Ty::F64 => "DOUBLE",
    }
}

impl Is {
    fn sql(self) -> &'static str {
        match self {
            Self::Null => "IS NULL",
            Self::NotNull => "IS NOT NULL",
            Self::True => "IS TRUE",
            Self::NotTrue => "IS NOT TRUE",
            Self::False => "IS FALSE",
            Self::NotFalse => "IS NOT FALSE",
        }
    }
}

impl Fun {
    fn sql(self) -> String {
        match self {
            Self::DeltaPhi => "delta_phi".to_owned(),
            Self::DeltaR => "delta_r".to_owned(),
            Self::TransverseMass => "transverse_mass".to_owned(),
            Self::RoundAt => "round".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        }
    }
}

impl ListFun {
    fn sql(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "list_all",
            Self::ArgMin => "argmin",
            Self::ArgMax => "argmax",
            Self::ArgSort(_) => "argsort",
            Self::Take => "take",
            Self::Ht => "ht",
            Self::NObj => "n_obj",
            Self::NObjMin => "n_obj_min",
            Self::NObjEq => "n_obj_eq",
            Self::NObjLess => "n_obj_less",
            Self::Leading => "leading",
        }
    }
}

pub(crate) struct Sql<'a> {
    pub(crate) catalog: &'a Catalog,
    /// The aggregate calls of the SELECT list that is written.
    pub(crate) calls: Vec<String>,
}

impl Sql<'_> {
    pub(crate) fn expr(&self, expr: &E) -> String {
        let sql = |part: &E| self.expr(part);
        let all = |parts: &[E]| joined(parts.iter().map(sql));
        let field =
            |collection: usize, field: usize| self.catalog.collections[collection].fields[field].0.clone();
        let collection = |place: usize| self.catalog.collections[place].name.clone();
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match expr.node.as_ref() {
            Node::Lit(value, _) => literal(*value),
            Node::Scalar(column) => self.catalog.scalars[*column].0.to_owned(),
            Node::List(place, at) => format!("{}.{}", collection(*place), field(*place, *at)),
            Node::Counter(place) => format!("n{}", collection(*place)),
            Node::Field(var, place, at) => format!("o{var}.{}", field(*place, *at)),
            Node::Index(var) => format!("idx(o{var})"),
            Node::Aggregate(call, _) => self.calls[*call].clone(),
            Node::Negative(part) => format!("(- {})", sql(part)),
            Node::Not(part) => format!("(NOT {})", sql(part)),
            Node::Is(part, is) => format!("({} {})", sql(part), is.sql()),
            // After a comparison the bare word would be SQL's `= ANY (…)`.
            Node::Op(op, a, b) if sql(b).starts_with("any(") => {
                format!("({} {} ({}))", sql(a), op.sql(), sql(b))
            }
            Node::Op(op, a, b) => format!("({} {} {})", sql(a), op.sql(), sql(b)),
            Node::Between(negated, a, low, high) => {
                format!("({} {}BETWEEN {} AND {})", sql(a), not(*negated), sql(low), sql(high))
            }
            Node::In(negated, a, members) => format!("({} {}IN ({}))", sql(a), not(*negated), all(members)),
            Node::Case(operand, branches, otherwise) => {
                let operand = operand.iter().map(|e| format!("{} ", sql(e))).collect::<String>();
                let branches = branches.iter().map(|(c, v)| format!("WHEN {} THEN {} ", sql(c), sql(v)));
                let otherwise = otherwise.iter().map(|e| format!("ELSE {} ", sql(e))).collect::<String>();
                format!("CASE {operand}{}{otherwise}END", branches.collect::<String>())
            }
            Node::Cast(safe, part, ty) => {
                format!("{}CAST({} AS {})", if *safe { "TRY_" } else { "" }, sql(part), name(*ty))
            }
            Node::Call(fun, parts) => format!("{}({})", fun.sql(), all(parts)),
            // In brackets, for a literal 0 is refused as a mistake.
            Node::Subscript(list, at) => format!("{}[({})]", sql(list), sql(at)),
            Node::Mask(list, at) => format!("{}[{}]", sql(list), sql(at)),
            Node::ListCall(ListFun::ArgSort(true), parts) => format!("argsort({}, 'desc')", all(parts)),
            Node::ListCall(fun, parts) => format!("{}({})", fun.sql(), all(parts)),
            Node::Physics(function, objects) => {
                let name = match function {
                    Physics::Mass => "mass",
                    Physics::DeltaR => "delta_r",
                    Physics::DeltaPhi => "delta_phi",
                    Physics::DeltaEta => "delta_eta",
                    Physics::TransverseMass => "transverse_mass",
                    Physics::Charge => "charge",
                    Physics::Index => "idx",
                };
                format!("{name}({})", joined(objects.iter().map(|object| self.object(object))))
            }
            Node::ObjectField(object, field, _) => format!("{}.{field}", self.object(object)),
            Node::Query(sub) => self.query(sub),
        }
    }

    fn object(&self, object: &Object) -> String {
        let collection = |place: &usize| &self.catalog.collections[*place].name;
        match object {
            Object::Var(var, _) => format!("o{var}"),
            Object::Deref(index, place) => format!("deref({}, {})", self.expr(index), collection(place)),
            Object::Nearest(of, place, None) => {
                format!("nearest({}, {})", self.object(of), collection(place))
            }
            Object::Nearest(of, place, Some(max)) => {
                format!("nearest({}, {}, {max:?})", self.object(of), collection(place))
            }
            Object::Sum(parts) => format!("p4({})", joined(parts.iter().map(|part| self.object(part)))),
        }
    }

    fn call(&self, call: &Call) -> String {
        let value = call.value.as_ref().map_or_else(|| "*".to_owned(), |value| self.expr(value));
        let filter = call.filter.iter().map(|filter| format!(" FILTER (WHERE {})", self.expr(filter)));
        format!("{}({value}){}", call.name, filter.collect::<String>())
    }

    fn query(&self, sub: &Sub) -> String {
        match &sub.kind {
            Kind::Aggregates(calls, item) => {
                let inner =
                    Sql { catalog: self.catalog, calls: calls.iter().map(|call| self.call(call)).collect() };
                format!("(SELECT {}{})", inner.expr(item), self.rest(sub))
            }
            Kind::First(item) => format!("(SELECT {}{})", self.expr(item), self.rest(sub)),
            Kind::Array(item) => format!("ARRAY(SELECT {}{})", self.expr(item), self.rest(sub)),
            Kind::Exists(negated) => {
                format!("({}EXISTS (SELECT 1{}))", if *negated { "NOT " } else { "" }, self.rest(sub))
            }
            Kind::Member(negated, value, member) => {
                let not = if *negated { "NOT " } else { "" };
                format!("({} {not}IN (SELECT {}{}))", self.expr(value), self.expr(member), self.rest(sub))
            }
            Kind::Rows(..) => self.rows(sub),
        }
    }

    /// The collection that a SELECT gives as it is.
    pub(crate) fn whole(&self, sub: &Sub) -> Option<&str> {
        let plain = matches!(&sub.kind, Kind::Rows(true, items) if items.is_empty());
        let [(_, place)] = sub.from.as_slice() else { return None };
        let all = sub.conditions.is_empty() && sub.order.is_empty() && sub.limit.is_none() && sub.offset == 0;
        (plain && all).then(|| self.catalog.collections[*place].name.as_str())
    }

    /// A SELECT of a derived collection.
    pub(crate) fn rows(&self, sub: &Sub) -> String {
        let Kind::Rows(star, items) = &sub.kind else { panic!("not of rows") };
        let items = items.iter().map(|(name, item)| format!("{} AS {name}", self.expr(item)));
        let star = star.then(|| "*".to_owned());
        format!("SELECT {}{}", joined(star.into_iter().chain(items)), self.rest(sub))
    }

    fn rest(&self, sub: &Sub) -> String {
        let collection = |place: &usize| &self.catalog.collections[*place].name;
        let bounds = sub.bounds.iter().map(|(a, b)| {
            if (a + b) % 3 == 0 { format!("idx(o{b}) > idx(o{a})") } else { format!("idx(o{a}) < idx(o{b})") }
        });
        let mut conditions: Vec<String> =
            bounds.chain(sub.conditions.iter().map(|condition| self.expr(condition))).collect();
        let from: Vec<String> =
            sub.from.iter().map(|(var, place)| format!("{} o{var}", collection(place))).collect();
        // Two ways of writing the same.
        let mut sql = match from.as_slice() {
            [a, b] if !conditions.is_empty() && sub.from[0].0.is_multiple_of(3) => {
                format!(" FROM {a} JOIN {b} ON {}", conditions.remove(0))
            }
            _ => format!(" FROM {}", from.join(", ")),
        };
        if !conditions.is_empty() {
            sql += &format!(" WHERE {}", conditions.join(" AND "));
        }
        let keys = sub.order.iter().map(|key| {
            let direction = if key.descending { " DESC" } else { "" };
            let nulls = match key.nulls_first {
                None => "",
                Some(true) => " NULLS FIRST",
                Some(false) => " NULLS LAST",
            };
            format!("{}{direction}{nulls}", self.expr(&key.expr))
        });
        let keys = joined(keys);
        if !keys.is_empty() {
            sql += &format!(" ORDER BY {keys}");
        }
        sql += &sub.limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
        if sub.offset > 0 {
            sql += &format!(" OFFSET {}", sub.offset);
        }
        sql
    }
}
