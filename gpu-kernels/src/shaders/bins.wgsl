// Bins of a column on an axis. A value becomes an integer key that sorts as the value does, NaN above everything; the
// bin is the number of thresholds at or below it. There is no float arithmetic, so there is nothing to round.

const CODES: u32 = 0u;
const U32: u32 = 1u;
const I32: u32 = 2u;
const F32: u32 = 3u;
const F64: u32 = 4u;
const SIGN: u32 = 0x80000000u;

fn narrow_key(kind: u32, word: u32) -> u32 {
    if kind == U32 {
        return word;
    }
    if kind == I32 {
        return word ^ SIGN;
    }
    if (word & 0x7fffffffu) > 0x7f800000u {
        return 0xffffffffu;
    }
    if word >= SIGN {
        // −0 is 0.
        return select(~word, SIGN, word == SIGN);
    }
    return word | SIGN;
}

// (lower, upper) word.
fn wide_key(kind: u32, lower: u32, upper: u32) -> vec2<u32> {
    if kind != F64 {
        return vec2<u32>(lower, upper ^ SIGN);
    }
    let size = upper & 0x7fffffffu;
    if size > 0x7ff00000u || (size == 0x7ff00000u && lower != 0u) {
        return vec2<u32>(0xffffffffu, 0xffffffffu);
    }
    if upper >= SIGN {
        if size == 0u && lower == 0u {
            return vec2<u32>(0u, SIGN);
        }
        return vec2<u32>(~lower, ~upper);
    }
    return vec2<u32>(lower, upper | SIGN);
}

fn narrow_bin(key: u32, first: u32, number: u32) -> u32 {
    var low = 0u;
    var high = number;
    while low < high {
        let middle = (low + high) / 2u;
        if thresholds[first + middle] <= key { low = middle + 1u; } else { high = middle; }
    }
    return low;
}

fn wide_bin(key: vec2<u32>, first: u32, number: u32) -> u32 {
    var low = 0u;
    var high = number;
    while low < high {
        let middle = (low + high) / 2u;
        let lower = thresholds[first + 2u * middle];
        let upper = thresholds[first + 2u * middle + 1u];
        let reached = upper < key.y || (upper == key.y && lower <= key.x);
        if reached { low = middle + 1u; } else { high = middle; }
    }
    return low;
}

@compute @workgroup_size(256)
fn find(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let values = step.at[0].x;
    let entries = step.at[0].y;
    let valid = step.at[0].z;
    let out = step.at[0].w;
    let kind = step.at[1].x;
    let first = step.at[1].y;
    let number = step.at[1].z;
    for (var entry = id.x; entry < entries; entry += groups.x * GROUP) {
        var bin = NONE;
        if valid == NONE || ((data[valid + entry / 32u] >> (entry % 32u)) & 1u) == 1u {
            if kind == CODES {
                bin = min(data[values + entry], number);
            } else if kind < F64 {
                bin = narrow_bin(narrow_key(kind, data[values + entry]), first, number);
            } else {
                let at = values + 2u * entry;
                bin = wide_bin(wide_key(kind, data[at], data[at + 1u]), first, number);
            }
        }
        bins[out + entry] = bin;
    }
}
