//! Text of nested blocks. What depends on outer blocks only is written there, once.

use std::collections::HashMap;

/// How a value is kept in a shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A set of truths.
    Bool,
    /// Bounds that are integers.
    Integer,
    /// Bounds that are keys of floats.
    Float,
}

/// A name in the shader, and the block it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) class: Class,
    pub(super) depth: usize,
}

/// A block that is still open.
#[derive(Debug, Default)]
pub(super) struct Block {
    text: String,
    known: HashMap<String, Value>,
}

#[derive(Debug)]
pub(super) struct Writer {
    blocks: Vec<Block>,
    names: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { blocks: vec![Block::default()], names: 0 }
    }

    /// The innermost block.
    pub(super) fn depth(&self) -> usize {
        self.blocks.len() - 1
    }

    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// A line in the innermost block.
    pub(super) fn line(&mut self, line: &str) {
        if let Some(block) = self.blocks.last_mut() {
            block.text.push_str(line);
            block.text.push('\n');
        }
    }

    /// A value without effects, of which the parts belong to blocks of `depths`: written in the innermost of those, unless it is
    /// there already.
    pub(super) fn value(
        &mut self,
        class: Class,
        text: String,
        depths: impl IntoIterator<Item = usize>,
    ) -> Value {
        let depth = depths.into_iter().max().unwrap_or(0).min(self.depth());
        if let Some(known) = self.blocks[depth].known.get(&text) {
            return known.clone();
        }
        let name = self.fresh("v");
        let block = &mut self.blocks[depth];
        block.text.push_str(&format!("let {name} = {text};\n"));
        let value = Value { name, class, depth };
        block.known.insert(text, value.clone());
        value
    }

    /// What a variable holds now.
    pub(super) fn snapshot(&mut self, class: Class, text: &str) -> Value {
        let name = self.fresh("v");
        self.line(&format!("let {name} = {text};"));
        Value { name, class, depth: self.depth() }
    }

    /// Opens a block; gives its depth.
    pub(super) fn open(&mut self, head: &str) -> usize {
        self.blocks.push(Block { text: format!("{head} {{\n"), ..Block::default() });
        self.depth()
    }

    /// Closes blocks until `depth` is the innermost.
    pub(super) fn close_to(&mut self, depth: usize) {
        while self.depth() > depth {
            if let Some(closed) = self.blocks.pop() {
                self.line(&format!("{}}}", closed.text));
            }
        }
    }

    /// Leaves the blocks beyond `depth` for now.
    pub(super) fn leave(&mut self, depth: usize) -> Vec<Block> {
        self.blocks.split_off(self.blocks.len().min(depth + 1))
    }

    /// Goes on in the blocks that were left.
    pub(super) fn resume(&mut self, blocks: Vec<Block>) {
        self.blocks.extend(blocks);
    }

    /// All of it.
    pub(super) fn finish(mut self) -> String {
        self.close_to(0);
        self.blocks.pop().map(|block| block.text).unwrap_or_default()
    }
}
