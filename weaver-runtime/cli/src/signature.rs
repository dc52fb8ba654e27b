//! [`Signature`]: a method's types as one writes them in Rust. Pure.

use std::fmt;

use weaver_runtime::graph::MethodNode;

use crate::schema::{Schema, SchemaError, Type};

/// A method's types. Its `Display` is `add(item: Item, count: u32) -> u64`, without the type of its errors.
pub(crate) struct Signature<'a> {
    node: &'a MethodNode,
    pub(crate) arguments: Schema,
    /// What it returns when it succeeds.
    pub(crate) value: Schema,
    /// What it returns when it fails, or when the call does.
    pub(crate) error: Schema,
}

impl<'a> Signature<'a> {
    pub(crate) fn new(node: &'a MethodNode) -> Result<Self, SchemaError> {
        let arguments = Schema::parse(&node.arguments_shape)?;
        let value = Schema::parse(&node.value_shape)?;
        Ok(Self { node, arguments, value, error: Schema::parse(&node.error_shape)? })
    }

    /// The structs and enums that it names, and those that they are made of, a line each.
    pub(crate) fn types(&self) -> Vec<String> {
        let arguments = self.arguments.arguments(&self.node.arguments);
        let types = arguments.iter().map(|(_, of)| *of).chain([self.value.root()]);
        let mut lines: Vec<String> = Vec::new();
        for line in types.flat_map(Type::definitions) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

/// A method in words, and the types that it names, a line each; without types, should their shapes not be understood.
pub(crate) fn describe(method: &MethodNode) -> (String, Vec<String>) {
    Signature::new(method).map_or_else(
        |_| (format!("{}({})", method.name, method.arguments.join(", ")), Vec::new()),
        |signature| (signature.to_string(), signature.types()),
    )
}

impl fmt::Display for Signature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.node.name)?;
        for (index, (name, of)) in self.arguments.arguments(&self.node.arguments).iter().enumerate()
        {
            write!(f, "{}{name}: {of}", if index > 0 { ", " } else { "" })?;
        }
        write!(f, ") -> {}", self.value.root())
    }
}
