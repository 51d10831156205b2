// Reductions over combinations of which some are only possible: 0 is not there, 1 may be, 2 is there.

fn filtered(here: u32, condition: u32) -> u32 {
    if (condition & TRUE) == 0u {
        return 0u;
    }
    return select(min(here, 1u), here, condition == TRUE);
}

fn with_value(here: u32, a: N) -> u32 {
    if (a.may & (NUMBER | NAN)) == 0u {
        return 0u;
    }
    return select(here, min(here, 1u), (a.may & ABSENT) != 0u);
}

fn with_truth(here: u32, a: u32) -> u32 {
    if (a & (TRUE | FALSE)) == 0u {
        return 0u;
    }
    return select(here, min(here, 1u), (a & UNKNOWN) != 0u);
}

fn tally(number: N, here: u32) -> N {
    return N(number.lo + select(0, 1, here == 2u), number.hi + select(0, 1, here != 0u), NUMBER);
}

fn some(a: N) -> N {
    return N(a.lo, a.hi, a.may & (NUMBER | NAN));
}

fn f_sum(sum: N, a: N, here: u32) -> N {
    if here == 0u {
        return sum;
    }
    let added = f_add(sum, some(a));
    if here == 2u {
        return added;
    }
    return hull(sum, added);
}

fn i_sum(sum: N, a: N, here: u32) -> N {
    if here == 0u {
        return sum;
    }
    let added = i_add(sum, some(a));
    if here == 2u {
        return added;
    }
    return hull(sum, added);
}

fn extreme(best: N, number: N, a: N, here: u32, is_greatest: bool) -> N {
    if here == 0u {
        return best;
    }
    let own = some(a);
    if number.hi == 0 {
        return own;
    }
    var both: N;
    if is_greatest {
        both = greatest(best, own);
    } else {
        both = least(best, own);
    }
    if number.lo == 0 {
        both = hull(both, own);
    }
    if here == 1u {
        both = hull(both, best);
    }
    return both;
}

fn all_true(found: u32, a: u32, here: u32) -> u32 {
    if here == 0u {
        return found;
    }
    let both = and_truth(found, a & (TRUE | FALSE));
    return select(both | found, both, here == 2u);
}

fn any_true(found: u32, a: u32, here: u32) -> u32 {
    if here == 0u {
        return found;
    }
    let both = or_truth(found, a & (TRUE | FALSE));
    return select(both | found, both, here == 2u);
}

fn mean(sum: N, number: N) -> N {
    return f_div(sum, float_of(N(max(number.lo, 1), max(number.hi, 1), NUMBER)));
}

fn finished(a: N, number: N) -> N {
    if number.hi == 0 {
        return N(0, 0, ABSENT);
    }
    if number.lo == 0 {
        return or_null(a);
    }
    return a;
}

fn finished_truth(a: u32, number: N) -> u32 {
    if number.hi == 0 {
        return UNKNOWN;
    }
    return select(a, a | UNKNOWN, number.lo == 0);
}

// Places by a first key, and by a second where the first ties.
fn then(first: u32, second: u32) -> u32 {
    return select(first, (first & 5u) | second, (first & 2u) != 0u);
}

// What a combination of these places means for the best so far: 0 it stays, 1 it goes, 2 either.
fn outcome(found: u32, here: u32, ranks: u32) -> u32 {
    if found == 0u || (here == 2u && (ranks & 6u) == 0u) {
        return 1u;
    }
    if found == 2u && (ranks & 1u) == 0u {
        return 0u;
    }
    return 2u;
}

fn after(outcome: u32, a: N, own: N) -> N {
    if outcome == 1u {
        return own;
    }
    return hull(a, own);
}

fn after_truth(outcome: u32, a: u32, own: u32) -> u32 {
    return select(a | own, own, outcome == 1u);
}

// The key of whichever is the better of two that are both there is not beyond that of either.
fn key_after(outcome: u32, found: u32, here: u32, a: N, own: N, descending: bool) -> N {
    if outcome != 1u && found == 2u && here == 2u && a.may == NUMBER && own.may == NUMBER {
        if descending {
            return N(max(a.lo, own.lo), max(a.hi, own.hi), NUMBER);
        }
        return N(min(a.lo, own.lo), min(a.hi, own.hi), NUMBER);
    }
    return after(outcome, a, own);
}

fn first_of(a: N, found: u32) -> N {
    if found == 0u {
        return N(0, 0, ABSENT);
    }
    if found == 1u {
        return or_null(a);
    }
    return a;
}

fn first_of_truth(a: u32, found: u32) -> u32 {
    if found == 0u {
        return UNKNOWN;
    }
    return select(a, a | UNKNOWN, found == 1u);
}
