//! The best combination of every lane: `ORDER BY … LIMIT 1`.

use super::aggregate::reset;
use super::plan::{Order, Place};
use super::scratch::Registers;
use super::vector::Vector;

/// State for the lanes of a block.
#[derive(Debug, Default)]
pub(super) struct BestState {
    /// Best value of the float key.
    float: Vec<f64>,
    /// Best values of the integer keys.
    keys: Vec<Vec<i64>>,
    /// Where the loops stood at the best combination, packed into as few words as they allow; negative before the
    /// first combination.
    places: Vec<Vec<i64>>,
    /// For each variable, the bits of its number and the word they are in.
    packing: Vec<(u32, usize)>,
    better: Vec<u8>,
}

impl BestState {
    /// Makes ready for a block whose variables run over so many objects.
    pub(super) fn reset(&mut self, order: &Order, objects: impl Iterator<Item = usize>) {
        let keys = match order {
            Order::Float(_) => 0,
            Order::Keys(keys) => keys.len(),
        };
        reset(&mut self.float, f64::NAN);
        reset(&mut self.better, 0);
        self.keys.resize_with(keys, Vec::new);
        self.keys.iter_mut().for_each(|key| reset(key, 0));
        self.packing.clear();
        let (mut word, mut used) = (0, 0);
        for objects in objects {
            let bits = usize::BITS - objects.leading_zeros();
            if used + bits > 62 {
                (word, used) = (word + 1, 0);
            }
            self.packing.push((bits, word));
            used += bits;
        }
        self.places.resize_with(word + 1, Vec::new);
        self.places.iter_mut().for_each(|word| reset(word, -1));
    }

    /// Does one word hold where all loops stand?
    pub(super) fn is_packed(&self) -> bool {
        self.places.len() == 1
    }

    /// For a loop of its own: the place where the loops stand, the best keys, and their places.
    pub(super) fn nearest(&mut self, cursor: &[usize]) -> Option<(u64, &mut [f64], &mut [i64])> {
        let place = self.place(cursor, 0).cast_unsigned();
        let [word] = &mut self.places[..] else { return None };
        Some((place, &mut self.float, word))
    }

    fn place(&self, cursor: &[usize], word: usize) -> i64 {
        let own = self.packing.iter().zip(cursor).filter(|((_, home), _)| *home == word);
        own.fold(0, |place, ((bits, _), k)| (place << bits) | i64::try_from(*k).unwrap_or(0))
    }

    /// Takes one combination of the lanes in `mask` (`None`: of all).
    pub(super) fn step(
        &mut self,
        vector: Vector,
        order: &Order,
        registers: &Registers,
        mask: Option<&[u8]>,
        lanes: usize,
    ) {
        match order {
            Order::Float(key) => {
                let (key, place) = (registers.read(*key, lanes), self.place(&registers.cursor, 0));
                if let [word] = &mut self.places[..] {
                    vector.keep_least(&mut self.float[..lanes], &mut word[..lanes], key, mask, place);
                    return;
                }
                // Several words: first find where the combination is better.
                let mut place = self.places[0].clone();
                vector.keep_least(&mut self.float[..lanes], &mut place[..lanes], key, mask, i64::MAX);
                vector.map(&mut self.better[..lanes], &place[..lanes], |place| u8::from(place == i64::MAX));
            }
            Order::Keys(keys) => self.compare(vector, registers, keys, mask, lanes),
        }
        for word in 0..self.places.len() {
            let place = self.place(&registers.cursor, word);
            let better = &self.better[..lanes];
            vector.update(
                &mut self.places[word][..lanes],
                better,
                #[inline(always)]
                |kept, better: u8| {
                    *kept = if better != 0 { place } else { *kept };
                },
            );
        }
    }

    fn compare(
        &mut self,
        vector: Vector,
        registers: &Registers,
        keys: &[Place],
        mask: Option<&[u8]>,
        lanes: usize,
    ) {
        let better = &mut self.better[..lanes];
        better.fill(0);
        // The least significant key first: a key decides where those before it are equal.
        for (best, key) in self.keys.iter().zip(keys).rev() {
            vector.better(better, registers.read(*key, lanes), &best[..lanes]);
        }
        // The first combination is better than none.
        vector.update(
            better,
            &self.places[0][..lanes],
            #[inline(always)]
            |better, place: i64| {
                *better |= u8::from(place < 0);
            },
        );
        if let Some(mask) = mask {
            vector.keep(better, mask);
        }
        for (best, key) in self.keys.iter_mut().zip(keys) {
            vector.fold(
                &mut best[..lanes],
                registers.read(*key, lanes),
                Some(better),
                #[inline(always)]
                |_: i64, key: i64| key,
            );
        }
    }

    /// Every one of the first lanes has a combination.
    pub(super) fn all_found(&self, lanes: usize) -> bool {
        self.places[0][..lanes].iter().all(|place| *place >= 0)
    }

    /// The number of each variable's object in the combinations kept.
    pub(super) fn numbers(&self, lanes: usize) -> Vec<Vec<u32>> {
        let mut numbers = vec![Vec::new(); self.packing.len()];
        let mut shifts = vec![0; self.places.len()];
        for (numbers, (bits, word)) in numbers.iter_mut().zip(&self.packing).rev() {
            let (shift, mask) = (shifts[*word], (1i64 << bits) - 1);
            let number = |place: &i64| u32::try_from((place.max(&0) >> shift) & mask).unwrap_or(0);
            numbers.extend(self.places[*word][..lanes].iter().map(number));
            shifts[*word] += bits;
        }
        numbers
    }

    /// Which lanes have a combination.
    pub(super) fn found(&self, lanes: usize) -> impl Iterator<Item = bool> {
        self.places[0].iter().take(lanes).map(|place| *place >= 0)
    }
}
