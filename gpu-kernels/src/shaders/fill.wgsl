// One histogram: every entry (an event and the row of tables its categories have) adds a count and its weights to a cell,
// or to one for each of its items. A workgroup keeps a table of its own where that fits; the y of the grid is a tile of
// weights. Sums are integers, so no order of additions shows.

override PRIVATE: bool = false;
override WORDS: u32 = 1u;

var<workgroup> own: array<atomic<u32>, WORDS>;

fn add_global(at: u32, lower: u32, upper: u32) {
    var up = upper;
    if lower != 0u {
        let old = atomicAdd(&tables[at], lower);
        up += select(0u, 1u, old + lower < old);
    }
    if up != 0u {
        atomicAdd(&tables[at + 1u], up);
    }
}

fn add_own(at: u32, lower: u32, upper: u32) {
    var up = upper;
    if lower != 0u {
        let old = atomicAdd(&own[at], lower);
        up += select(0u, 1u, old + lower < old);
    }
    if up != 0u {
        atomicAdd(&own[at + 1u], up);
    }
}

// A fill of one row with the tile's weights of an event.
fn add(row: u32, event: u32, tile: u32) {
    let weights = step.at[0].w;
    let first = tile * step.at[2].x;
    let end = min(first + step.at[2].x, weights);
    let width = 1u + 8u * step.at[2].x;
    if PRIVATE {
        atomicAdd(&own[row * width], 1u);
    } else if tile == 0u {
        add_global(step.at[1].x + 2u * row, 1u, 0u);
    }
    for (var weight = first; weight < end; weight++) {
        let cut = step.at[0].z + 8u * (event * weights + weight);
        for (var part = 0u; part < 8u; part += 2u) {
            let lower = data[cut + part];
            let upper = data[cut + part + 1u];
            if PRIVATE {
                add_own(row * width + 1u + 8u * (weight - first) + part, lower, upper);
            } else {
                add_global(step.at[1].y + 8u * (row * weights + weight) + part, lower, upper);
            }
        }
    }
}

// How many items an event has: 1 without lists.
fn items_of(event: u32) -> u32 {
    var items = NONE;
    for (var axis = 0u; axis < step.at[1].w; axis++) {
        let starts = step.at[3u + axis].z;
        if starts != NONE {
            items = min(items, data[starts + event + 1u] - data[starts + event]);
        }
    }
    return select(items, 1u, items == NONE);
}

fn add_event(event: u32, pattern: u32, tile: u32) {
    let items = items_of(event);
    for (var item = 0u; item < items; item++) {
        var cell = 0u;
        var alive = true;
        for (var axis = 0u; axis < step.at[1].w; axis++) {
            let place = step.at[3u + axis];
            var entry = event;
            if place.z != NONE {
                entry = data[place.z + event] + item;
            }
            let bin = bins[place.x + entry];
            alive = alive && bin != NONE;
            cell += bin * place.y;
        }
        if alive {
            add(pattern * step.at[1].z + cell, event, tile);
        }
    }
}

// Adds the workgroup's table to that of the device.
fn merge(own_words: u32, tile: u32, local: u32) {
    let width = 1u + 8u * step.at[2].x;
    let weights = step.at[0].w;
    let first = tile * step.at[2].x;
    for (var row = local; row < own_words / width; row += GROUP) {
        let count = atomicLoad(&own[row * width]);
        if count == 0u {
            continue;
        }
        if tile == 0u {
            add_global(step.at[1].x + 2u * row, count, 0u);
        }
        for (var weight = first; weight < min(first + step.at[2].x, weights); weight++) {
            let source = row * width + 1u + 8u * (weight - first);
            let goal = step.at[1].y + 8u * (row * weights + weight);
            for (var part = 0u; part < 8u; part += 2u) {
                add_global(goal + part, atomicLoad(&own[source + part]), atomicLoad(&own[source + part + 1u]));
            }
        }
    }
}

// Whether the CPU decides about an event, or it has not passed what the device decided.
fn is_out(event: u32) -> bool {
    let marks = step.at[2].z;
    let mask = step.at[2].w;
    if marks != NONE && ((atomicLoad(&tables[marks + event / 32u]) >> (event % 32u)) & 1u) == 1u {
        return true;
    }
    return mask != NONE && bins[mask + event] == 0u;
}

@compute @workgroup_size(256)
fn fill(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let entries = step.at[0].x;
    let number = step.at[0].y;
    let own_words = step.at[2].y;
    if PRIVATE {
        for (var word = local; word < own_words; word += GROUP) {
            atomicStore(&own[word], 0u);
        }
        workgroupBarrier();
    }
    for (var i = id.x; i < number; i += groups.x * GROUP) {
        let event = data[entries + 2u * i];
        if !is_out(event) {
            add_event(event, data[entries + 2u * i + 1u], group.y);
        }
    }
    if PRIVATE {
        workgroupBarrier();
        merge(own_words, group.y, local);
    }
}
