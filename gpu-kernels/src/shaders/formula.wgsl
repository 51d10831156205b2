// Columns as intervals, and what becomes of a value: a bin, or a mark that the CPU has to decide.

fn is_there(valid: u32, entry: u32) -> bool {
    return valid == NONE || ((data[valid + entry / 32u] >> (entry % 32u)) & 1u) == 1u;
}

fn load_f32(place: vec4<u32>, entry: u32) -> N {
    if !is_there(place.y, entry) {
        return N(0, 0, ABSENT);
    }
    let bits = bitcast<i32>(data[place.x + entry]);
    if (bits & MOST) > 0x7f800000 {
        return N(0, 0, NAN);
    }
    let sorted = select(bits, bits ^ MOST, bits < 0);
    return point(select(sorted, 0, sorted == -1));
}

// The two floats around a double.
fn load_f64(place: vec4<u32>, entry: u32) -> N {
    if !is_there(place.y, entry) {
        return N(0, 0, ABSENT);
    }
    let low = data[place.x + 2u * entry];
    let high = data[place.x + 2u * entry + 1u];
    let size = high & 0x7fffffffu;
    if size > 0x7ff00000u || (size == 0x7ff00000u && low != 0u) {
        return N(0, 0, NAN);
    }
    var lo = 0;
    var hi = 0;
    let exponent = size >> 20u;
    if exponent >= 1151u {
        // 2¹²⁸ and above, infinity with it.
        lo = 2139095039;
        hi = 2139095040;
    } else if exponent <= 896u {
        // Below the least normal float.
        hi = select(8388608, 0, size == 0u && low == 0u);
    } else {
        lo = bitcast<i32>(((exponent - 896u) << 23u) | ((size & 0xfffffu) << 3u) | (low >> 29u));
        hi = select(lo + 1, lo, (low & 0x1fffffffu) == 0u);
    }
    if (high >> 31u) == 1u {
        return N(negative(hi), negative(lo), NUMBER);
    }
    return N(lo, hi, NUMBER);
}

fn short(value: i32) -> N {
    if value > -1073741824 && value < 1073741824 {
        return point(value);
    }
    return any_integer(0u);
}

fn load_i32(place: vec4<u32>, entry: u32) -> N {
    if !is_there(place.y, entry) {
        return N(0, 0, ABSENT);
    }
    return short(bitcast<i32>(data[place.x + entry]));
}

fn load_u32(place: vec4<u32>, entry: u32) -> N {
    if !is_there(place.y, entry) {
        return N(0, 0, ABSENT);
    }
    let value = data[place.x + entry];
    return short(bitcast<i32>(min(value, 0x7fffffffu)));
}

fn load_i64(place: vec4<u32>, entry: u32) -> N {
    if !is_there(place.y, entry) {
        return N(0, 0, ABSENT);
    }
    let low = bitcast<i32>(data[place.x + 2u * entry]);
    let high = bitcast<i32>(data[place.x + 2u * entry + 1u]);
    if high != (low >> 31u) {
        return any_integer(0u);
    }
    return short(low);
}

fn load_u64(place: vec4<u32>, entry: u32) -> N {
    if !is_there(place.y, entry) {
        return N(0, 0, ABSENT);
    }
    if data[place.x + 2u * entry + 1u] != 0u {
        return any_integer(0u);
    }
    return short(bitcast<i32>(min(data[place.x + 2u * entry], 0x7fffffffu)));
}

fn load_bool(place: vec4<u32>, entry: u32) -> u32 {
    if !is_there(place.y, entry) {
        return UNKNOWN;
    }
    return select(FALSE, TRUE, data[place.x + entry] != 0u);
}

fn undecided(event: u32) {
    atomicOr(&tables[step.at[0].y + event / 32u], 1u << (event % 32u));
}

// The bin of a value on an axis, of which `place` is where bins go, the first threshold and the number of them.
fn put_bin(a: N, place: vec4<u32>, event: u32) {
    var bin = NONE;
    if a.may == NAN {
        bin = narrow_bin(0xffffffffu, place.y, place.z);
    } else if a.may == NUMBER {
        bin = narrow_bin(bitcast<u32>(a.lo) ^ SIGN, place.y, place.z);
        if a.lo != a.hi && bin != narrow_bin(bitcast<u32>(a.hi) ^ SIGN, place.y, place.z) {
            undecided(event);
        }
    } else if a.may != ABSENT {
        undecided(event);
    }
    bins[place.x + event] = bin;
}

fn put_mask(a: u32, place: vec4<u32>, event: u32) {
    if (a & TRUE) != 0u && a != TRUE {
        undecided(event);
    }
    bins[place.x + event] = select(0u, 1u, (a & TRUE) != 0u);
}
