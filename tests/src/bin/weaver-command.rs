//! The `weaver` command, built for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    weaver_cli::main()
}
