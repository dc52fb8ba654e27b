//! Values of every serde shape that can be carried arrive as they were sent, both ways.

mod collections;
mod echo;
mod numbers;
mod recursion;
mod standard;
mod structs;

pub(crate) use self::{
    collections::{collections, hashed_collections},
    numbers::{floats_keep_their_bits, integers_wider_than_a_guests, numbers},
    recursion::{instantiated_generics, recursive_types},
    standard::{shared_and_borrowed_types, types_of_the_standard_library},
    structs::{enums, options, sixteen_arguments, structs, texts},
};
