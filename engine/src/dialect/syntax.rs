//! The grammar: DataFusion's generic SQL, plus lambdas (`x -> x > 30`).

use std::any::TypeId;

use datafusion::sql::sqlparser::{
    ast::{BinaryOperator, Expr},
    dialect::{Dialect, GenericDialect, Precedence},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::Token,
};

/// sqlparser ties lambdas to a few vendors' dialects and `FROM UNNEST(…)` to others; analyses want both,
/// so this dialect answers as the generic one with lambdas switched on.
#[derive(Debug, Default)]
pub struct AnaDialect(GenericDialect);

/// Methods whose answer is the generic dialect's.
macro_rules! as_generic {
    ($($method:ident),* $(,)?) => { $(fn $method(&self) -> bool { self.0.$method() })* };
}

impl Dialect for AnaDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.0.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.0.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.0.is_identifier_part(ch)
    }

    /// `:` binds weakest: it ends a subscript's bound, so that `Jet.pt[Jet.pt > 30]` needs no parentheses.
    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Colon => 1,
            other => self.0.prec_value(other),
        }
    }

    /// `AND any(…)` and `OR all(…)`: the functions. The parser takes the words after any operator for SQL's
    /// `= ANY (…)`, which these operators do not have.
    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let keyword = |token: &Token| match token {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        let op = match keyword(&parser.peek_nth_token_ref(0).token) {
            Keyword::AND => BinaryOperator::And,
            Keyword::OR => BinaryOperator::Or,
            _ => return None,
        };
        let quantifier = keyword(&parser.peek_nth_token_ref(1).token);
        let called = parser.peek_nth_token_ref(2).token == Token::LParen;
        if !called || !matches!(quantifier, Keyword::ANY | Keyword::ALL) {
            return None;
        }
        parser.advance_token();
        let right = parser.parse_subexpr(precedence);
        Some(right.map(|right| Expr::BinaryOp { left: Box::new(left.clone()), op, right: Box::new(right) }))
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    as_generic!(
        supports_unicode_string_literal,
        supports_group_by_expr,
        supports_group_by_with_modifier,
        supports_left_associative_joins_without_parens,
        supports_window_function_null_treatment_arg,
        supports_dictionary_syntax,
        supports_window_clause_named_window_reference,
        supports_parenthesized_set_variables,
        supports_select_wildcard_except,
        support_map_literal_syntax,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_extract_comma_syntax,
        supports_parens_around_table_factor,
        supports_values_as_table_factor,
        supports_explain_with_utility_options,
        supports_limit_comma,
        supports_from_first_select,
        supports_projection_trailing_commas,
        supports_try_convert,
        supports_bitwise_shift_operators,
        supports_named_fn_args_with_assignment_operator,
        supports_struct_literal,
        supports_nested_comments,
        supports_string_escape_constant,
        supports_array_typedef_with_brackets,
        supports_filter_during_aggregation,
        supports_select_wildcard_exclude,
        supports_select_wildcard_replace,
        supports_select_wildcard_rename,
    );
}
