// What every kernel sees. Columns, entries and cut weights are words; where something begins is a word number.
@group(0) @binding(0) var<storage, read> data: array<u32>;
// Thresholds as sort keys: integers in the order of the values.
@group(0) @binding(1) var<storage, read> thresholds: array<u32>;
// Bin of every entry of every column on every axis.
@group(0) @binding(2) var<storage, read_write> bins: array<u32>;
// Sums since the last read-back: 64 bits in two words, the lower first.
@group(0) @binding(3) var<storage, read_write> tables: array<atomic<u32>>;

struct Step {
    at: array<vec4<u32>, 32>,
}
@group(0) @binding(4) var<uniform> step: Step;

// No position; and as a bin: a NULL.
const NONE: u32 = 0xffffffffu;
const GROUP: u32 = 256u;
