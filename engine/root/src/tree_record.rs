//! The record of a TTree, turned into plain branches and leaves. What they mean is decided in `branch`.

use std::collections::HashMap;
use std::rc::Rc;

use crate::basket::{EmbeddedBasket, read_embedded};
use crate::error::{Result, RootError};
use crate::layout::{Kind, Member, Slot, is_decoration, members};
use crate::object::{ObjectReader, Tagged};
use crate::streamer::Streamers;

/// A TBranch or a class derived from it.
#[derive(Debug, Default)]
pub(crate) struct RawBranch {
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) class_name: String,
    pub(crate) file_name: String,
    pub(crate) numbers: Numbers,
    pub(crate) basket_bytes: Vec<i64>,
    pub(crate) basket_entry: Vec<i64>,
    pub(crate) basket_seek: Vec<i64>,
    /// Baskets inside the tree's record, with their index.
    pub(crate) embedded: Vec<(usize, EmbeddedBasket)>,
    pub(crate) children: Vec<usize>,
    pub(crate) leaves: Vec<usize>,
}

/// A TLeaf or a class derived from it.
#[derive(Debug, Default)]
pub(crate) struct RawLeaf {
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) numbers: Numbers,
    /// The leaf that holds the number of items, by its number in the record.
    pub(crate) count: Option<u32>,
}

/// Whole-number members by slot.
#[derive(Debug, Clone)]
pub(crate) struct Numbers([i64; Slot::Count as usize]);

impl Default for Numbers {
    fn default() -> Self {
        Self([0; Slot::Count as usize])
    }
}

impl Numbers {
    pub(crate) fn get(&self, slot: Slot) -> i64 {
        self.0.get(slot as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, slot: Slot, value: i64) {
        if let Some(number) = self.0.get_mut(slot as usize) {
            *number = value;
        }
    }
}

/// Everything of the record.
#[derive(Debug, Default)]
pub(crate) struct RawTree {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) numbers: Numbers,
    pub(crate) top: Vec<usize>,
    pub(crate) branches: Vec<RawBranch>,
    pub(crate) leaves: Vec<RawLeaf>,
    /// Leaf by its number in the record.
    pub(crate) leaf_ids: HashMap<u32, usize>,
}

/// Members of an object while it is being read.
#[derive(Default)]
struct Fields {
    name: String,
    title: String,
    class_name: String,
    file_name: String,
    numbers: Numbers,
    basket_bytes: Vec<i64>,
    basket_entry: Vec<i64>,
    basket_seek: Vec<i64>,
    embedded: Vec<(usize, EmbeddedBasket)>,
    branches: Vec<usize>,
    leaves: Vec<usize>,
    count: Option<u32>,
}

/// What an object of the record turned out to be.
enum Object {
    Branch(usize),
    Leaf(usize),
    Basket(EmbeddedBasket),
    Other,
}

struct Parser<'a> {
    reader: ObjectReader<'a>,
    streamers: &'a Streamers,
    layouts: HashMap<(String, u16), Rc<Vec<Member>>>,
    branch_ids: HashMap<u32, usize>,
    tree: RawTree,
}

/// Reads the record's content.
pub(crate) fn read(class: &str, content: &[u8], key_length: u16, streamers: &Streamers) -> Result<RawTree> {
    let mut parser = Parser {
        reader: ObjectReader::new(content, key_length),
        streamers,
        layouts: HashMap::new(),
        branch_ids: HashMap::new(),
        tree: RawTree::default(),
    };
    let mut fields = Fields::default();
    parser.object(class, &mut fields)?;
    let mut tree = parser.tree;
    tree.name = fields.name;
    tree.title = fields.title;
    tree.numbers = fields.numbers;
    tree.top = fields.branches;
    Ok(tree)
}

impl Parser<'_> {
    fn layout(&mut self, class: &str, version: u16) -> Result<Rc<Vec<Member>>> {
        let key = (class.to_owned(), version);
        if let Some(found) = self.layouts.get(&key) {
            return Ok(Rc::clone(found));
        }
        let found = members(class, version, self.streamers).ok_or_else(|| {
            let why = self.streamers.fault.as_ref().map(|fault| format!(" ({fault})")).unwrap_or_default();
            RootError::unsupported(format!(
                "{class} version {version}, which the file does not describe{why}"
            ))
        })?;
        let found = Rc::new(found);
        self.layouts.insert(key, Rc::clone(&found));
        Ok(found)
    }

    /// Reads an object from its header to its end.
    fn object(&mut self, class: &str, fields: &mut Fields) -> Result<()> {
        let start = self.reader.cursor.position();
        let header = self.reader.cursor.object_header()?;
        if header.memberwise {
            return Err(RootError::unsupported(format!("{class} streamed member by member")).at(start as u64));
        }
        let layout = self.layout(class, header.version).map_err(|error| error.at(start as u64))?;
        for member in layout.iter() {
            if member.kind == Kind::Rest {
                match header.end {
                    Some(end) if end >= self.reader.cursor.position() => self.reader.cursor.seek(end)?,
                    _ => {
                        return Err(
                            RootError::malformed(format!("{class} with its length"), "none").at(start as u64)
                        );
                    }
                }
                return Ok(());
            }
            self.member(member, fields)?;
        }
        match header.end {
            Some(end) => self.reader.cursor.finish(class, end),
            None => Ok(()),
        }
    }

    fn member(&mut self, member: &Member, fields: &mut Fields) -> Result<()> {
        let cursor = &mut self.reader.cursor;
        let value = match member.kind {
            Kind::I8 => i64::from(cursor.i8()?),
            Kind::U8 => i64::from(cursor.u8()?),
            Kind::I16 => i64::from(cursor.i16()?),
            Kind::U16 => i64::from(cursor.u16()?),
            Kind::I32 => i64::from(cursor.i32()?),
            Kind::U32 => i64::from(cursor.u32()?),
            Kind::I64 => cursor.i64()?,
            Kind::F32 => whole(f64::from(cursor.f32()?))?,
            Kind::F64 if member.slot == Slot::Skipped => return cursor.skip(8),
            Kind::F64 => whole(cursor.f64()?)?,
            Kind::Bytes(count) => return cursor.skip(count),
            Kind::Named => {
                (fields.name, fields.title) = cursor.named()?;
                return Ok(());
            }
            Kind::TObject => return cursor.skip_tobject(),
            Kind::Text => {
                match member.slot {
                    Slot::ClassName => fields.class_name = cursor.string()?,
                    Slot::FileName => fields.file_name = cursor.string()?,
                    _ => drop(cursor.string_bytes()?),
                }
                return Ok(());
            }
            Kind::LongText => {
                let count = cursor.count(1)?;
                return cursor.skip(count);
            }
            Kind::Base if is_decoration(&member.class) => return cursor.skip_object(),
            Kind::Base => return self.object(&member.class, fields),
            Kind::Object => {
                return match member.slot {
                    Slot::Branches | Slot::Leaves | Slot::Baskets => self.array(member.slot, fields),
                    _ => cursor.skip_object(),
                };
            }
            Kind::Pointer if member.slot == Slot::LeafCount => return self.leaf_count(fields),
            Kind::Pointer => return self.pointer().map(drop),
            Kind::Array { count, width } => {
                return self.numbers(member.slot, count, Some(width), fields);
            }
            Kind::OldSeeks => return self.numbers(member.slot, Slot::MaxBaskets, None, fields),
            Kind::Rest => return Ok(()),
        };
        fields.numbers.set(member.slot, value);
        Ok(())
    }

    /// An array sized by another member; without a width it is 8 where the flag byte is 2, else 4.
    fn numbers(&mut self, slot: Slot, count: Slot, width: Option<usize>, fields: &mut Fields) -> Result<()> {
        let cursor = &mut self.reader.cursor;
        let at = cursor.position() as u64;
        let flag = cursor.u8()?;
        let width = width.unwrap_or(if flag == 2 { 8 } else { 4 });
        let count = fields.numbers.get(count);
        let count = usize::try_from(count).map_err(|_| RootError::malformed("a count", count).at(at))?;
        cursor.check_count(count, width).map_err(|error| error.at(at))?;
        let bytes = cursor.take(count * width)?;
        let target = match slot {
            Slot::BasketBytes => &mut fields.basket_bytes,
            Slot::BasketEntry => &mut fields.basket_entry,
            Slot::BasketSeek => &mut fields.basket_seek,
            _ => return Ok(()),
        };
        // Tables are over-allocated tenfold; only what has been written is wanted.
        let written = usize::try_from(fields.numbers.get(Slot::WriteBasket)).unwrap_or(0).saturating_add(1);
        *target = if width == 8 {
            bytes.as_chunks::<8>().0.iter().take(written).map(|c| i64::from_be_bytes(*c)).collect()
        } else {
            bytes.as_chunks::<4>().0.iter().take(written).map(|c| i64::from(i32::from_be_bytes(*c))).collect()
        };
        Ok(())
    }

    /// A TObjArray of branches, leaves or baskets.
    fn array(&mut self, slot: Slot, fields: &mut Fields) -> Result<()> {
        let start = self.reader.cursor.position() as u64;
        let header = self.reader.cursor.object_header()?;
        let cursor = &mut self.reader.cursor;
        cursor.skip_tobject()?;
        cursor.string_bytes()?;
        let count = cursor.count(4).map_err(|error| error.at(start))?;
        cursor.skip(4)?;
        for index in 0..count {
            match self.pointer()? {
                Object::Branch(branch) if slot == Slot::Branches => fields.branches.push(branch),
                Object::Leaf(leaf) if slot == Slot::Leaves => fields.leaves.push(leaf),
                Object::Basket(basket) if slot == Slot::Baskets => fields.embedded.push((index, basket)),
                _ => {}
            }
        }
        match header.end {
            Some(end) => self.reader.cursor.finish("TObjArray", end),
            None => Ok(()),
        }
    }

    fn leaf_count(&mut self, fields: &mut Fields) -> Result<()> {
        let id = match self.reader.tagged()? {
            Tagged::Null => return Ok(()),
            Tagged::Seen(id) => id,
            // The first mention of the counter's leaf: it is streamed here, its branch refers to it later.
            Tagged::New { class, id, end } => {
                self.new_object(class, id, end)?;
                id
            }
        };
        fields.count = Some(id);
        Ok(())
    }

    fn pointer(&mut self) -> Result<Object> {
        match self.reader.tagged()? {
            Tagged::Null => Ok(Object::Other),
            Tagged::Seen(id) => Ok(match (self.branch_ids.get(&id), self.tree.leaf_ids.get(&id)) {
                (Some(branch), _) => Object::Branch(*branch),
                (None, Some(leaf)) => Object::Leaf(*leaf),
                (None, None) => Object::Other,
            }),
            Tagged::New { class, id, end } => self.new_object(class, id, end),
        }
    }

    fn new_object(&mut self, class: &str, id: u32, end: Option<usize>) -> Result<Object> {
        let object = if class.starts_with("TBranch") {
            self.branch(class, id)?
        } else if class.starts_with("TLeaf") {
            self.leaf(class, id)?
        } else if class == "TBasket" {
            let start = self.reader.cursor.position() as u64;
            let end =
                end.ok_or_else(|| RootError::malformed("a basket with its length", "none").at(start))?;
            Object::Basket(read_embedded(&mut self.reader.cursor, end).map_err(|error| error.at(start))?)
        } else {
            Object::Other
        };
        self.reader.leave(class, end)?;
        Ok(object)
    }

    fn branch(&mut self, class: &str, id: u32) -> Result<Object> {
        // Known before its members are read, for they may refer to it.
        let index = self.tree.branches.len();
        self.tree.branches.push(RawBranch::default());
        self.branch_ids.insert(id, index);
        let mut fields = Fields::default();
        let read = self.object(class, &mut fields);
        read.map_err(|error| if fields.name.is_empty() { error } else { error.in_branch(&fields.name) })?;
        let branch = RawBranch {
            class: class.to_owned(),
            name: fields.name,
            title: fields.title,
            class_name: fields.class_name,
            file_name: fields.file_name,
            numbers: fields.numbers,
            basket_bytes: fields.basket_bytes,
            basket_entry: fields.basket_entry,
            basket_seek: fields.basket_seek,
            embedded: fields.embedded,
            children: fields.branches,
            leaves: fields.leaves,
        };
        if let Some(place) = self.tree.branches.get_mut(index) {
            *place = branch;
        }
        Ok(Object::Branch(index))
    }

    fn leaf(&mut self, class: &str, id: u32) -> Result<Object> {
        let mut fields = Fields::default();
        self.object(class, &mut fields)?;
        let index = self.tree.leaves.len();
        self.tree.leaves.push(RawLeaf {
            class: class.to_owned(),
            name: fields.name,
            title: fields.title,
            numbers: fields.numbers,
            count: fields.count,
        });
        self.tree.leaf_ids.insert(id, index);
        Ok(Object::Leaf(index))
    }
}

/// Old files count in doubles.
fn whole(number: f64) -> Result<i64> {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return Ok(number as i64);
    }
    Err(RootError::malformed("a whole number", number))
}
