//! The program itself, which does nothing: its components do.

use weaver_guests as _;

#[weaver::main]
async fn main() {}
